"""A caller may take their own tape along: an open one, after the call, with the address they got."""

import pytest
from fastapi.testclient import TestClient

from serving.keepsakes import tape_url
from sessions.tape import tape_path

CALL = "call-17"


@pytest.fixture
def client(make_app, tmp_path, monkeypatch):
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path))
    with TestClient(make_app(), base_url="http://localhost") as client:
        yield client


def test_an_open_tape_is_handed_to_who_has_its_address(client, tmp_path):
    tape_path(tmp_path, CALL, sealed=False).write_bytes(b"\x89MCAP0\r\n")
    answer = client.get(tape_url(CALL))
    assert answer.content == b"\x89MCAP0\r\n"
    assert f'filename="{CALL}.mcap"' in answer.headers["content-disposition"]
    assert client.head(tape_url(CALL)).status_code == 200


def test_knowing_the_session_is_not_enough(client, tmp_path):
    tape_path(tmp_path, CALL, sealed=False).touch()
    assert client.get(f"/sessions/{CALL}/tape").status_code == 403
    assert client.get(f"/sessions/{CALL}/tape?token=guessed").status_code == 403
    other = tape_url("call-18").replace("call-18/tape", f"{CALL}/tape")
    assert client.get(other).status_code == 403


def test_a_sealed_tape_is_handed_to_nobody(client, tmp_path):
    tape_path(tmp_path, CALL, sealed=True).touch()
    answer = client.get(tape_url(CALL))
    assert answer.status_code == 403
    assert "sealed" in answer.json()["detail"]


def test_a_call_without_a_tape_says_so(client):
    assert client.get(tape_url(CALL)).status_code == 404


def test_the_tape_of_a_running_call_is_not_finished_yet(client, tmp_path):
    session = client.post("/start", json={"transport": "webrtc"}).json()
    tape_path(tmp_path, session["sessionId"], sealed=False).touch()
    assert client.get(session["tapeUrl"]).status_code == 425

"""The routes by which the operator's devices send readings."""

import asyncio

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from serving.app import create_app
from serving.cards import BotCard
from serving.readings import KEY, readings_token
from sessions import OPEN, Session

HEART = {"reading": "heart rate", "value": 118, "unit": "/min"}
CARD = BotCard(name="quiet", about="", policy="OPEN", disclosure="It is an AI.")


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A server with one session; yields the client, the session's id and the session."""
    monkeypatch.setenv(KEY, "devices")
    begun, over = [], []

    async def bot(runner_args):
        over.append(asyncio.Event())
        begun.append(Session(runner_args, policy=OPEN))
        await over[0].wait()

    app = create_app(bot=bot, catalogue=lambda: [CARD], uploads=tmp_path, loopback=True, hosts=None)
    with TestClient(app) as client:
        answer = client.post("/start", json={"transport": "websocket"}).json()
        with client.websocket_connect(f"/ws-client?session={answer['sessionId']}") as caller:
            for _ in range(100):
                if begun:
                    break
                client.get("/healthz")
            yield client, answer["sessionId"], begun[0]
            client.portal.call(over[0].set)
            caller.receive()  # the server hangs up


def bearer(session_id: str, key: str = "devices") -> dict:
    return {"authorization": f"Bearer {readings_token(session_id, key)}"}


def test_a_device_posts_what_it_measures(house):
    client, id, session = house
    answer = client.post(f"/sessions/{id}/readings?source=bed 4", json=HEART, headers=bearer(id))
    assert (answer.status_code, answer.json()) == (202, {"taken": 1})
    reading = session.readings.latest("heart rate")
    assert (reading.value, reading.source, reading.trusted) == (118, "bed 4", True)


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, "does not open"),
        ({"authorization": "Bearer x"}, "does not open"),
        (bearer("another"), "does not open"),
        (bearer("r", "guessed"), "does not open"),
    ],
)
def test_the_session_id_alone_opens_nothing(house, headers, says):
    client, id, _ = house
    answer = client.post(f"/sessions/{id}/readings", json=HEART, headers=headers)
    assert answer.status_code == 401 and says in answer.json()["detail"]


def test_without_the_operators_key_nothing_is_taken(house, monkeypatch):
    client, id, _ = house
    monkeypatch.delenv(KEY)
    answer = client.post(f"/sessions/{id}/readings", json=HEART, headers=bearer(id, ""))
    assert answer.status_code == 403 and KEY in answer.json()["detail"]


def test_a_session_that_never_was_has_no_readings(house):
    client, _, _ = house
    answer = client.post("/sessions/none/readings", json=HEART, headers=bearer("none"))
    assert answer.status_code == 404


def test_nonsense_is_answered_with_what_is_wrong(house):
    client, id, _ = house
    url, headers = f"/sessions/{id}/readings", bearer(id)
    assert client.post(url, content=b"{", headers=headers).status_code == 422
    answer = client.post(url, json={"reading": "x", "value": "y" * 99}, headers=headers)
    assert answer.status_code == 422 and "yyy" not in answer.text


def test_too_many_readings_are_refused(house):
    client, id, _ = house
    codes = [
        client.post(f"/sessions/{id}/readings", json=[HEART] * 100, headers=bearer(id)).status_code
        for _ in range(5)
    ]
    assert codes[:2] == [202, 202] and 429 in codes


def test_a_socket_streams_readings_and_closes_on_nonsense(house):
    client, id, session = house
    with client.websocket_connect(f"/sessions/{id}/readings", headers=bearer(id)) as socket:
        socket.send_json({**HEART, "value": 91})
        assert socket.receive_json() == {"taken": 1}
        assert session.readings.latest("heart rate").value == 91
        for _ in range(3):
            socket.send_text("nonsense")
            assert "no JSON" in socket.receive_json()["error"]
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()


def test_a_socket_without_the_token_is_closed(house):
    client, id, _ = house
    with client.websocket_connect(f"/sessions/{id}/readings") as socket:
        socket.send_json(HEART)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 1008

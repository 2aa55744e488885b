"""``POST /start``: a ticket for the caller, and the way back with it."""

import httpx
import pytest

from serving.app import create_app
from sessions.resume import read_ticket, ticket
from sessions.store import shared_store
from tests.serving import echo


@pytest.fixture
async def client(tmp_path, monkeypatch):
    monkeypatch.setenv("VIVACE_STORE", f"sqlite:{tmp_path}/s.db")
    monkeypatch.setenv("VIVACE_SECRET", "only for tests")
    app = create_app(
        bot=echo.bot, catalogue=lambda: [echo.CARD], uploads=tmp_path / "uploads", loopback=True
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        client.calls = app.state.switchboard._calls
        yield client
        await app.state.switchboard.close()


async def test_a_caller_is_given_a_ticket_for_their_session(client):
    answer = (await client.post("/start", json={})).json()
    assert read_ticket(answer["resume"]) == (answer["sessionId"], "echo")


async def test_a_caller_comes_back_to_the_bot_of_their_ticket_and_keeps_it(client):
    await shared_store().claim("old", "a")
    epoch = await shared_store().claim("old", "a")
    await shared_store().save("old", epoch, b"x", keep_s=60)
    given = ticket("old", "echo")
    asked = {"resume": given, "body": {"bot": "other", "consent": {"recording": True}}}
    answer = (await client.post("/start", json=asked)).json()
    assert answer["resume"] == given
    (call,) = client.calls.values()
    assert call.body == {"resume": given, "bot": "echo"}


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [("forged", 403, "not given"), ("late", 403, "expired"), ("gone", 410, "is over")],
)
async def test_a_ticket_that_is_no_good_is_refused_before_anything_runs(
    client, text, status, words
):
    given = {
        "forged": "x.y",
        "late": ticket("s", "echo", ttl=-1),
        "gone": ticket("never", "echo"),
    }[text]
    answer = await client.post("/start", json={"resume": given})
    assert answer.status_code == status and words in answer.text and not client.calls


async def test_without_a_store_there_are_no_tickets(client, monkeypatch):
    monkeypatch.delenv("VIVACE_STORE")
    assert "resume" not in (await client.post("/start", json={})).json()

"""A double that dies in the middle of a turn: the caller is told, and the call ends cleanly."""

import asyncio

import pytest

import bots
from services.rehearsal import process
from services.rehearsal.mouth import speak
from tests.support.loopback import Line

pytestmark = pytest.mark.slow


@pytest.fixture
def rehearsal(monkeypatch):
    """A rehearsal of the test's own."""
    own = process.start(profile="instant")
    monkeypatch.setenv(process.ADDRESS, own.address)
    yield own
    own.stop()


async def test_the_call_survives_a_rehearsal_that_dies_mid_turn(rehearsal, tmp_path, monkeypatch):
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path))
    line = Line(session_id="dies", body={"bot": "consultation"})
    task = asyncio.create_task(bots.bot(line))
    await line.connect()
    await line.until(lambda: len(line.said("bot-stopped-speaking")) >= 2, within=40)
    line.say(speak("good morning i have a rash on my arm", 16000))
    await line.until(lambda: line.said("user-started-speaking"), within=10)
    await asyncio.to_thread(rehearsal.stop)
    await line.until(lambda: line.said("error"), within=15)
    assert not task.done()
    await line.hang_up()
    await asyncio.wait_for(task, 5)

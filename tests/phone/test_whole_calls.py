"""A phone call through each carrier's double, from the ring to the hang-up."""

import asyncio
import json
import time

import numpy as np
import pytest
from loguru import logger

from services.rehearsal.mouth import speak
from tests.doubles.heard import LOUD, silence, tone
from tests.phone.lines import CALLERS, NUMBER, on_the_phone
from tests.transfer.desk import a_person, at_desk

pytestmark = pytest.mark.slow


@pytest.fixture
def figures(record_property):
    def note(**measured):
        for name, value in measured.items():
            record_property(name, value)
            print(f"{name}={value}")

    return note


async def quiet(caller, *, secs: float = 1.2, within: float = 30.0):
    """Wait until the bot has said what it was about to say."""
    async with asyncio.timeout(within):
        while time.monotonic() - max(caller.ends, 0) < secs:
            await asyncio.sleep(0.05)


def first_sound(pcm: bytes, *, rate: int = 16000) -> float:
    """Seconds of silence that a recording begins with."""
    loud = np.abs(np.frombuffer(pcm, np.int16).astype(int)) > LOUD
    return int(loud.argmax()) / rate


async def say(caller, text: str):
    await caller.say(speak(text) + silence(1.0), paced=True)


async def until(condition, *, within: float = 10.0):
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("carrier", CALLERS)
async def test_a_call_is_disclosed_keyed_cut_transferred_and_hung_up(
    carrier, monkeypatch, tmp_path, figures
):
    logs: list[str] = []
    sink = logger.add(logs.append, level="DEBUG")
    async with on_the_phone(carrier, monkeypatch=monkeypatch, tmp_path=tmp_path) as line:
        caller = line.caller
        await caller.heard.sound(1.0, within=20)
        await quiet(caller)
        spoken = [entry for entry in line.asked("cartesia") if "text" in entry]
        assert spoken[0]["text"].startswith("You speak with an AI.")

        for digit in NUMBER[2:] + "#":
            await caller.press(digit)
        await until(lambda: "Keyed in: [PHONE_" in json.dumps(line.asked("anthropic")))
        await quiet(caller)
        assert NUMBER[2:] not in json.dumps(line.asked("anthropic"))

        await say(caller, "please tell me a story")
        before = caller.heard.loud_secs
        async with asyncio.timeout(20):
            while caller.heard.loud_secs < before + 1.0:
                await asyncio.sleep(0.02)
        cut, words = len(caller.cleared), speak("wait a moment please")
        onset = time.monotonic() + first_sound(words)
        await caller.say(words + silence(1.0), paced=True)
        await until(lambda: len(caller.cleared) > cut)
        silent = caller.heard.last_sound(before=caller.cleared[cut])
        cleared_ms = round((caller.cleared[cut] - onset) * 1000)
        figures(carrier=carrier, silent_ms=round((silent - onset) * 1000), cleared_ms=cleared_ms)
        await quiet(caller)

        await say(caller, "i want to talk to a nurse")
        async with at_desk(line.url) as desk:
            call = await desk.ringing()
            assert NUMBER not in json.dumps(call)
            async with a_person(desk, call["id"]) as person:
                await person.heard.sound(0.1, within=20)
                figures(accept_to_hearing_ms=round((time.monotonic() - person.came_at) * 1000))
                brief = await person.until_shown("brief")
                assert brief["caller"] == ("" if carrier == "plivo" else NUMBER)
                await person.until_shown("state", state="talking", within=30)
                heard = caller.heard.loud_secs, person.heard.loud_secs
                await person.say(tone(1.0))
                await caller.say(tone(1.0), paced=True)
                await asyncio.sleep(1.0)
                assert caller.heard.loud_secs - heard[0] > 0.6
                assert person.heard.loud_secs - heard[1] > 0.6
        await quiet(caller)
        assert "The transfer is over" in json.dumps(line.asked("anthropic", "request")[-1])
        (ears,) = {e["query"]["sample_rate"] for e in line.asked("deepgram", "connect")}
        assert ears == "8000", "the phone's rate goes all the way to the ears"
        await caller.hang_up()
        await until(lambda: not line.app.state.switchboard.calls)
    logger.remove(sink)
    told = "".join(logs)
    assert NUMBER not in told and NUMBER[2:] not in told


@pytest.mark.parametrize("carrier", CALLERS)
async def test_a_caller_is_put_through_to_a_number_and_the_bot_leaves(
    carrier, monkeypatch, tmp_path
):
    async with on_the_phone(carrier, monkeypatch=monkeypatch, tmp_path=tmp_path) as line:
        caller = line.caller
        await caller.heard.sound(1.0, within=20)
        await quiet(caller)
        await say(caller, "i want to talk to the doctor")
        if carrier != "exotel":
            await until(lambda: line.carrier.redirected, within=30)
            call, where = line.carrier.redirected[0]
            assert call == getattr(caller, "call_sid", caller.call)
            assert "+15550009" in where or "/phone/plivo-dial/" in where
        await until(lambda: not line.app.state.switchboard.calls, within=30)
        assert line.carrier == [], "a hang-up would end the transferred call"
        await asyncio.wait_for(caller.closed.wait(), 5)


async def test_a_carrier_that_refuses_leaves_the_caller_with_the_bot(monkeypatch, tmp_path):
    async with on_the_phone("telnyx", monkeypatch=monkeypatch, tmp_path=tmp_path) as line:
        line.carrier.fails = True
        await line.caller.heard.sound(1.0, within=20)
        await quiet(line.caller)
        await say(line.caller, "i want to talk to the doctor")
        await until(lambda: "could not be put through" in json.dumps(line.asked("anthropic")))
        await quiet(line.caller)
        assert line.app.state.switchboard.calls


@pytest.mark.parametrize("carrier", ["telnyx", "plivo", "exotel"])
async def test_the_bots_hang_up_ends_the_call(carrier, monkeypatch, tmp_path):
    async with on_the_phone(carrier, monkeypatch=monkeypatch, tmp_path=tmp_path) as line:
        await line.caller.heard.sound(0.5, within=20)
        await line.app.state.switchboard.close()
        await asyncio.wait_for(line.caller.closed.wait(), 5)
        assert line.carrier == ([] if carrier == "exotel" else [line.caller.call])

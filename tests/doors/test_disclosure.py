"""Through every door the first thing heard is that this is an AI, and nothing a caller does cuts it."""

import pytest
from pipecat.frames.protobufs import frames_pb2

from tests.doors import two_tones
from tests.doors.dialing import dialed, doors, until
from tests.doors.two_tones import DISCLOSURE_SECS, tones
from tests.doubles.heard import silence, tone


def message(kind: str, **data) -> dict:
    return {"label": "rtvi-ai", "type": kind, "id": "1", "data": data}


TYPED = message("send-text", content="hello", options={"run_immediately": True})
UNHEARD = message(
    "send-text", content="hush", options={"run_immediately": True, "audio_response": False}
)
CUSTOM = message("client-message", t="stop", d={})


async def disturb(door: str, caller) -> None:
    """Everything a caller can do to a bot that is speaking."""
    await caller.say(tone(0.3) + silence(0.3))
    if door == "twilio":
        await caller.press("#")
        return
    for sent in (TYPED, CUSTOM, UNHEARD):
        await caller.send(sent)
    if door == "websocket":
        words = frames_pb2.TextFrame(text="I am a person.")
        heard = frames_pb2.TranscriptionFrame(text="stop", user_id="u", timestamp="0")
        await caller.send_frame(text=words)
        await caller.send_frame(transcription=heard)
        await caller.send_frame(interruption=frames_pb2.InterruptionFrame())


@pytest.mark.parametrize("door", doors(fast=("daily", "twilio")))
async def test_the_disclosure_is_heard_first_and_whole(door, monkeypatch, tmp_path):
    async with dialed(
        door, monkeypatch=monkeypatch, tmp_path=tmp_path, bot=two_tones.bot, card=two_tones.CARD
    ) as line:
        if door != "twilio":
            await line.caller.send(TYPED)
        await line.caller.heard.sound(0.1)
        await disturb(door, line.caller)
        await until(lambda: len(tones(line.caller.heard)) > 1)
        first, *_ = tones(line.caller.heard)
        assert first == pytest.approx(DISCLOSURE_SECS, abs=0.06)
        await line.caller.hang_up()
        await line.over()

"""The caller's sound and camera end where nothing takes them any more, and nothing else does."""

import contextlib
from pathlib import Path

import pytest
from pipecat.frames.frames import (
    InputAudioRawFrame,
    TextFrame,
    TTSAudioRawFrame,
    UserImageRawFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameProcessor

from sessions.media_stop import stop_media
from tests.support.tone_voice import ToneVoice

MEDIA = ("AudioRawFrame", "UserImageRawFrame")
TAPE = Path(__file__).parents[1] / "cassettes" / "barge-in.mcap.sealed"


def picture(**fields):
    return UserImageRawFrame(image=b"", size=(0, 0), format="RGB", **fields)


async def test_only_the_stream_of_sound_and_pictures_is_kept_back():
    user, assistant = LLMContextAggregatorPair(LLMContext())
    pushed = []

    async def push(frame, _direction=None):
        pushed.append(frame)

    user.push_frame = push
    assert stop_media([user, ToneVoice(), assistant], deaf=[])
    asked, text = picture(append_to_context=True), TextFrame("hello")
    for frame in (InputAudioRawFrame(bytes(640), 16000, 1), picture(), asked, text):
        await user.push_frame(frame)
    assert pushed == [asked, text]


async def test_a_processor_that_may_want_media_gets_it():
    user, assistant = LLMContextAggregatorPair(LLMContext())
    mind = FrameProcessor()
    assert not stop_media([user, mind, assistant], deaf=[])
    assert not stop_media([mind, assistant], deaf=[mind])
    assert stop_media([user, mind, assistant], deaf=[mind])


@pytest.mark.parametrize("last", [True, False])
async def test_what_was_played_ends_with_an_assistant_that_is_the_last(last):
    user, assistant = LLMContextAggregatorPair(LLMContext())
    pushed = []

    async def push(frame, _direction=None):
        pushed.append(frame)

    assistant.push_frame = push
    stop_media([user, ToneVoice(), assistant, *([] if last else [FrameProcessor()])], deaf=[])
    sound, text = TTSAudioRawFrame(bytes(640), 16000, 1), TextFrame("hello")
    for frame in (sound, text):
        await assistant.push_frame(frame)
    assert pushed == ([text] if last else [sound, text])


@pytest.mark.slow
def test_a_call_is_the_same_but_for_the_media_that_nobody_takes(monkeypatch):
    from qa.replay.player import Options, replay
    from qa.replay.tapes import open_tape

    def lines():
        log = replay(open_tape(TAPE), Options(event_log=True)).log.canonical()
        return [line for line in log if not any(name in str(line) for name in MEDIA)]

    stopped = lines()
    monkeypatch.setattr("sessions.running.stop_media", lambda *_, **__: contextlib.nullcontext())
    assert lines() == stopped

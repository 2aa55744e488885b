"""The mouth: what is owed is said, when the line breaks or falls silent in a sentence."""

import asyncio

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)

from services import mouth_cartesia, tts
from tests.services.support import on_stage

FIRST = "Your order has shipped and it will arrive on Friday at noon."
SECOND = " Is there anything else?"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(mouth_cartesia, "QUIET_SECS", 0.4)


def heard(stage) -> float:
    """Seconds of speech that came out."""
    return sum(f.num_frames / f.sample_rate for f in stage.seen.of(TTSAudioRawFrame))


def words(stage) -> str:
    return " ".join(frame.text for frame in stage.seen.of(TTSTextFrame))


def stopped(stage) -> int:
    return len(stage.seen.of(TTSStoppedFrame))


async def answer(stage, *texts: str, ends: int = 1) -> None:
    frames = [LLMTextFrame(text) for text in texts]
    await stage.put(LLMFullResponseStartFrame(), *frames, LLMFullResponseEndFrame())
    await stage.seen.until(lambda: stopped(stage) >= ends, secs=6)


@pytest.fixture
def mouth(house, session):
    return tts(session, "cartesia/en-us")


@pytest.fixture
async def whole(house, session):
    """How long the answer takes to say when nothing goes wrong."""
    async with on_stage(tts(session, "cartesia/en-us")) as stage:
        await answer(stage, FIRST, SECOND)
        assert words(stage) == FIRST + SECOND
        return heard(stage)


@pytest.mark.parametrize("fault", ["drop_after:4", "garbage_after:4", "close_after:4"])
async def test_a_line_that_breaks_in_a_sentence_is_replaced_and_the_rest_said(
    house, mouth, whole, fault
):
    house.faults({"vendor": "cartesia", "do": fault})
    async with on_stage(mouth) as stage:
        await answer(stage, FIRST, SECOND)
        assert words(stage) == FIRST + SECOND
        assert whole - 0.1 < heard(stage) < whole + 1
        assert stage.seen.of(ErrorFrame)
        await answer(stage, FIRST, SECOND, ends=2)
        assert words(stage) == " ".join([FIRST + SECOND] * 2)


async def test_a_voice_that_falls_silent_is_noticed_and_the_sentence_said(house, mouth, whole):
    house.faults({"vendor": "cartesia", "do": "stall:30"})
    async with on_stage(mouth) as stage:
        await answer(stage, FIRST, SECOND)
        assert words(stage) == FIRST + SECOND
        assert whole - 0.3 < heard(stage) < whole + 1
        assert stage.seen.of(ErrorFrame)


async def test_a_refused_handshake_delays_the_first_words_and_loses_none(house, mouth, whole):
    house.faults({"vendor": "cartesia", "do": "status:429", "times": 2})
    async with on_stage(mouth) as stage:
        await answer(stage, FIRST, SECOND)
        assert words(stage) == FIRST + SECOND
        assert mouth.is_usable


async def test_a_vendor_that_never_speaks_is_given_up_for_the_turn_and_not_for_good(
    house, mouth, whole
):
    house.faults({"vendor": "cartesia", "do": "stall:30", "times": 3})
    async with on_stage(mouth) as stage:
        for _ in range(3):
            await stage.put(TTSSpeakFrame(FIRST))
        await stage.seen.until(lambda: FIRST in words(stage), secs=12)
        assert mouth.is_usable


async def test_a_model_that_pauses_between_sentences_is_not_taken_for_a_broken_line(house, mouth):
    async with on_stage(mouth) as stage:
        await stage.put(LLMFullResponseStartFrame(), LLMTextFrame(FIRST), LLMTextFrame(" Is"))
        await stage.seen.until(lambda: heard(stage) > 0)
        await asyncio.sleep(0.6)
        await stage.put(LLMTextFrame(" there anything else?"), LLMFullResponseEndFrame())
        await stage.seen.until(lambda: stopped(stage) == 1)
        assert words(stage) == FIRST + SECOND
        assert not stage.seen.of(ErrorFrame)


async def test_an_interruption_ends_the_repair_too(house, mouth):
    house.faults({"vendor": "cartesia", "do": "stall:30"})
    async with on_stage(mouth) as stage:
        await stage.put(LLMFullResponseStartFrame(), LLMTextFrame(FIRST), LLMTextFrame(SECOND))
        await stage.seen.until(lambda: heard(stage) > 0)
        await stage.put(InterruptionFrame())
        await asyncio.sleep(0.1)
        before = heard(stage)
        await asyncio.sleep(1.0)
        assert heard(stage) == before
        assert not words(stage)
        await answer(stage, SECOND)
        assert words(stage) == SECOND.strip()

"""The ears: nothing the caller says is lost to a refused handshake or a broken line."""

import asyncio

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)

from services import stt
from services.backoff import Backoff
from tests.services.support import hum, on_stage

LINE = "where is my order"


def heard(stage) -> list[str]:
    return [frame.text for frame in stage.seen.of(TranscriptionFrame)]


async def speak(stage, *, secs: float = 1.0) -> None:
    """An utterance much faster than life."""
    await stage.put(VADUserStartedSpeakingFrame())
    for frame in hum(secs):
        await stage.put(frame)
        await asyncio.sleep(0.001)
    for frame in hum(0.2, loud=False):
        await stage.put(frame)
    await stage.put(VADUserStoppedSpeakingFrame())
    for frame in hum(0.4, loud=False):
        await stage.put(frame)
        await asyncio.sleep(0.001)


async def test_an_utterance_is_heard_once(house, session):
    async with on_stage(stt(session, "deepgram/nova-3-medical")) as stage:
        await speak(stage)
        await stage.seen.until(lambda: heard(stage))
        await speak(stage)
        await stage.seen.until(lambda: len(heard(stage)) == 2)
    assert heard(stage) == [LINE, LINE]
    assert not stage.seen.of(ErrorFrame)


@pytest.mark.parametrize("status", [429, 503])
async def test_what_is_said_while_the_handshake_is_refused_is_heard_later(house, session, status):
    house.faults({"vendor": "deepgram", "do": f"status:{status}", "times": 2})
    ears = stt(session, "deepgram/nova-3-medical")
    async with on_stage(ears) as stage:
        await speak(stage)
        await stage.seen.until(lambda: heard(stage))
    assert heard(stage) == [LINE]
    assert ears.is_usable
    assert len(stage.seen.of(ErrorFrame)) == 2


async def test_a_key_that_is_not_wanted_ends_the_hearing(house, session):
    session.bot = "?"
    ears = stt(session, "deepgram/nova-3-medical")
    async with on_stage(ears) as stage:
        await stage.seen.until(lambda: not ears.is_usable)
    assert "401" in stage.seen.of(ErrorFrame)[0].error


@pytest.mark.parametrize("fault", ["drop_after:1", "garbage_after:1", "close_after:1"])
async def test_an_utterance_cut_by_a_broken_line_is_heard_whole(house, session, fault):
    house.faults({"vendor": "deepgram", "do": fault})
    async with on_stage(stt(session, "deepgram/nova-3-medical")) as stage:
        await speak(stage, secs=2.0)
        await stage.seen.until(lambda: heard(stage))
        await speak(stage)
        await stage.seen.until(lambda: len(heard(stage)) == 2)
    assert heard(stage) == [LINE, LINE]
    assert len(house.journal("deepgram", "connect")) == 2


async def test_no_error_carries_the_key(house, session):
    house.faults({"vendor": "deepgram", "do": "status:429"})
    async with on_stage(stt(session, "deepgram/nova-3-medical")) as stage:
        await stage.seen.until(lambda: stage.seen.of(ErrorFrame))
    assert "rehearsal." not in str(stage.seen.of(ErrorFrame))


async def take_turn(stage, *, secs: float = 1.5) -> None:
    for frame in [*hum(secs), *hum(0.8, loud=False)]:
        await stage.put(frame)
        await asyncio.sleep(0.001)


def turns(stage, kind) -> int:
    """How often a turn began or ended; each is broadcast both ways."""
    return len(stage.seen.of(kind)) // 2


@pytest.mark.parametrize("fault", ["status:429", "drop_after:3"])
async def test_flux_hears_a_turn_whole_and_once_whatever_happens_to_its_line(house, session, fault):
    house.faults({"vendor": "deepgram", "do": fault})
    ears = stt(session, "deepgram/flux-general-en")
    async with on_stage(ears) as stage:
        await take_turn(stage)
        await stage.seen.until(lambda: heard(stage))
        await take_turn(stage)
        await stage.seen.until(lambda: len(heard(stage)) == 2)
    assert heard(stage) == [LINE, LINE]
    assert turns(stage, ProposedUserStartedSpeakingFrame) == 2
    assert turns(stage, ProposedUserStoppedSpeakingFrame) == 2
    assert len(house.journal("deepgram", "connect")) == 2
    assert ears.is_usable


async def test_flux_ends_the_turn_when_its_line_stays_broken(house, session, monkeypatch):
    monkeypatch.setattr(Backoff, "next_secs", lambda self: setattr(self, "attempts", 8) or 0)
    house.faults(
        {"vendor": "deepgram", "do": "drop_after:3"},
        {"vendor": "deepgram", "do": "status:503", "times": 99},
    )
    ears = stt(session, "deepgram/flux-general-en")
    async with on_stage(ears) as stage:
        await take_turn(stage)
        await stage.seen.until(lambda: not ears.is_usable)
        await stage.seen.until(lambda: turns(stage, ProposedUserStoppedSpeakingFrame))

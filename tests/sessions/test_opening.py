"""The disclosure is said first, whole, and by something that can say it."""

import asyncio
from dataclasses import replace

import pytest
from pipecat.frames.frames import InterruptionFrame, StartFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.filters.identity_filter import IdentityFilter

from sessions import OPEN, Session, opening
from sessions.policy import PolicyError
from tests.sessions.conftest import Call
from tests.support.loopback import Line
from tests.support.tone_voice import ToneVoice


class MuteVoice(ToneVoice):
    """Makes no sound."""

    async def run_tts(self, text, context_id):
        self.said.append(text)
        return
        yield


async def test_what_was_queued_before_the_caller_came_waits_for_the_disclosure():
    line = Line(session_id="early")
    session = await Session.open(line)
    voice = ToneVoice()
    pipeline = Pipeline([session.transport.input(), voice, session.transport.output()])
    task = asyncio.create_task(session.run(pipeline, greet=False))
    await asyncio.wait_for(line.opened.wait(), 10)
    await session.worker.queue_frame(TTSSpeakFrame("Buy now!"))
    await asyncio.sleep(0.3)
    assert voice.said == []
    await line.connect()
    await line.until(lambda: len(voice.said) == 2)
    assert voice.said == [OPEN.disclosure, "Buy now!"]
    await line.hang_up()
    await task


async def test_an_interruption_does_not_shorten_the_disclosure():
    async with Call() as call:
        await call.line.until(lambda: any(loud for _, loud in call.line.heard))
        for _ in range(5):
            await call.session.worker.queue_frame(InterruptionFrame())
            await asyncio.sleep(0.05)
        await call.line.until(lambda: call.session.opening.heard)
        loud = 0.02 * sum(loud for _, loud in call.line.heard)
        assert loud >= 0.9 * 0.06 * len(OPEN.disclosure.split())


async def test_a_second_connect_does_not_disclose_or_greet_again():
    async with Call() as call:
        await call.line.until(lambda: call.session.opening.heard)
        await call.line.connect()
        await asyncio.sleep(0.3)
        assert call.voice.said == [OPEN.disclosure]


@pytest.mark.slow
async def test_a_disclosure_that_cannot_be_spoken_is_tried_again_and_then_ends_the_call(
    monkeypatch,
):
    monkeypatch.setattr(opening, "PATIENCE_SECS", 0.5)
    policy = replace(OPEN, disclosure="An AI.")
    async with Call(policy, voice=MuteVoice()) as call:
        await call.over(within=15)
        assert call.voice.said == ["An AI.", "An AI."]
        assert "disclosure" in call.session.watchdog.reason


async def test_a_pipeline_that_cannot_say_the_disclosure_is_refused():
    session = await Session.open(Line(session_id="dumb"))
    with pytest.raises(PolicyError, match="tts"):
        await session.run(Pipeline([IdentityFilter()]))


async def test_the_disclosure_says_when_the_call_is_recorded(tapes):
    line = Line(session_id="told", body={"consent": {"recording": True}})
    session = await Session.open(line)
    assert "recorded" in session.disclosure
    assert "recorded" not in (await Session.open(Line(session_id="not-told"))).disclosure


async def test_a_rehearsal_says_that_it_is_one():
    session = await Session.open(Line(session_id="rehearsed"))
    session.rehearsal.add("anthropic")
    assert "not an AI" in session.disclosure


class Eager(IdentityFilter):
    """A processor of a bot's that speaks as soon as the pipeline starts."""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            await self.push_frame(TTSSpeakFrame("I am John, a human."))


async def test_a_processor_that_speaks_first_is_heard_after_the_disclosure():
    line = Line(session_id="eager")
    session = await Session.open(line)
    voice = ToneVoice()
    session.adopt(voice, stage="tts")
    ends = session.transport.input(), session.transport.output()
    pipeline = Pipeline([ends[0], Eager(), voice, ends[1]])
    task = asyncio.create_task(session.run(pipeline, greet=False))
    await asyncio.wait_for(line.opened.wait(), 10)
    await asyncio.sleep(0.3)
    assert voice.said == []
    await line.connect()
    await line.until(lambda: len(voice.said) == 2)
    assert voice.said == [OPEN.disclosure, "I am John, a human."]
    await line.hang_up()
    await task


async def test_consent_that_is_no_mapping_is_no_consent():
    session = await Session.open(Line(session_id="list", body={"consent": ["recording"]}))
    assert session.consent == frozenset()

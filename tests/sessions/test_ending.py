"""A call is gone within five seconds of its end, whatever hangs."""

import asyncio

import pytest
from pipecat.frames.frames import CancelFrame, EndFrame, TTSSpeakFrame
from pipecat.processors.filters.identity_filter import IdentityFilter
from pipecat.processors.frame_processor import FrameProcessor

from tests.sessions.conftest import Call

BOUND_SECS = 5.0


class Hanging(FrameProcessor):
    """Never lets an end pass."""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, (EndFrame, CancelFrame)):
            await asyncio.sleep(8)
        await self.push_frame(frame, direction)


class Stubborn(FrameProcessor):
    """Never lets an end pass, and will not be cancelled."""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, (EndFrame, CancelFrame)):
            self.let_go = asyncio.Event()
            while not self.let_go.is_set():
                try:
                    await self.let_go.wait()
                except asyncio.CancelledError:
                    pass
        await self.push_frame(frame, direction)


class LeavesSlowly(IdentityFilter):
    """Takes its time to clean up."""

    async def cleanup(self):
        await super().cleanup()
        await asyncio.sleep(8)


def let_go(obstacle):
    """Let the test's own event loop close."""
    if isinstance(obstacle, Stubborn):
        obstacle.let_go.set()


async def test_a_call_ends_when_the_caller_hangs_up():
    async with Call() as call:
        await call.line.hang_up()
        await call.over(within=BOUND_SECS)


async def test_a_bot_that_ends_the_call_says_its_last_words():
    async with Call() as call:
        await call.line.until(lambda: call.session.opening.heard)
        await call.session.worker.queue_frame(TTSSpeakFrame("goodbye " * 50))
        await call.session.end("the bot is done")
        assert await call.over(within=12) > 2.5
        assert "goodbye" in call.voice.said[-1]
        assert call.line.server("ended") == [{"type": "ended", "reason": "the bot is done"}]


@pytest.mark.slow
@pytest.mark.parametrize("obstacle", [Hanging, Stubborn, LeavesSlowly])
async def test_a_call_is_gone_in_time_when_its_pipeline_hangs_on_hang_up(obstacle):
    part = obstacle()
    async with Call(middle=[part]) as call:
        await call.line.until(lambda: call.session.opening.heard)
        await call.line.hang_up()
        await call.over(within=BOUND_SECS)
        let_go(part)


@pytest.mark.slow
@pytest.mark.parametrize("obstacle", [Hanging, Stubborn, LeavesSlowly])
async def test_a_call_is_gone_in_time_when_its_pipeline_hangs_on_the_end(obstacle):
    part = obstacle()
    async with Call(middle=[part]) as call:
        await call.line.until(lambda: call.session.opening.heard)
        await asyncio.sleep(1)
        await call.session.end("the bot is done")
        await call.over(within=BOUND_SECS)
        let_go(part)


@pytest.mark.slow
async def test_an_end_frame_queued_behind_the_sessions_back_is_bounded_too():
    async with Call(middle=[Hanging()]) as call:
        await call.line.until(lambda: call.session.opening.heard)
        await asyncio.sleep(1)
        await call.session.worker.queue_frame(EndFrame())
        await call.over(within=BOUND_SECS)

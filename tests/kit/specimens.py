"""Parts that each break one rule of the house, so that the kit can be seen to notice."""

import asyncio
import time

from loguru import logger
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    InterruptionFrame,
    StartFrame,
    SystemFrame,
    TranscriptionFrame,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import FunctionCallParams


class Good(FrameProcessor):
    """Keeps every rule."""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


class SlowOnSystem(Good):
    async def process_frame(self, frame, direction):
        if isinstance(frame, SystemFrame) and not isinstance(frame, StartFrame):
            await asyncio.sleep(0.05)
        await super().process_frame(frame, direction)


class Blocking(Good):
    async def process_frame(self, frame, direction):
        if isinstance(frame, InterruptionFrame):
            time.sleep(0.3)  # noqa: ASYNC251
        await super().process_frame(frame, direction)


class Deaf(FrameProcessor):
    """Lets through what it knows."""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, (StartFrame, EndFrame, CancelFrame, InterruptionFrame)):
            await self.push_frame(frame, direction)


class Endless(FrameProcessor):
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if not isinstance(frame, EndFrame):
            await self.push_frame(frame, direction)


class Uninterrupted(FrameProcessor):
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if not isinstance(frame, InterruptionFrame):
            await self.push_frame(frame, direction)


class LeavesTask(Good):
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self.task = asyncio.create_task(asyncio.sleep(10_000), name="forgotten")


class Swallows(Good):
    """Goes on when it is cancelled."""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self.task = self.create_task(self._for_ever())

    async def _for_ever(self):
        for _ in range(10_000):
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                pass


class Talkative(Good):
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            logger.debug(f"Heard {frame.text}")


class Failing(Good):
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            raise KeyError("what")


class Needy(Good):
    def __init__(self, session, lists):
        super().__init__()


async def good_tool(params: FunctionCallParams, text: str):
    """Do something.

    Args:
        text: What.
    """
    await params.result_callback({"done": True})


async def mute_tool(params: FunctionCallParams, text: str):
    """Do something."""
    await params.result_callback({"done": True})


async def silent_tool(params: FunctionCallParams):
    """Do nothing."""


async def waiting_tool(params: FunctionCallParams):
    """Wait for ever."""
    await asyncio.Event().wait()


async def raising_tool(params: FunctionCallParams):
    """Fail."""
    raise ValueError("no")


async def talkative_tool(params: FunctionCallParams, text: str):
    """Do something.

    Args:
        text: What.
    """
    logger.info(f"Asked for {text}")
    await params.result_callback({"done": True})

"""A session around a small pipeline, with a loopback line as its caller."""

import asyncio
from collections.abc import Sequence

import pytest
from pipecat.pipeline.pipeline import Pipeline

from sessions import OPEN, Session
from tests.support.loopback import Line
from tests.support.tone_voice import ToneVoice


class Call:
    """One running session."""

    def __init__(self, policy=OPEN, *, middle: Sequence = (), voice=None, greet=False, **line):
        self.line = Line(session_id=f"test-{id(self)}", **line)
        self.voice = voice or ToneVoice()
        self.ended_in: float | None = None
        self._middle, self._policy, self._greet = middle, policy, greet

    async def __aenter__(self):
        self.session = await Session.open(self.line, policy=self._policy)
        transport = self.session.transport
        pipeline = Pipeline([transport.input(), *self._middle, self.voice, transport.output()])
        self.task = asyncio.create_task(self.session.run(pipeline, greet=self._greet))
        await self.line.connect()
        return self

    async def __aexit__(self, *_):
        if not self.task.done():
            await self.line.hang_up()
            await asyncio.wait([self.task], timeout=10)
        self.task.cancel()

    async def over(self, *, within: float) -> float:
        """Wait for the session's end; returns the seconds it took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.timeout(within):
            await asyncio.wait([self.task])
        return loop.time() - began


@pytest.fixture
def tapes(tmp_path, monkeypatch):
    """Tapes of the test lie in a folder of its own."""
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path))
    return tmp_path

"""A caller over real WebRTC: `qa.call`'s wire with a microphone that says what it is given."""

import asyncio
import fractions
import time
from collections.abc import Sequence
from contextlib import asynccontextmanager

import numpy as np
from aiortc.mediastreams import MediaStreamTrack
from av import AudioFrame

from qa.call.wire import Wire
from tests.doubles.heard import Heard, chunks, silence

RATE = 16000


class Microphone(MediaStreamTrack):
    kind = "audio"

    def __init__(self):
        super().__init__()
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._start = time.monotonic()
        self._frames = 0

    async def recv(self) -> AudioFrame:
        self._frames += 1
        await asyncio.sleep(max(0.0, self._start + self._frames * 0.02 - time.monotonic()))
        pcm = silence(0.02) if self.queue.empty() else self.queue.get_nowait()
        frame = AudioFrame.from_ndarray(np.frombuffer(pcm, np.int16)[None], "s16", "mono")
        frame.sample_rate = RATE
        frame.pts = self._frames * RATE // 50
        frame.time_base = fractions.Fraction(1, RATE)
        return frame


class BrowserCaller:
    def __init__(self, url: str, *, pictures: Sequence[MediaStreamTrack] = ()):
        self.heard = Heard()
        self.messages: list[dict] = []
        self._microphone = Microphone()
        self.wire = Wire(
            url,
            microphone=self._microphone,
            pictures=pictures,
            on_step=lambda step: None,
            on_audio=lambda samples: self.heard.add(samples.astype(np.int16).tobytes(), 48000),
            on_message=self.messages.append,
            on_closed=lambda reason: None,
        )

    async def say(self, pcm: bytes, *, rate: int = RATE):
        assert rate == RATE
        for chunk in chunks(pcm):
            self._microphone.queue.put_nowait(chunk)

    async def send(self, message: dict):
        self.wire.send(message["type"], message["data"])

    async def hang_up(self):
        await self.wire.close()


@asynccontextmanager
async def browser_call(url: str, body: dict):
    """Dial a bot over SmallWebRTC, as the page does."""
    caller = BrowserCaller(url)
    try:
        await caller.wire.dial(body)
        yield caller
    finally:
        await caller.hang_up()

"""The caller's camera or shared screen: a clip, sent at its own rate."""

import asyncio
import fractions
import time

from aiortc.mediastreams import VIDEO_CLOCK_RATE, MediaStreamTrack
from av import VideoFrame

from qa.call.pictures import Clip


class Camera(MediaStreamTrack):
    """A video track that sends nothing until it is given something to show."""

    kind = "video"

    def __init__(self):
        super().__init__()
        self._clip: Clip | None = None
        self._began = 0.0
        self._next = 0.0
        self._on = asyncio.Event()

    def show(self, clip: Clip | None) -> None:
        """Show a clip from its beginning, or nothing."""
        self._clip, self._began = clip, time.monotonic()
        self._next = max(self._next, self._began)
        if clip:
            self._on.set()
        else:
            self._on.clear()

    async def recv(self) -> VideoFrame:
        """Return the next frame when a real camera would have it."""
        while True:
            await self._on.wait()
            await asyncio.sleep(max(0.0, self._next - time.monotonic()))
            if clip := self._clip:
                break
        now = time.monotonic()
        self._next = max(self._next + 1 / clip.fps, now)
        picture = await asyncio.to_thread(clip.frame, now - self._began)
        frame = VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = int(now * VIDEO_CLOCK_RATE)
        frame.time_base = fractions.Fraction(1, VIDEO_CLOCK_RATE)
        return frame

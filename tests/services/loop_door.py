"""A door without a network: the caller's samples go in at the pace of life, the bot's come out."""

import asyncio

import numpy as np
from pipecat.frames.frames import InputAudioRawFrame
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams

FRAME_SECS = 0.02
AUDIBLE = 150  # of int16


class LoopDoor(BaseTransport):
    """Both ends of a call.

    Attributes:
        heard: (loop time, seconds) of each audible piece the bot played.
        silent_since: When the caller's last sample went in.
    """

    def __init__(self):
        super().__init__()
        params = TransportParams(audio_in_enabled=True, audio_out_enabled=True)
        self.heard: list[tuple[float, float]] = []
        self.silent_since = 0.0
        self.pcm = np.zeros(0, np.int16)
        self._input, self._output = _In(params, self), _Out(params, self)

    def input(self):
        return self._input

    def output(self):
        return self._output

    async def say(self, pcm: bytes) -> None:
        """Speak, and return once the last sample is in."""
        self.pcm = np.frombuffer(pcm, np.int16)
        while len(self.pcm):
            await asyncio.sleep(FRAME_SECS)
        self.silent_since = asyncio.get_running_loop().time()

    def played(self, *, since: float = 0.0) -> float:
        """Seconds of sound the bot has played since a moment."""
        return sum(secs for at, secs in self.heard if at >= since)


class _In(BaseInputTransport):
    def __init__(self, params, door):
        super().__init__(params)
        self._door, self._pump_task = door, None
        self._noise = np.random.default_rng(3)

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._pump_task = self.create_task(self._pump())

    async def _pump(self):
        loop, size = asyncio.get_running_loop(), int(self.sample_rate * FRAME_SECS)
        due = loop.time()
        while True:
            said, self._door.pcm = self._door.pcm[:size], self._door.pcm[size:]
            room = self._noise.normal(0, 25, size).astype(np.int16)
            room[: len(said)] += said
            await self.push_audio_frame(InputAudioRawFrame(room.tobytes(), self.sample_rate, 1))
            due += FRAME_SECS
            await asyncio.sleep(max(0, due - loop.time()))

    async def cleanup(self):
        if self._pump_task:
            await self.cancel_task(self._pump_task)
            self._pump_task = None
        await super().cleanup()


class _Out(BaseOutputTransport):
    def __init__(self, params, door):
        super().__init__(params)
        self._door, self._due = door, 0.0

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame):
        now = asyncio.get_running_loop().time()
        samples = np.frombuffer(frame.audio, np.int16)
        secs = len(samples) / frame.sample_rate
        if np.abs(samples).max(initial=0) > AUDIBLE:
            self._door.heard.append((now, secs))
        self._due = max(self._due, now) + secs
        await asyncio.sleep(self._due - now)
        return True

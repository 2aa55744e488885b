"""A person's end of a call: they hear the caller, and the caller or the bot hears them."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import numpy as np
from pipecat.audio.utils import create_stream_resampler
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InputTransportMessageFrame,
    OutputAudioRawFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.base_transport import BaseTransport
from pipecat.workers.runner import WorkerRunner

from sessions.doors import PHONES, sound_of

STEP_SECS = 0.02
# Sound that waits longer than this was held up on its way, and would stay late for good.
LATEST_SECS = 0.2
# A last message needs so long to leave.
FLUSH_SECS = 0.2


class Blend:
    """The sound of several sources as one stream of steps, at one rate and never late."""

    def __init__(
        self, *, rate: int, step_secs: float = STEP_SECS, latest_secs: float = LATEST_SECS
    ):
        """Begin without sound.

        Args:
            rate: Samples a second of what it plays.
            step_secs: Seconds of a step.
            latest_secs: Seconds that the sound of an impatient source may wait.
        """
        self._rate = rate
        self._step = int(rate * step_secs) * 2
        self._most = int(rate * latest_secs) * 2
        self._waiting: dict[str, bytearray] = {}
        self._resamplers: dict[tuple[str, int], Any] = {}
        self._patient: set[str] = set()
        self.dropped_secs = 0.0

    async def hear(self, source: str, sound: bytes, rate: int, *, patient: bool = False) -> None:
        """Take sound to be played.

        Args:
            source: Whose it is: what one of them says stays in order.
            sound: 16-bit mono.
            rate: Its samples a second.
            patient: Whether it may wait: a voice is made faster than it is spoken.
        """
        key = source, rate
        if key not in self._resamplers:
            self._resamplers[key] = create_stream_resampler(clear_after_secs=None)
        waiting = self._waiting.setdefault(source, bytearray())
        waiting += await self._resamplers[key].resample(sound, rate, self._rate)
        if patient:
            self._patient.add(source)
        elif (late := len(waiting) - self._most) > 0:
            del waiting[:late]
            self.dropped_secs += late / 2 / self._rate

    def waits(self, source: str) -> bool:
        """Whether sound of a source is still to be played."""
        return len(self._waiting.get(source, b"")) >= self._step

    async def play(self, write: Callable[[bytes], Awaitable[object]]) -> None:
        """Play until it is cancelled.

        Args:
            write: Plays a step, and returns when the next may follow.
        """
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + STEP_SECS, loop.time() - LATEST_SECS)
            if step := self.next():
                await write(step)
            await asyncio.sleep(max(0.0, due - loop.time()))

    def next(self) -> bytes:
        """The next step; empty while nothing waits."""
        sounds = []
        for waiting in self._waiting.values():
            if len(waiting) >= self._step:
                sounds.append(np.frombuffer(bytes(waiting[: self._step]), np.int16))
                del waiting[: self._step]
        if len(sounds) < 2:
            return sounds[0].tobytes() if sounds else b""
        return (
            np.clip(np.sum(sounds, axis=0, dtype=np.int32), -32768, 32767).astype("<i2").tobytes()
        )


class Leg:
    """One person's line, through any door.

    Args:
        transport: Their door.
        on_sound: Given what they say.
        on_order: Given what their page or keypad asks for: ``{"type": "talk"}`` and so on.
        door: Its name: a phone has a rate of its own, and no page to show anything on.
    """

    def __init__(
        self,
        transport: BaseTransport,
        *,
        on_sound: Callable[[bytes, int], Awaitable[None]],
        on_order: Callable[[Mapping[str, Any]], Awaitable[None]],
        door: str = "",
    ):
        self._transport = transport
        self._door = door
        self.phone = door in PHONES
        self._ears = _Ears(on_sound, on_order)
        self._blend: Blend | None = None
        self._worker: PipelineWorker | None = None
        self._over = asyncio.Event()

    async def hear(self, source: str, sound: bytes, rate: int, *, patient: bool = False) -> None:
        """Let the person hear something; see :meth:`Blend.hear`."""
        if self._blend:
            await self._blend.hear(source, sound, rate, patient=patient)

    async def told(self, source: str, *, within: float) -> None:
        """Wait until the person has heard all of a source, has left, or the time is up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._blend and self._blend.waits(source) and not self._over.is_set():
                    await asyncio.sleep(STEP_SECS)

    async def show(self, type: str, **data: Any) -> None:
        """Tell the person's page something; a phone shows nothing."""
        if self._worker and not self.phone and not self._over.is_set():
            message = OutputTransportMessageUrgentFrame(message={"type": type, **data})
            await self._worker.queue_frame(message)

    async def hang_up(self) -> None:
        """Tell the person's page that the call is over, and end the line."""
        await self.show("over")
        await asyncio.sleep(FLUSH_SECS)
        self._over.set()

    async def run(self, *, on_up: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Keep the line until the person leaves, or is left.

        Args:
            on_up: Called when they are there.
        """
        worker = self._worker = PipelineWorker(
            Pipeline([self._transport.input(), self._ears, self._transport.output()]),
            enable_rtvi=False,
            params=PipelineParams(**sound_of(self._door)),
            idle_timeout_secs=None,
        )
        output: Any = self._transport.output()

        @self._transport.event_handler("on_client_connected")
        async def on_client_connected(_transport, _client):
            async def write(step: bytes) -> None:
                await output.write_audio_frame(OutputAudioRawFrame(step, output.sample_rate, 1))

            self._blend = Blend(rate=output.sample_rate)
            self._ears.tasks.append(asyncio.create_task(self._blend.play(write), name="leg"))
            self._ears.tasks.append(asyncio.create_task(on_up(), name="leg is up"))

        @self._transport.event_handler("on_client_disconnected")
        async def on_client_disconnected(_transport, _client):
            self._over.set()

        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        running = asyncio.create_task(runner.run(), name="leg's pipeline")
        over = asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait({running, over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._over.set()
            for task in (over, *self._ears.tasks):
                task.cancel()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2.0):
                    await runner.cancel(reason="the person's line is over")
                    await running
            running.cancel()


class _Ears(FrameProcessor):
    """Takes what comes from the person."""

    def __init__(self, on_sound, on_order):
        super().__init__()
        self.tasks: list[asyncio.Task] = []
        self._on_sound, self._on_order = on_sound, on_order

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            await self._on_sound(frame.audio, frame.sample_rate)
        elif isinstance(frame, InputTransportMessageFrame) and isinstance(frame.message, Mapping):
            self.create_task(self._on_order(frame.message))
        elif isinstance(frame, InputDTMFFrame):
            self.create_task(self._on_order({"type": "key", "key": frame.button.value}))
        else:
            await self.push_frame(frame, direction)

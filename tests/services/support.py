"""What the tests of the cast share: a session in little, a rehearsal in the house, a stage."""

import asyncio
import random
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import numpy as np
from pipecat.frames.frames import Frame, InputAudioRawFrame
from pipecat.observers.base_observer import BaseObserver
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.workers.runner import WorkerRunner

from services.rehearsal.server import serve
from services.rehearsal.state import Rehearsal
from sessions.cost import Cost
from sessions.policy import OPEN
from sessions.prices import Prices

RATE = 16000


class LittleSession:
    """As much of a session as casting needs."""

    def __init__(self, policy=OPEN):
        self.cost = Cost(prices=Prices.load())
        self.id, self.bot = "s1", "little"
        self.policy = policy
        self.random = random.Random(7)
        self.rehearsal: set[str] = set()
        self.live: set[str] = set()
        self.adopted: list[tuple[str, object]] = []

    def adopt(self, service, *, stage):
        self.adopted.append((stage, service))


class House:
    """A rehearsal inside the test's own loop, without engines."""

    def __init__(self, rehearsal: Rehearsal, address: str):
        self.rehearsal, self.address = rehearsal, address

    def faults(self, *entries: dict) -> None:
        from services.rehearsal.faults import faults_from

        self.rehearsal.faults = faults_from(list(entries))

    def journal(self, vendor: str, what: str) -> list[dict]:
        entries = self.rehearsal.visit_of("s1").journal.entries()
        return [e for e in entries if e["vendor"] == vendor and e["what"] == what]


@asynccontextmanager
async def open_house(scripts: Path, *, engines: bool = False):
    rehearsal = Rehearsal(scripts=scripts, engines=engines)
    rehearsal.profile = rehearsal.profile.__class__()
    runner = await serve(rehearsal)
    runner._shutdown_timeout = 0.05  # a stalled reply is not worth waiting for
    host, port = runner.addresses[0][:2]
    try:
        yield House(rehearsal, f"{host}:{port}")
    finally:
        await runner.cleanup()


class Seen(BaseObserver):
    """Every frame at its first push, with the time since the stage opened."""

    def __init__(self):
        super().__init__()
        self.frames: list[tuple[float, Frame]] = []
        self._ids: set[int] = set()
        self._news = asyncio.Event()

    async def on_push_frame(self, data):
        if data.frame.id not in self._ids:
            self._ids.add(data.frame.id)
            self.frames.append((data.timestamp / 1e9, data.frame))
            self._news.set()

    def of(self, *kinds) -> list:
        return [frame for _, frame in self.frames if isinstance(frame, kinds)]

    async def until(self, wanted, *, secs: float = 8.0):
        """Wait until ``wanted()`` is true, of what has been seen or of the world."""
        async with asyncio.timeout(secs):
            while not wanted():
                self._news.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), 0.02)


class Stage:
    """A running pipeline: frames go in, and everything that happens is seen."""

    def __init__(self, worker: PipelineWorker, seen: Seen):
        self.worker, self.seen = worker, seen

    async def put(self, *frames: Frame) -> None:
        await self.worker.queue_frames(frames)


@asynccontextmanager
async def on_stage(*processors, observers=()):
    seen = Seen()
    worker = PipelineWorker(
        Pipeline(list(processors)),
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=24000),
        observers=[seen, *observers],
        enable_rtvi=False,
        cancel_on_idle_timeout=False,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.ensure_future(runner.run())
    try:
        yield Stage(worker, seen)
    finally:
        await worker.cancel()
        await asyncio.wait_for(running, 10)


def hum(secs: float, *, loud: bool = True) -> list[InputAudioRawFrame]:
    """Audio in 20 ms frames that a scripted ear takes for speech, or for a pause."""
    size = RATE // 50
    wave = (8000 * np.sin(np.arange(size) * 2 * np.pi * 200 / RATE)).astype(np.int16)
    pcm = wave.tobytes() if loud else bytes(size * 2)
    return [InputAudioRawFrame(pcm, RATE, 1) for _ in range(round(secs * 50))]

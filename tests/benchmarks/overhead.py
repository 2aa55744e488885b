"""What a session adds to a turn: the house's processors and observers against plain Pipecat.

    python -m tests.benchmarks.overhead [--quick]

Two live pipelines of the same parts (loopback line, Silero, a model and a voice that answer at
once), one inside a ``Session``, one in a bare ``PipelineWorker``; their turns alternate. The last
line is one JSON object:

- ``turn_p95_ms``, ``turn_p50_ms``: p95 and median of the time from the end of the caller's voice to
  the first sound that leaves, minus the same of plain Pipecat. ``plain_p95_ms``: the latter.
- ``cpu_pct``: CPU seconds per second of a call, as percent of one core, minus the same of plain
  Pipecat; two calls on the virtual clock, so that nothing else is in it. ``plain_cpu_pct``.
"""

import argparse
import asyncio
import json
import sys
import time
from contextlib import asynccontextmanager

import numpy as np
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.transports.base_transport import TransportParams
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from qa.virtual import run
from services.rehearsal.latency import PROFILES
from sessions import Session
from sessions.turns import VAD
from tests.benchmarks.interleavings import Tone
from tests.support.loopback import Line
from tests.support.turn_model import Model, Reply
from tests.support.turn_sounds import spoken

ANSWER = "Yes of course."


class Arm:
    """One live pipeline."""

    def __init__(self, worker: PipelineWorker, line: Line):
        self.worker, self.line = worker, line

    async def turn(self) -> float:
        """Take a turn; seconds from the end of the voice to the first sound of the answer."""
        await self.worker.queue_frame(VADUserStartedSpeakingFrame(start_secs=0.1))
        await asyncio.sleep(0.1)
        await self.worker.queue_frame(TranscriptionFrame("hello", "", "", finalized=True))
        await asyncio.sleep(0.05)
        loop, heard = asyncio.get_running_loop(), self.line.heard
        ended, before = loop.time(), len(heard)
        await self.worker.queue_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await self.line.until(lambda: any(loud for _, loud in heard[before:]))
        await asyncio.sleep(0.5)
        return next(at for at, loud in heard[before:] if loud) - ended


def _stop() -> list:
    return [SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0)]


def _parts(transport, user, assistant) -> Pipeline:
    model = Model(lambda _: Reply(ANSWER), profile=PROFILES["instant"])
    return Pipeline([transport.input(), user, model, Tone(), transport.output(), assistant])


@asynccontextmanager
async def house():
    """A session."""
    line = Line(session_id="overhead")
    session = await Session.open(line)
    params = session.user_params()
    assert params.user_turn_strategies
    params.user_turn_strategies.stop = _stop()
    pair = LLMContextAggregatorPair(
        LLMContext(), user_params=params, assistant_params=session.assistant_params()
    )
    pipeline = _parts(session.transport, *pair)
    task = asyncio.create_task(session.run(pipeline, greet=False))
    await line.connect()
    await line.until(lambda: session.opening.heard)
    try:
        yield Arm(session.worker, line)
    finally:
        await line.hang_up()
        await asyncio.wait([task], timeout=10)


@asynccontextmanager
async def plain():
    """The same parts without a session."""
    line = Line(session_id="overhead")
    sound = {"audio_in_enabled": True, "audio_out_enabled": True, "audio_out_10ms_chunks": 2}
    transport = await line.open_transport(TransportParams(**sound))
    pair = LLMContextAggregatorPair(
        LLMContext(),
        user_params=LLMUserAggregatorParams(
            vad_analyzer=SileroVADAnalyzer(params=VAD),
            user_turn_strategies=UserTurnStrategies(stop=_stop()),
        ),
    )
    worker = PipelineWorker(
        _parts(transport, *pair),
        params=PipelineParams(enable_metrics=True, enable_usage_metrics=True),
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    task = asyncio.create_task(runner.run())
    await line.connect()
    try:
        yield Arm(worker, line)
    finally:
        await worker.cancel()
        await asyncio.wait([task], timeout=10)


async def turns(pairs: int) -> tuple[list[float], list[float]]:
    """Alternate turns; the seconds of the house's and of plain Pipecat's."""
    ours, theirs = [], []
    async with house() as one, plain() as other:
        await one.turn()
        await other.turn()
        for _ in range(pairs):
            ours.append(await one.turn())
            theirs.append(await other.turn())
    return ours, theirs


def cpu(arm, *, secs: float) -> float:
    """CPU seconds per second of a call in which both sides speak."""
    voice, _ = spoken("I would like to know about my appointment on Friday", "en-us")
    pcm = (voice * 32767).astype(np.int16).tobytes()

    async def main(loop):
        async with arm() as one:
            began, cpu_began = loop.time(), time.process_time()
            while loop.time() - began < secs:
                one.line.say(pcm)
                await asyncio.sleep(3.0)
                await one.turn()
            return (time.process_time() - cpu_began) / (loop.time() - began)

    return run(main, wall_start_ns=1_750_000_000_000_000_000)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    ours, theirs = asyncio.run(turns(25 if args.quick else 150))
    rounds = 1 if args.quick else 5
    loads = {arm: [] for arm in (house, plain)}
    for _ in range(rounds + 1):
        for arm, load in loads.items():
            load.append(cpu(arm, secs=20 if args.quick else 60))
    # The first round warms the process up.
    ours_cpu, theirs_cpu = (float(np.median(load[1:])) * 100 for load in loads.values())
    p = np.percentile
    print(
        json.dumps(
            {
                "turn_p95_ms": round(float(p(ours, 95) - p(theirs, 95)) * 1000, 2),
                "turn_p50_ms": round(float(p(ours, 50) - p(theirs, 50)) * 1000, 2),
                "plain_p95_ms": round(float(p(theirs, 95)) * 1000, 2),
                "plain_p50_ms": round(float(p(theirs, 50)) * 1000, 2),
                "cpu_pct": round(ours_cpu - theirs_cpu, 2),
                "plain_cpu_pct": round(theirs_cpu, 2),
                "turns": len(ours),
            }
        )
    )


if __name__ == "__main__":
    main()

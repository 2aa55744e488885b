"""What is seen, how soon, and what it costs: the sampler against Pipecat's and LiveKit's policy.

    python -m tests.benchmarks.vision [--quick]

Thirteen generated scenes with planted events (tests/support/scenes.py), one seed for design, another
here. The last line is one JSON object:

- ``event_recall``: share of planted events of which a picture was taken within 500 ms, by the real
  ``FrameSampler`` on the virtual clock; ``fixed_recall`` and ``livekit_recall``: by Pipecat's own
  sampler at a fixed 2 frames a second, and by LiveKit's published policy (1.0 a second while the
  caller speaks, a third of the time here, and 0.3 otherwise), on the same frames.
- ``frames_ratio_still``: pictures of the still scenes, as a share of fixed 2 a second. ``usd_hour``,
  ``fixed_usd_hour``, ``livekit_usd_hour``: all scenes' pictures, if each is shown to a model once.
- ``alert_p95_ms``: live, from the event to the encoded picture in the hands of an alert's handler.
- ``stale_reasoned``: pictures older than the limit in the requests of fuzzed sessions (stalls,
  bursts, losses, clock skew, a slow pool), of ``pictures_reasoned``.
- ``cpu_720p30_pct``, ``stall_p99_ms``: a process that receives 720p at 30 frames a second over
  WebRTC and encodes one a second, pool included; ``pipecat_...``: plain Pipecat doing the same,
  interleaved.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator

import numpy as np
from loguru import logger
from pipecat.frames.frames import UserImageRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.transports.video_in_sampler import _VideoInSampler
from pipecat.workers.runner import WorkerRunner

from processors.frame_sampler import FrameSampler
from qa.virtual import run
from sessions import Session
from sessions.vision.budget import PICTURE_DOLLARS, Budget
from sessions.vision.eye import Sample
from sessions.vision.pool import vision_pool
from tests.support.loopback import Line
from tests.support.scenes import Scene, scenes
from tests.support.stale_fuzz import WALL, fuzz
from tests.support.video_line import Load, measure, packets

SEED = 2026
FPS = 15
SEEN_SECS = 0.5
SPEAKS, OF = 5.0, 15.0
LEAD_SECS, TAIL_SECS = 3.0, 1.0


@contextlib.asynccontextmanager
async def watching(**options) -> AsyncIterator[tuple[Session, FrameSampler, PipelineWorker]]:
    """A sampler in a running pipeline."""
    session = await Session.open(Line(session_id="vision", body={}))
    eyes = FrameSampler(session, **options)
    worker = PipelineWorker(Pipeline([eyes]), enable_rtvi=False, idle_timeout_secs=None)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    await asyncio.sleep(0.1)
    try:
        yield session, eyes, worker
    finally:
        await worker.cancel()
        await asyncio.wait([running], timeout=10)


def frame_of(scene: Scene, t: float) -> UserImageRawFrame:
    """The frame that a door would bring."""
    frame = UserImageRawFrame(
        image=scene.frame(t).tobytes(), size=scene.size, format="RGB", user_id=scene.name
    )
    frame.transport_source = "camera"
    return frame


async def film(scene: Scene) -> dict[str, list[float]]:
    """Times at which each policy takes a picture of a scene; on the virtual clock."""
    taken: dict[str, list[float]] = {"ours": [], "fixed": [], "livekit": []}
    fixed, quiet, speaking = _VideoInSampler(2), -100.0, 0.0
    async with watching() as (session, eyes, worker):
        began = session.clock.now()

        @eyes.event_handler("on_sampled")
        async def on_sampled(_eyes, sample: Sample):
            taken["ours"].append(sample.evidence.at_ns / 1e9 - began)

        for n in range(int(scene.secs * FPS)):
            t = n / FPS
            if fixed.sample()[0]:
                taken["fixed"].append(t)
            speaking = 1.0 if t % OF < SPEAKS else 1 / 0.3
            if t - quiet >= speaking - 1e-6:
                quiet = t
                taken["livekit"].append(t)
            await worker.queue_frame(frame_of(scene, t))
            await asyncio.sleep(1 / FPS)
    return taken


def policies(secs: float) -> dict:
    """Recall and pictures of every policy over all scenes."""
    seen: dict[str, list[bool]] = {}
    count: dict[str, int] = {}
    still: dict[str, int] = {}
    for scene in scenes(seed=SEED, secs=secs).values():
        taken = run(lambda _, s=scene: film(s), wall_start_ns=WALL, limit_secs=secs * 3)
        for policy, times in taken.items():
            hits = [any(-1e-3 <= t - at <= SEEN_SECS for t in times) for at, _, _ in scene.events]
            seen.setdefault(policy, []).extend(hits)
            count[policy] = count.get(policy, 0) + len(times)
            still[policy] = still.get(policy, 0) + len(times) * scene.still
        _say(f"{scene.name}: {', '.join(f'{p} {len(t)}' for p, t in taken.items())}")
    hours = secs * len(scenes(secs=1.0)) / 3600
    usd = {policy: round(n * PICTURE_DOLLARS / hours, 2) for policy, n in count.items()}
    recall = {policy: round(statistics.mean(hits), 4) for policy, hits in seen.items()}
    return {
        "event_recall": recall["ours"],
        "fixed_recall": recall["fixed"],
        "livekit_recall": recall["livekit"],
        "events": len(seen["ours"]),
        "frames_ratio_still": round(still["ours"] / still["fixed"], 4),
        "livekit_ratio_still": round(still["livekit"] / still["fixed"], 4),
        "usd_hour": usd["ours"],
        "fixed_usd_hour": usd["fixed"],
        "livekit_usd_hour": usd["livekit"],
    }


async def alerts(rounds: int) -> list[float]:
    """Live: milliseconds from each scene's event to its picture; all scenes at once."""
    took: list[float] = []
    await vision_pool().warm()
    for number in range(rounds):
        happens: dict[str, float] = {}
        async with watching(budget=Budget(per_minute=6000)) as (session, eyes, worker):
            eyes.add_event_handler("on_sampled", _noting(session, happens, took))
            made = scenes(seed=SEED + number, secs=60).values()
            await asyncio.gather(*(_event(scene, session, worker, eyes, happens) for scene in made))
            took += [1000.0] * len(happens)  # never seen
    return took


def _noting(session: Session, happens: dict[str, float], took: list[float]):
    async def on_sampled(_eyes, sample: Sample):
        at = happens.get(sample.evidence.source)
        if at is not None and sample.evidence.at_ns >= at * 1e9:
            took.append((session.clock.now() - at) * 1000)
            del happens[sample.evidence.source]

    return on_sampled


async def _event(scene: Scene, session, worker, eyes, happens: dict[str, float]) -> None:
    start = scene.events[0][0] - LEAD_SECS - scene.rng.random() / FPS
    began = session.clock.now()
    planted = False
    for n in range(int((LEAD_SECS + TAIL_SECS) * FPS)):
        await asyncio.sleep(max(0.0, began + n / FPS - session.clock.now()))
        t = start + n / FPS
        if not planted and t >= scene.events[0][0]:
            planted = True
            happens[eyes._eyes[scene.name, "camera"].name] = session.clock.now()
        await worker.queue_frame(frame_of(scene, t))


def staleness(sessions: int) -> dict:
    """Fuzzed sessions."""
    outcomes = []
    for seed in range(sessions):
        outcomes.append(fuzz(seed))
        if seed % 100 == 99:
            _say(f"{seed + 1} fuzzed sessions, {sum(o.stale for o in outcomes)} stale")
    return {
        "stale_reasoned": sum(outcome.stale for outcome in outcomes),
        "pictures_reasoned": sum(len(outcome.ages) for outcome in outcomes),
        "requests": sum(outcome.requests for outcome in outcomes),
        "fuzzed_sessions": sessions,
    }


async def loads(rounds: int, secs: float) -> dict:
    """720p30 in, one a second out: ours and plain Pipecat in turn."""
    encoded = packets()
    found: dict[bool, list[Load]] = {True: [], False: []}
    for number in range(rounds):
        for house in (True, False) if number % 2 else (False, True):
            load = await measure(house, encoded, secs=secs)
            found[house].append(load)
            _say(f"{'house' if house else 'plain'}: {load.cpu_pct:.1f} %")
    result = {}
    for house, prefix in ((True, ""), (False, "pipecat_")):
        every = found[house]
        stalls = [late for load in every for late in load.stalls_ms]
        result |= {
            f"{prefix}cpu_720p30_pct": round(statistics.median(x.cpu_pct for x in every), 2),
            f"{prefix}stall_p99_ms": round(float(np.percentile(stalls, 99)), 2),
            f"{prefix}pictures_s": round(statistics.mean(x.pictures for x in every), 2),
        }
    return result


def _say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    logger.remove()
    result = policies(secs=60 if quick else 180)
    took = asyncio.run(alerts(1 if quick else 10))
    result |= {
        "alert_p95_ms": round(float(np.percentile(took, 95)), 1),
        "alert_p50_ms": round(float(np.percentile(took, 50)), 1),
        "alerts": len(took),
    }
    result |= staleness(25 if quick else 1000)
    result |= asyncio.run(loads(1 if quick else 4, 8.0 if quick else 15.0))
    print(json.dumps(result))


if __name__ == "__main__":
    main()

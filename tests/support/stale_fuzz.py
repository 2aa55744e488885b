"""Sessions whose video stalls, bursts, drops and lies about its time; is an old picture reasoned on?

Every frame carries its number in its pixels, so what a model was really shown is known from the
request itself, and with it when that was captured.
"""

import asyncio
import base64
import random
import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from pipecat.frames.frames import LLMContextFrame, UserImageRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.workers.runner import WorkerRunner

from processors.frame_sampler import FrameSampler
from qa.virtual import run
from services.rehearsal.latency import PROFILES
from sessions import Session
from tests.support.loopback import Line
from tests.support.turn_model import Model, Reply

WALL = 1_790_000_000_000_000_000
SIZE = (256, 144)
BITS, CELL = 16, 16
CLOCK = 90_000
PICTURE = re.compile(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)")


@dataclass
class Outcome:
    """What a session's model was shown.

    Parameters:
        ages: Of each picture, seconds from when the line could have brought it to the request.
        limit: Seconds that were allowed.
        requests: How often the model was asked.
    """

    limit: float
    ages: list[float] = field(default_factory=list)
    requests: int = 0

    @property
    def stale(self) -> int:
        """Pictures that were too old."""
        return sum(age > self.limit for age in self.ages)


class Mind(Model):
    """Makes the request that a vendor would get, and keeps its pictures."""

    def __init__(self, seen):
        super().__init__(lambda _: Reply("I see."), profile=PROFILES["instant"])
        self._seen = seen

    async def _answer(self, context):
        params = await self.get_llm_adapter().get_llm_invocation_params(
            context, convert_developer_to_user=False
        )
        self._seen([m.group(1) for m in PICTURE.finditer(str(params["messages"]))])
        await super()._answer(context)


def fuzz(seed: int, *, secs: float = 20.0) -> Outcome:
    """One session of a seed, on the virtual clock."""
    rng = random.Random(seed)
    slow = rng.choice([0.02, 0.02, 0.3, 2.0])

    def cost(func, result: Any) -> float:
        # The pool is sometimes slow: the picture grows old while it is developed.
        return rng.uniform(0.005, slow) if getattr(func, "__name__", "") == "develop" else 0.0

    return run(
        lambda loop: _session(rng, secs), wall_start_ns=WALL, seed=seed, cost=cost, limit_secs=900
    )


async def _session(rng: random.Random, secs: float) -> Outcome:
    outcome = Outcome(limit=rng.choice([0.5, 1.0, 3.0]))
    line = Line(session_id="fuzz", body={})
    session = await Session.open(line)
    captured: dict[int, float] = {}
    least: list[float] = []

    def seen(pictures: list[str]) -> None:
        outcome.requests += 1
        for data in pictures:
            number = _number(base64.b64decode(data))
            outcome.ages.append(session.clock.now() - captured[number] - min(least, default=0.0))

    gated = rng.random() < 0.7
    if gated:  # like a WebRTC line: frames have a time of their own
        session.gate_pictures = lambda wants: True
    eyes = FrameSampler(session, max_age=outcome.limit)
    mind = Mind(seen)
    session.adopt(mind, stage="llm")
    worker = PipelineWorker(
        Pipeline([eyes, mind]), params=PipelineParams(), enable_rtvi=False, idle_timeout_secs=None
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    await asyncio.sleep(0.1)
    filming = asyncio.create_task(_film(rng, session, eyes, worker, gated, captured, least, secs))
    until = session.clock.now() + secs
    while session.clock.now() < until:
        await asyncio.sleep(rng.expovariate(1.0))
        context = LLMContext([{"role": "user", "content": "What do you see?"}])
        await worker.queue_frame(LLMContextFrame(context))
    await filming
    await worker.cancel()
    await asyncio.wait([running], timeout=10)
    return outcome


async def _film(rng, session, eyes, worker, gated, captured, least, secs) -> None:
    """Capture at a rate; deliver over a line with a delay, stalls and losses."""
    fps = rng.choice([5, 15, 30])
    drift, zero = 1 + rng.uniform(-300e-6, 300e-6), rng.uniform(0, 1e5)
    base, jitter = rng.uniform(0.01, 0.2), rng.choice([0.0, 0.02])
    stalled_until, delivered = 0.0, 0.0
    began = session.clock.now()
    deliveries = []
    for number in range(int(secs * fps)):
        at = began + number / fps
        if rng.random() < 0.01:
            stalled_until = max(stalled_until, at + rng.choice([0.3, 1, 4, 8]))
        if rng.random() < (0.3 if at < stalled_until else 0.02):
            continue  # lost
        arrives = max(at + base + rng.uniform(0, jitter), stalled_until, delivered)
        if arrives - at >= 1.0 and not gated:
            continue  # a line without times drops what it could not bring
        delivered = arrives
        deliveries.append((arrives, number, at))
    for arrives, number, at in deliveries:
        if (wait := arrives - session.clock.now()) > 0:
            await asyncio.sleep(wait)
        captured[number] = at
        if gated:
            least.append(arrives - at)
            await _through_the_gate(eyes, worker, number, int((zero + at * drift) * CLOCK))
        else:
            captured[number] = arrives  # nobody could know better
            await worker.queue_frame(_frame(_drawn(number)))


async def _through_the_gate(eyes, worker, number: int, pts: int) -> None:
    picture = _drawn(number)
    decoded = av.VideoFrame.from_ndarray(picture[:, :, 0], format="gray")
    decoded.pts, decoded.time_base = pts, Fraction(1, CLOCK)
    if eyes._wants("camera", decoded):
        await worker.queue_frame(_frame(picture, pts=pts))


def _frame(picture: np.ndarray, *, pts: int | None = None) -> UserImageRawFrame:
    frame = UserImageRawFrame(image=picture.tobytes(), size=SIZE, format="RGB", user_id="caller")
    frame.transport_source, frame.pts = "camera", pts
    return frame


def _drawn(number: int) -> np.ndarray:
    """A picture that holds its number, and something that moves."""
    picture = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    for bit in range(BITS):
        shade = 255 if number >> bit & 1 else 0
        picture[:CELL, bit * CELL : (bit + 1) * CELL] = shade
    cv2.circle(picture, (number * 7 % SIZE[0], 90), 12, (220, 60, 60), -1)
    return picture


def _number(jpeg: bytes) -> int:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    middle = picture[CELL // 2, CELL // 2 :: CELL]
    return sum(int(shade > 127) << bit for bit, shade in enumerate(middle))

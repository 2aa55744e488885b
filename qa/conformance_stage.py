"""A stage for one part: before it, what a call brings; behind it, what is still there and when.

On the virtual clock nothing takes time but what waits, so a part that waits where it must not shows
it to the millisecond, the same in every run.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from loguru import logger
from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames import frames as f
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transcriptions.language import Language
from pipecat.workers.runner import WorkerRunner

from processors.meeting.tracks import SegmentFrame
from qa.call.pictures import clip
from qa.cassettes.caller import ScriptedCaller
from sessions import Policy, Session
from sessions.transcript import Segment

CANARY = "it began under the umbrella and my name is Ottilie Quarngold 5552174098"
"""What a caller says. It may be in frames, and nowhere else."""

TRACES = ("umbrella", "ottilie", "quarngold", "5552174098")
"""By which it is known again. The first names nobody, and so is in the log if any of it is: a guard
may have taken out the others."""

CALLER = "caller"
STEP_SECS = 0.1
SETTLE_SECS = 8.0
END_SECS = 5.0
CANCEL_SECS = 1.0
"""A cancelled part has so long to let go."""


class Mark(f.SystemFrame):
    """A system frame that no part knows."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number


class Note(f.ControlFrame, f.UninterruptibleFrame):
    """A frame with a place in the order of things that no part knows, and no interruption drops."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number


class Probe(FrameProcessor):
    """Keeps what passes, with its time in the loop."""

    def __init__(self):
        super().__init__()
        self.seen: list[tuple[float, f.Frame, FrameDirection]] = []

    async def process_frame(self, frame: f.Frame, direction: FrameDirection):
        """Keep it, and let it pass."""
        await super().process_frame(frame, direction)
        self.seen.append((asyncio.get_running_loop().time(), frame, direction))
        await self.push_frame(frame, direction)

    def numbers(self, kind: type[Mark] | type[Note], direction: FrameDirection) -> list[int]:
        """The numbers of the frames of a kind that came from one side."""
        there = (x for _, x, way in self.seen if isinstance(x, kind) and way is direction)
        return [frame.number for frame in there]


@dataclass
class Played:
    """What a part did.

    Parameters:
        before: On its caller's side.
        behind: On the other.
        sent: When each mark was pushed, by its number.
        marks: How many marks were pushed on each side.
        ended: Whether the call ended by itself when it was to.
        end_secs: How long that took.
        left: Tasks it left running.
        errors: What it reported as failed.
        logged: Lines of the log.
    """

    before: Probe = field(default_factory=Probe)
    behind: Probe = field(default_factory=Probe)
    sent: dict[int, float] = field(default_factory=dict)
    marks: int = 0
    ended: bool = False
    end_secs: float = 0.0
    left: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)


@asynccontextmanager
async def session_of(policy: Policy) -> AsyncIterator[Session]:
    """A session without a call: its clock, policy, desks and books are real."""
    caller = ScriptedCaller(lines=[], seed=1)
    caller.session_id, caller.body, caller.handle_sigint = (
        "conformance",
        {"bot": "conformance"},
        False,
    )
    session = await Session.open(caller, policy=policy)
    try:
        yield session
    finally:
        session.front_desk.clear()


@contextmanager
def logged(lines: list[str]) -> Iterator[None]:
    """Keep what is logged, at every level for the house and from INFO on for Pipecat."""

    def keep(message: Any) -> None:
        record = message.record
        if record["level"].no >= 20 or not record["name"].startswith("pipecat"):
            lines.append(str(message))

    sink = logger.add(keep, level="TRACE", format="{name}: {message} {extra}")
    try:
        yield
    finally:
        logger.remove(sink)


async def play(parts: list[FrameProcessor], session: Session, *, cancel: bool = False) -> Played:
    """Play a call's frames to some parts in a row.

    Args:
        parts: The part, and what it comes with.
        session: The session they were built for.
        cancel: Whether the call is cancelled in the middle; else it ends.
    """
    played = Played()
    pipeline = Pipeline([played.before, *parts, played.behind])
    worker = PipelineWorker(
        pipeline,
        app_resources=session,
        enable_rtvi=False,
        enable_turn_tracking=False,
        idle_timeout_secs=None,
        cancel_timeout_secs=END_SECS,
    )

    @worker.event_handler("on_pipeline_error")
    async def on_error(_worker, error: f.ErrorFrame):
        played.errors.append(error.error)

    there = asyncio.all_tasks()
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    with logged(played.logged):
        running = asyncio.create_task(runner.run())
        await asyncio.sleep(SETTLE_SECS)  # services connect
        await _feed(played, worker, stop_after=3 if cancel else None)
        loop = asyncio.get_running_loop()
        began = loop.time()
        if cancel:
            await worker.cancel()
        else:
            await asyncio.sleep(SETTLE_SECS)
            began = loop.time()
            await worker.stop_when_done()
        done, _ = await asyncio.wait([running], timeout=2 * END_SECS)
        played.ended, played.end_secs = bool(done), loop.time() - began
        if not done:
            running.cancel()
            await asyncio.wait([running], timeout=END_SECS)
        await asyncio.sleep(1)
        played.left = [t.get_name() for t in asyncio.all_tasks() - there if not t.done()]
    return played


async def _feed(played: Played, worker: PipelineWorker, *, stop_after: int | None) -> None:
    for step, group in enumerate(groups()):
        if step == stop_after:
            return
        for frame in group:
            await worker.queue_frame(frame)
        for direction in FrameDirection:
            played.marks += 1
            played.sent[played.marks] = asyncio.get_running_loop().time()
            end = played.before if direction is FrameDirection.DOWNSTREAM else played.behind
            await end.push_frame(Mark(played.marks), direction)
            await end.push_frame(Note(played.marks), direction)
        await asyncio.sleep(STEP_SECS)


def groups() -> Iterator[list[f.Frame]]:
    """What a call brings, some frames at a time. An interruption comes where it hurts most."""
    picture = clip("bench")
    for turn in range(2):
        yield [f.UserStartedSpeakingFrame(), _sound()]
        yield [_picture(picture, turn), f.InterimTranscriptionFrame(CANARY, CALLER, "")]
        yield [
            f.TranscriptionFrame(CANARY, CALLER, "", Language.EN, finalized=True),
            f.UserStoppedSpeakingFrame(),
        ]
        yield [SegmentFrame(Segment(f"s{turn + 1}", "ana", "Ana", 0, 900, f"Vivace, {CANARY}"))]
        yield [f.LLMContextFrame(LLMContext([{"role": "user", "content": f"hello {CANARY}"}]))]
        yield [
            f.LLMFullResponseStartFrame(),
            f.LLMTextFrame(f"Hello {CANARY}."),
            f.LLMFullResponseEndFrame(),
        ]
        yield [f.TTSSpeakFrame(f"Good day {CANARY}.")]
        yield [f.InterruptionFrame()]
        yield [f.InputDTMFFrame(KeypadEntry.FIVE), f.InputDTMFFrame(KeypadEntry.SEVEN)]
        yield [
            f.LLMMessagesAppendFrame([{"role": "user", "content": CANARY}], run_llm=False),
            _sound(),
        ]
        yield [f.BotStartedSpeakingFrame(), f.BotStoppedSpeakingFrame()]


def _sound() -> f.Frame:
    return f.InputAudioRawFrame(bytes(640), 16_000, 1)


def _picture(shown: Any, turn: int) -> f.Frame:
    frame = f.UserImageRawFrame(
        image=shown.frame(float(turn)).tobytes(), size=shown.size, format="RGB", user_id=CALLER
    )
    frame.transport_source = "camera"
    return frame


__all__ = ["CANARY", "TRACES", "Mark", "Note", "Played", "logged", "play", "session_of"]

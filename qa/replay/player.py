"""Replays one tape: the unchanged bot file, in virtual time, against what the tape knows."""

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loguru import logger
from pipecat.utils import utils as pipecat_ids

import bots
from qa.replay.door import INPUTS, ReplayRunnerArguments
from qa.replay.misses import Miss, Misses, OnMiss
from qa.replay.surroundings import surroundings
from qa.replay.vendors import Vendors
from qa.replay.wires import Connection, connections
from qa.virtual.canonical import EventLog
from qa.virtual.clock import real_perf_counter
from qa.virtual.hermetic import refused
from qa.virtual.loop import run
from qa.virtual.realtime import run_in_real_time
from sessions.tape import Tape, TapeWriter
from sessions.tape.memory import MemoryTape
from sessions.tape.recorder import Recorder, code_version
from sessions.tape.schemas import EVENTS, METRICS
from sessions.tape.uploads import TapedStorage

MARGIN_SECS = 120.0
"""A replay that takes so much longer than its tape waits for something that never comes."""

GRACE_SECS = 0.02
"""A replay that fails on a miss goes on so long, for what led to the miss to reach its tape."""


@dataclass
class Replay:
    """What a replay was.

    Parameters:
        tape: What the replayed session left.
        misses: What it asked that its tape has no answer for.
        log: Its event log; None if not asked for.
        audio_secs: Length of the call, virtual seconds.
        cpu_secs: Processor time it took.
        error: What ended it, if it did not end by itself.
        refused: Ways out that were tried.
    """

    tape: MemoryTape
    misses: list[Miss]
    log: EventLog | None
    audio_secs: float = 0.0
    cpu_secs: float = 0.0
    error: str = ""
    refused: list[str] = field(default_factory=list)

    @property
    def speed_x(self) -> float:
        """Audio seconds per processor second."""
        return self.audio_secs / self.cpu_secs if self.cpu_secs else 0.0


@dataclass
class Options:
    """How to replay.

    Parameters:
        on_miss: What to do when the tape has no answer.
        event_log: Keep the event log of every push.
        progress: Called with the share done, 0 to 1.
        live: Takes stages to the real other end, see :mod:`qa.replay.live`.
        real_time: Take as long as the call did.
        save: Where the replayed session's tape goes; sealed with the tape's key if it is.
        bot: Called with the runner arguments; the bot the tape names when None.
    """

    on_miss: OnMiss = OnMiss.FAIL
    event_log: bool = False
    progress: Callable[[float], None] = lambda share: None
    live: Any = None
    real_time: bool = False
    save: Path | None = None
    bot: Callable[[Any], Any] | None = None


def replay(tape: Tape, options: Options | None = None) -> Replay:
    """Replay a tape.

    Args:
        tape: See :func:`sessions.tape.read_tape`.
        options: How.

    Returns:
        What happened. Never raises for what the code under replay does; see ``error``.

    Raises:
        TapeError: The tape cannot be read.
    """
    options = options or Options()
    taped = connections(tape)
    stage = _Stage(tape, taped, options)
    live = options.live.stages if options.live else ()
    with surroundings(tape.header, taped, live=live):
        cpu = time.process_time()
        try:
            if options.real_time:
                run_in_real_time(stage.play)
            else:
                run(
                    stage.play,
                    wall_start_ns=tape.header.started_at,
                    seed=tape.header.seed,
                    cost=stage.cost,
                    limit_secs=stage.length + MARGIN_SECS,
                )
        except Exception as e:
            logger.opt(exception=e).debug("The replay ended early")
            stage.error = f"{type(e).__name__}: {e}"
        stage.result.tape.close()
        stage.result.cpu_secs = time.process_time() - cpu
    return stage.finished()


class _Stage:
    """One replay while it runs."""

    def __init__(self, tape: Tape, taped: list[Connection], options: Options):
        self._options = options
        self._taped = taped
        self._header = tape.header
        messages = list(tape.messages(*INPUTS, METRICS))
        self._inputs = [message for message in messages if message.topic != METRICS]
        self._turn_times = [
            message.data["value"]["e2e_processing_time_ms"] / 1000
            for message in messages
            if b"e2e_processing_time_ms" in message.json
        ]
        self.length = max((m.clock_ns for m in self._inputs), default=0) / 1e9
        self.error = ""
        self._turn = 0
        self._task: asyncio.Task | None = None
        self._misses = Misses(options.on_miss, now=self._now)
        self._misses.stop = self._stop
        log = EventLog() if options.event_log else None
        copy = _copy(tape, options.save) if options.save else None
        left = MemoryTape(tape.header, tape.path, copy=copy, heed=self._heed)
        self.result = Replay(left, self._misses.found, log)

    async def play(self, loop: Any) -> None:
        """Let the bot answer the taped caller."""
        self._loop, self._zero = loop, loop.time()
        _number_from_zero()
        await Vendors(self._taped, self._misses, live=self._options.live).open(loop)
        body = json.loads(self._header.facts.get("body", "{}"))
        arguments = ReplayRunnerArguments(
            tape=self._inputs, seed=self._header.seed, record=self._record
        )
        arguments.body = {"consent": {"recording": True}} | body | {"bot": self._header.bot}
        arguments.session_id = self._header.session_id
        arguments.handle_sigint = False
        events = [message for message in self._inputs if message.topic == EVENTS]
        arguments.file_storage = TapedStorage(events)
        cast = next((m.data["detail"] for m in events if m.data["name"] == "session.cast"), {})
        arguments.transport_type = cast.get("door")
        parts = [m.data["detail"] for m in events if m.data["name"] == "session.resumed"]
        arguments.resumed = parts[0] if parts else None
        bot = self._options.bot or bots.bot
        self._task = asyncio.ensure_future(bot(arguments))
        reporter = asyncio.ensure_future(self._report())
        try:
            await self._task
        except asyncio.CancelledError:
            if not self._misses.found:
                self.error = "the session cancelled itself"
        finally:
            reporter.cancel()
            self.result.audio_secs = loop.time() - self._zero

    def cost(self, func: Callable, result: Any) -> float:
        """Virtual seconds of a thread's job: smart turn took what it took then."""
        if getattr(func, "__name__", "") == "_process_speech_segment" and self._turn_times:
            return self._turn_times.pop(0)
        return 0.0

    def finished(self) -> Replay:
        """The result."""
        if self.error and not self._misses.found:
            self.result.error = self.error
        self.result.refused = list(refused)
        return self.result

    def _record(self, session: Any) -> Recorder:
        if self.result.log:
            session.observers.append(self.result.log)
        recorder = Recorder(self.result.tape, session.clock.now_ns)
        recorder.attach()
        return recorder

    def _heed(self, topic: str, payload: Any) -> None:
        if topic == EVENTS and payload["name"] == "turn.caller":
            self._turn += 1

    def _now(self) -> tuple[int, float]:
        return self._turn, self._loop.time() - self._zero

    def _stop(self) -> None:
        if self._task:
            self._loop.call_later(GRACE_SECS, self._task.cancel)

    async def _report(self) -> None:
        began = real_perf_counter()
        while True:
            await asyncio.sleep(1)
            if real_perf_counter() - began > 0.2:
                began = real_perf_counter()
                self._options.progress(min(1.0, self._now()[1] / max(self.length, 1)))


def _copy(tape: Tape, path: Path) -> TapeWriter:
    header = tape.header
    return TapeWriter(
        path,
        session_id=header.session_id,
        bot=header.bot,
        policy=header.policy,
        seed=header.seed,
        code_version=code_version(),
        started_at=header.started_at,
        key=tape.key,
        facts=header.facts | {"replay_of": tape.path.name},
    )


def _number_from_zero() -> None:
    """Start Pipecat's process-wide numbering anew: ids are equal from replay to replay."""
    pipecat_ids._ID = itertools.count()
    pipecat_ids._COUNTS.clear()


__all__ = ["Options", "Replay", "replay"]

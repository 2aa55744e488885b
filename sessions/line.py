"""The line to the caller: while nobody can hear the bot, it waits; what went unheard is marked."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from pipecat.clocks.base_clock import BaseClock
from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    LLMMessagesAppendFrame,
    TTSTextFrame,
)
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContextMessage
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

if TYPE_CHECKING:
    from sessions.session import Session

# The page pings every second, and Pipecat takes three seconds without one for not connected.
SILENT_SECS = 3.0
LOOK_SECS = 0.25
# A caller who was cut off in mid-sentence has so long to go on before what was heard is answered.
SETTLE_SECS = 1.5
# Pipecat ends a session that has been unreachable for 30 s; until then a write may wait.
LONGEST_WAIT_SECS = 60
REMEMBERED_WORDS = 400

NOTE = (
    "(The line was down for {secs:.0f} seconds. The caller did not hear these words of yours: "
    '"{words}". Say them again if they matter.)'
)


class Line:
    """Knows whether the caller's line is up, and holds the bot while it is not.

    Pipecat goes on talking into a dead line: the sound is dropped, the words count as said. While
    this line is down, the voice waits where it was and no answer is begun. When it is back, the
    voice goes on, the model is told which words nobody heard, and the page how many.
    """

    def __init__(self, session: "Session"):
        """Initialize the line, which is up until it is known to be down."""
        self._session = session
        self._clock = session.clock
        self._worker: PipelineWorker | None = None
        self.away = False  # a person has the call
        self._up = asyncio.Event()
        self._up.set()
        self._heard_at = 0.0
        self._lost_at = self._held_at = 0.0
        self._late_ns = 0
        self._said: deque[tuple[float, str]] = deque(maxlen=REMEMBERED_WORDS)
        self._minds: list[_Patience] = []
        self._tasks: set[asyncio.Task] = set()

    @property
    def down(self) -> bool:
        """Whether the caller cannot be reached right now."""
        return not self._up.is_set()

    def late_ns(self) -> int:
        """Nanoseconds that the bot's voice is behind its plan by waiting for the line."""
        waiting = self._clock.now() - self._held_at if self.down else 0.0
        return self._late_ns + int(waiting * 1e9)

    def hold(self, mind: FrameProcessor) -> None:
        """Let a model begin no answer while the line is down.

        Args:
            mind: A text model. A realtime core listens and answers by itself.
        """
        self._minds.append(_Patience(mind, self))

    def attach(self, worker: PipelineWorker, connection: Any) -> None:
        """Watch a connection from now on, and stand between the bot's voice and it.

        Args:
            worker: Runs the session's pipeline.
            connection: Pipecat's `SmallWebRTCConnection`. Other doors tell of a lost caller by
                themselves: with ``None`` nothing is watched, and a replay's door says what it knows.
        """
        if connection is None and not self._session.recording.replayed:
            return
        self._worker = worker
        output = self._session.transport.output()
        write, clock_of = output.write_audio_frame, output.get_clock  # type: ignore[attr-defined]
        output._params.audio_out_write_timeout_secs = LONGEST_WAIT_SECS  # type: ignore[attr-defined]

        async def writing(frame) -> bool:
            await self._up.wait()
            return await write(frame)

        output.write_audio_frame = writing  # type: ignore[attr-defined]
        output.get_clock = lambda: _LateClock(clock_of(), self)  # type: ignore[method-assign]
        output.add_event_handler("on_before_push_frame", self._on_push)
        if connection is not None:
            connection.add_event_handler("disconnected", self._on_disconnected)
            self._start(self._watch(connection))

    def close(self) -> None:
        """Stop watching."""
        for task in self._tasks:
            task.cancel()

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self, connection: Any) -> None:
        pinged = None
        while True:
            await asyncio.sleep(LOOK_SECS)
            last = connection._last_received_time
            if last is not None and last != pinged:
                pinged, self._heard_at = last, self._clock.now()
                if self.down:
                    await self.back()
            elif pinged and not self.down and self._clock.now() - self._heard_at > SILENT_SECS:
                self.lost(silent_since=self._heard_at)

    async def _on_disconnected(self, _connection: Any) -> None:
        # The page restarts a connection that it has found dead, before three seconds are over.
        if self._heard_at and not self.down:
            self.lost(silent_since=self._heard_at)

    def lost(self, *, silent_since: float) -> None:
        """The line is down; nothing has been heard of the caller since that second."""
        self._up.clear()
        self._lost_at, self._held_at = silent_since, self._clock.now()
        self._session.recording.event("line.down", silent_since=self._lost_at)

    async def back(self) -> None:
        """The line is up again."""
        secs = self._clock.now() - self._lost_at
        self._late_ns = self.late_ns()
        words = " ".join(text for at, text in self._said if at >= self._lost_at).split()
        self._said.clear()
        self._up.set()
        self._session.recording.event("line.up", secs=secs, unheard=len(words))
        await self._session.notify("line", secs=round(secs, 1), unheard=len(words))
        if words and self._worker:
            content = NOTE.format(secs=secs, words=self._for_model(" ".join(words)))
            note: LLMContextMessage = {"role": "developer", "content": content}
            await self._worker.queue_frame(LLMMessagesAppendFrame([note], run_llm=False))
        for mind in self._minds:
            self._start(mind.release())

    def _for_model(self, words: str) -> str:
        phi = self._session.phi
        return phi.scrub(phi.redact(words).text) if phi else words

    def _on_push(self, _output: FrameProcessor, frame: Frame) -> None:
        if isinstance(frame, TTSTextFrame):
            self._said.append((self._clock.now(), frame.text))
        elif isinstance(frame, BotStoppedSpeakingFrame) and not self.down:
            self._late_ns = 0


class _Patience:
    """Keeps back what would make a model answer while nobody can hear it: the last request only."""

    def __init__(self, mind: FrameProcessor, line: Line):
        self._line = line
        self._process = mind.process_frame
        self._held: tuple[Frame, FrameDirection] | None = None
        mind.process_frame = self._gated  # type: ignore[method-assign]

    async def _gated(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, LLMContextFrame) and not frame.speculation:
            self._held = (frame, direction) if self._line.down or self._line.away else None
            if self._held:
                return
        elif isinstance(frame, InterruptionFrame):
            self._held = None  # the caller goes on: there will be another request
        await self._process(frame, direction)

    async def release(self) -> None:
        """Make up for the request that was kept back, unless the caller goes on speaking."""
        await asyncio.sleep(SETTLE_SECS)
        if self._held and not self._line.down:
            held, self._held = self._held, None
            await self._process(*held)


class _LateClock(BaseClock):
    """The output's clock, late by as long as the voice had to wait."""

    def __init__(self, base: BaseClock, line: Line):
        self._base, self._line = base, line

    def get_time(self) -> int:
        return self._base.get_time() - self._line.late_ns()

    def start(self):
        self._base.start()

"""A model that keeps the caller waiting, or breaks off, is noticed, excused and asked again."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from enum import Enum, auto
from typing import Any

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    LLMContextFrame,
    LLMTextFrame,
    TTSSpeakFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import LLMService, TAdapter
from pipecat.utils.errors import ErrorCategory, classify_http_exception

from services.lines import Line
from services.spare import Duty

# The silence after which a caller wonders whether anyone is there; the longest that nothing
# is said, at any point of an answer.
PATIENCE_SECS = 3.0

# With a spare at hand nobody waits that long: a model that has shown no sign by then has failed
# the turn. Typical first tokens come within 1.1 s (p95).
HANDOVER_SECS = 1.8

OpenStream = Callable[[], Awaitable[AsyncIterator[Any]]]


class Kind(Enum):
    """What an event of a model's stream is to the caller."""

    OPENING = auto()  # Nothing: headers, pings. It does not count as an answer.
    THOUGHT = auto()  # A sign of life that is not spoken.
    TEXT = auto()  # Words, on their way to being spoken.
    TOOL = auto()  # Part of a tool call. Held back until the answer is whole.


class Stalled(ConnectionError):
    """A model sent nothing for as long as a caller's patience lasts."""

    def __init__(self):
        """Initialize with a message for the log."""
        super().__init__(f"The model sent nothing for {PATIENCE_SECS:g} s")


class PatientMind(LLMService[TAdapter]):
    """Gives every answer two attempts, and the caller a word about it.

    Before the first word, a silence of ``PATIENCE_SECS`` is excused aloud and a second
    request raced against the first: a slow answer still counts. After the first word, a
    break or a silence is excused and the answer given again from the start. An attempt that
    fails at once is repeated without a word. When both attempts are spent the caller hears
    an apology and can simply go on talking. No tool is called before its answer is whole,
    so nothing is done twice.

    Where a spare stands behind it, there is no second attempt: the turn goes to the spare, which
    is where all turns go until the first has rested.

    Everything runs inside the inference: an interruption cancels all of it.
    """

    # False for a mind that is not the caller's partner, such as a specialist on a job.
    aloud = True
    # Set where another mind stands behind this one, to which turns that fail are passed on.
    duty: Duty | None = None
    # Whether this one is such a spare: it takes only what it is passed.
    is_spare = False
    # Seconds without a sign after which the same request is sent once more, and the first sign
    # of either wins; None for never.
    hedge_secs: float | None = None
    _spoke_at = float("-inf")
    _answer: AsyncGenerator | None = None
    _gave_up = False

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Process a frame, and apologise when an inference ended without an answer."""
        if isinstance(frame, (BotStartedSpeakingFrame, BotStoppedSpeakingFrame)):
            self._spoke_at = asyncio.get_running_loop().time()
        if not isinstance(frame, LLMContextFrame):
            await super().process_frame(frame, direction)
            return
        if self.is_spare and direction is FrameDirection.UPSTREAM:
            await self.push_frame(frame, direction)
            return
        if self.duty and self.duty.is_resting:
            await self.push_frame(frame)
            return
        self._gave_up = False
        try:
            await super().process_frame(frame, direction)
        finally:
            if self._answer:
                await self._answer.aclose()
                self._answer = None
        if self._gave_up and self.duty:
            self.duty.hand_over()
            await self.push_frame(frame)
        elif self._gave_up:
            await self._excuse(Line.NO_ANSWER)

    def patiently(
        self,
        open_stream: OpenStream,
        *,
        kind: Callable[[Any], Kind],
        whole: Callable[[list[Any]], Iterable[Any]] = iter,
        rng,
    ) -> AsyncGenerator[Any, None]:
        """The events of an answer, as if nothing had ever gone wrong.

        Args:
            open_stream: Sends the request, and returns its stream.
            kind: What an event is to the caller.
            whole: Prepares the held events, from the first tool call on, for release.
            rng: Where the wait before a repeated request is drawn from.
        """
        self._answer = self._events(open_stream, kind, whole, rng)
        return self._answer

    async def _events(self, open_stream, kind, whole, rng) -> AsyncGenerator[Any, None]:
        loop = asyncio.get_running_loop()
        attempts = [_Attempt(open_stream)]
        asked, spoken = 1, False
        held: list[Any] = []
        try:
            while True:
                try:
                    winner = await self._first_sign(attempts, kind, open_stream)
                    patience = HANDOVER_SECS if self.duty else PATIENCE_SECS
                    deadline = loop.time() + patience
                    while (event := await winner.next(deadline)) is not _END:
                        spoken = spoken or kind(event) is Kind.TEXT
                        if held or kind(event) is Kind.TOOL:
                            held.append(event)
                        else:
                            yield event
                        if kind(event) is not Kind.OPENING:
                            deadline = loop.time() + patience
                    for event in whole(held):
                        yield event
                    return
                except Exception as failure:
                    waits = isinstance(failure, Stalled)
                    permanent = classify_http_exception(failure).is_permanent
                    await self._let_go(attempts, keep=waits and not (spoken or held))
                    if self.duty and spoken:
                        await self.push_frame(LLMTextFrame(f"... {Line.AGAIN} "))
                    if asked == 2 or permanent or self.duty:
                        self._gave_up = True
                        raise
                    # An SDK's own text may quote the request, and with it the caller.
                    what = f"{failure}" if waits else f"The answer failed: {type(failure).__name__}"
                    await self.push_error(
                        f"{what}; asking once more", category=ErrorCategory.CONNECTIVITY
                    )
                    if spoken:
                        await self.push_frame(LLMTextFrame(f"... {Line.AGAIN} "))
                    elif waits and asyncio.get_running_loop().time() > self._spoke_at + 1.0:
                        await self._excuse(Line.WAIT)
                    else:
                        await asyncio.sleep(rng.uniform(0.2, 0.5))
                    asked, spoken, held = 2, False, []
                    attempts.append(_Attempt(open_stream))
        finally:
            await self._let_go(attempts)

    async def _first_sign(self, attempts: list["_Attempt"], kind, open_stream) -> "_Attempt":
        """The attempt that answers first; the others are let go.

        With ``hedge_secs``, a lone attempt gets a rival once it has been silent for that long.

        Raises:
            Stalled: When none did in time.
            Exception: What the last attempt failed with.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (HANDOVER_SECS if self.duty else PATIENCE_SECS)
        hedge = len(attempts) == 1 and self.hedge_secs is not None
        rival_at = loop.time() + (self.hedge_secs or 0.0) if hedge else float("inf")
        while True:
            await asyncio.wait(
                [attempt.peek() for attempt in attempts],
                timeout=max(0.0, min(deadline, rival_at) - loop.time()),
                return_when=asyncio.FIRST_COMPLETED,
            )
            ready = [attempt for attempt in attempts if attempt.peek().done()]
            if not ready and loop.time() >= rival_at:
                rival_at = float("inf")
                attempts.append(_Attempt(open_stream))
                continue
            if not ready:
                raise Stalled
            for attempt in ready:
                failure = attempt.peek().exception()
                if failure and len(attempts) == 1:
                    raise failure
                if failure:
                    await self._let_go([attempt])
                    attempts.remove(attempt)
                elif attempt.is_opening(kind):
                    attempt.hold_opening()
                else:
                    await self._let_go([other for other in attempts if other is not attempt])
                    attempts[:] = [attempt]
                    return attempt

    async def _let_go(self, attempts: list["_Attempt"], *, keep: bool = False) -> None:
        if not keep:
            for attempt in attempts:
                await attempt.close()
            attempts.clear()

    async def _excuse(self, line: Line) -> None:
        """Say a line aloud, unless nobody is listening for this inference."""
        if self.aloud and not self._speculation_gate.is_speculating and not self._skip_tts:
            await self.push_frame(TTSSpeakFrame(line.value, append_to_context=False))


_END = object()


class _Attempt:
    """One request and the stream that answers it, read one event ahead."""

    def __init__(self, open_stream: OpenStream):
        self._stream = self._read(open_stream)
        self._opening: list[Any] = []
        self._task: asyncio.Future | None = None

    def peek(self) -> asyncio.Future:
        """The next event, being read; ``_END`` after the last."""
        if self._task is None:
            self._task = asyncio.ensure_future(anext(self._stream, _END))
        return self._task

    def is_opening(self, kind: Callable[[Any], Kind]) -> bool:
        """Whether the event that was read says nothing yet."""
        event = self.peek().result()
        return event is not _END and kind(event) is Kind.OPENING

    def hold_opening(self) -> None:
        """Put the event that was read aside, to come first if this attempt is chosen."""
        self._opening.append(self.peek().result())
        self._task = None

    async def next(self, deadline: float) -> Any:
        """Take the next event.

        Args:
            deadline: Until when to wait for it, in loop time.

        Raises:
            Stalled: When it does not come in time.
        """
        if self._opening:
            return self._opening.pop(0)
        left = deadline - asyncio.get_running_loop().time()
        await asyncio.wait([self.peek()], timeout=max(0.0, left))
        if not self.peek().done():
            raise Stalled
        event = self.peek().result()
        self._task = None
        return event

    async def close(self) -> None:
        """Stop reading and release the connection."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.exception()
        await self._stream.aclose()

    async def _read(self, open_stream: OpenStream) -> AsyncGenerator[Any, None]:
        stream = await open_stream()
        try:
            async for event in stream:
                yield event
        finally:
            close = getattr(stream, "close", None) or getattr(stream, "aclose", None)
            if close:
                await close()

"""How every call begins: the disclosure is said first, whole, and cannot be cut."""

import asyncio
from collections.abc import Awaitable, Callable

from loguru import logger
from pipecat.frames.frames import (
    DataFrame,
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    LLMMessagesAppendFrame,
    LLMRunFrame,
    OutputTransportMessageFrame,
    StartFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    UserImageRawFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContextMessage
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.turns.user_mute import BaseUserMuteStrategy

# Spoken English runs at about 2.5 words a second; the rest is for a slow voice and network.
WORDS_PER_SECOND = 2.0
PATIENCE_SECS = 8.0

# Marks the one frame that the mouth takes first, see sessions.first_words.
DISCLOSURE = "vivace.disclosure"

GREETING_CUE = "(The caller is on the line. Greet them in one sentence.)"


class Opening(FrameProcessor):
    """Says the disclosure before the bot can say anything else.

    Stands at the head of every pipeline. Until the disclosure is on its way, whatever could make
    the bot speak waits here; until it has been heard, interruptions stop here. A disclosure that
    cannot be spoken is tried once more, and then the call ends: the caller is never left talking
    to an undisclosed machine.

    Frame input/output::

        (the caller connects)       -> TTSSpeakFrame(disclosure, uninterruptible)
        LLMRunFrame, typed text ... -> the same, after the disclosure
        InterruptionFrame           -> nothing, until the disclosure was heard
    """

    def __init__(
        self,
        *,
        on_failure: Callable[[str], Awaitable[None]],
        on_heard: Callable[[], object] = lambda: None,
        **kwargs,
    ):
        """Initialize the opening.

        Args:
            on_failure: Called with the reason when the disclosure could not be spoken.
            on_heard: Called when the caller has heard it.
            **kwargs: Additional arguments passed to the parent FrameProcessor.
        """
        super().__init__(**kwargs)
        self.echo = OpeningEcho(self)
        # For a core that speaks past the mouth's queue: nothing reaches it before the end of the
        # disclosure, where a mouth says things in turn by itself.
        self.whole_first = False
        # Whether a mouth has been given the disclosure.
        self.said = False
        self.on_heard: list[Callable[[], object]] = [on_heard]
        self._on_failure = on_failure
        self._held: list[tuple[Frame, FrameDirection]] = []
        self.begun = self._released = False
        self._cue = GREETING_CUE
        self._started = asyncio.Event()
        self._heard = asyncio.Event()
        self._task: asyncio.Task | None = None

    @property
    def heard(self) -> bool:
        """Whether the caller has heard the whole disclosure."""
        return self._heard.is_set()

    async def until_heard(self) -> None:
        """Wait until the caller has heard the whole disclosure."""
        await self._heard.wait()

    async def begin(self, disclosure: str, *, greet: bool, cue: str = GREETING_CUE) -> None:
        """Say the disclosure and let the conversation follow. A second call does nothing.

        Args:
            disclosure: What is said first.
            greet: Whether the model then speaks before the caller does.
            cue: What the model is told to speak about.
        """
        if self.begun:
            return
        self.begun, self._cue = True, cue
        await self._started.wait()
        await self._say(disclosure)
        if not self.whole_first:
            await self._release(greet=greet)
        self._task = self.create_task(self._insist(disclosure, greet=greet))

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Hold back what could speak before, or cut, the disclosure."""
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            await self.push_frame(frame, direction)
            self._started.set()
        elif direction == FrameDirection.DOWNSTREAM and not self.heard and self._stop(frame):
            if not isinstance(frame, InterruptionFrame):
                self._held.append((frame, direction))
        else:
            await self.push_frame(frame, direction)

    async def cleanup(self):
        """Stop waiting for a disclosure that nobody will hear."""
        await super().cleanup()
        if self._task:
            await self.cancel_task(self._task)
            self._task = None

    def _stop(self, frame: Frame) -> bool:
        if isinstance(frame, InterruptionFrame):
            return True
        speaks = isinstance(frame, (DataFrame, LLMContextFrame, UserImageRawFrame))
        return speaks and not self._released and not isinstance(frame, OutputTransportMessageFrame)

    async def _release(self, *, greet: bool):
        self._released = True
        if greet:
            cue: LLMContextMessage = {"role": "developer", "content": self._cue}
            await self.push_frame(LLMMessagesAppendFrame([cue], run_llm=True))
        elif self.whole_first:
            await self.push_frame(LLMRunFrame())  # a core listens once it has its context
        held, self._held = self._held, []
        for frame, direction in held:
            await self.push_frame(frame, direction)

    async def _say(self, disclosure: str):
        frame = TTSSpeakFrame(disclosure, append_to_context=False)
        frame.interruptible = False
        frame.metadata[DISCLOSURE] = True
        await self.push_frame(frame)

    async def _insist(self, disclosure: str, *, greet: bool):
        patience = PATIENCE_SECS + len(disclosure.split()) / WORDS_PER_SECOND
        for attempt in (1, 2):
            try:
                await asyncio.wait_for(self._heard.wait(), patience)
                if not self._released:
                    await self._release(greet=greet)
                return
            except TimeoutError:
                logger.warning(f"The disclosure was not heard within {patience:.0f} s")
            if attempt == 1:
                await self._say(disclosure)
        await self._on_failure("the disclosure could not be spoken")

    def _on_heard(self):
        self._heard.set()
        for tell in self.on_heard:
            tell()


class OpeningEcho(FrameProcessor):
    """Tells the opening when the disclosure has been played out. Stands at the pipeline's tail."""

    def __init__(self, opening: Opening, **kwargs):
        """Initialize the echo. Built by :class:`Opening`."""
        super().__init__(enable_direct_mode=True, **kwargs)
        self._opening = opening
        self._context_id: str | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Watch for the end of the first uninterruptible speech."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if self._opening.heard:
            return
        if isinstance(frame, TTSStartedFrame) and self._context_id is None:
            self._context_id = frame.context_id
        elif isinstance(frame, TTSStoppedFrame) and frame.context_id == self._context_id:
            self._opening._on_heard()


class MuteUntilDisclosed(BaseUserMuteStrategy):
    """The caller cannot open a turn before the disclosure was heard."""

    def __init__(self, opening: Opening):
        """Initialize the strategy for one session's opening."""
        super().__init__()
        self._opening = opening

    async def process_frame(self, frame: Frame) -> bool:
        """Whether the caller is still muted."""
        return not self._opening.heard

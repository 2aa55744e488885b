"""What becomes of a translation on its way to the listener: its terms are kept, its time is taken."""

import re
from collections import deque
from dataclasses import dataclass, field

from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor


@dataclass
class Rendering:
    """One thing to be said in the other language.

    Parameters:
        id: The segment's, ``s4``, or that of a clause said ahead of its end, ``c2``.
        source: What was said.
        into: Code of the language it goes into.
        ended_ms: When the speaker had said it, on the session's clock.
        terms: The glossary's terms in the source, and what they are in the other language.
        text: What the listener hears.
    """

    id: str
    source: str
    into: str
    ended_ms: int
    terms: dict[str, str] = field(default_factory=dict)
    text: str = ""


def keep_terms(text: str, terms: dict[str, str]) -> tuple[str, list[str]]:
    """Hold a translation against the glossary.

    A term left in its own language is replaced. One that is missing altogether cannot be put in
    by rule.

    Returns:
        The translation, and the terms that are still missing.
    """
    missing = []
    for term, target in terms.items():
        if re.search(rf"\b{re.escape(target)}", text, re.IGNORECASE):
            continue
        text, replaced = re.subn(
            rf"\b{re.escape(term)}\b", lambda _, to=target: to, text, flags=re.IGNORECASE
        )
        if not replaced:
            missing.append(term)
    return text, missing


class Terms(FrameProcessor):
    """Holds each translation until it is whole, and sees that the glossary's terms are in it.

    Frame input/output::

        LLMTextFrame ..., LLMFullResponseEndFrame  -> one LLMTextFrame, LLMFullResponseEndFrame
    """

    def __init__(self, session, pending: deque[Rendering], due: deque[Rendering], **kwargs):
        """Initialize the processor.

        Args:
            session: The session that is interpreted.
            pending: What the model was asked for, in order.
            due: Where what will be heard goes.
            **kwargs: Additional arguments passed to the parent FrameProcessor.
        """
        super().__init__(**kwargs)
        self._session, self._pending, self._due = session, pending, due
        self._text: list[str] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Gather a translation, and let it go whole."""
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMTextFrame):
            self._text.append(frame.text)
            return
        if isinstance(frame, InterruptionFrame):
            self._text.clear()
        elif isinstance(frame, LLMFullResponseEndFrame) and self._pending:
            await self._finish(self._pending.popleft())
        await self.push_frame(frame, direction)

    async def _finish(self, rendering: Rendering) -> None:
        text, self._text = "".join(self._text).strip(), []
        rendering.text, missing = keep_terms(text, rendering.terms)
        self._session.recording.event(
            "interpreter.rendered",
            segment=rendering.id,
            into=rendering.into,
            text=rendering.text,
            missing=missing,
        )
        await self._session.notify(
            "rendering",
            segment=rendering.id,
            into=rendering.into,
            source=rendering.source,
            text=rendering.text,
            missing=missing,
        )
        if rendering.text:
            self._due.append(rendering)
            await self.push_frame(LLMTextFrame(rendering.text))


class Heard(FrameProcessor):
    """Takes the time from the end of what was said to the first sound of its translation.

    Frame input/output::

        everything  -> itself; the latency of each segment is on the tape and at the client
    """

    def __init__(self, session, **kwargs):
        """Initialize the processor.

        Args:
            session: The session that is interpreted.
            **kwargs: Additional arguments passed to the parent FrameProcessor.
        """
        super().__init__(**kwargs)
        self.due: deque[Rendering] = deque()
        self.latencies_ms: list[int] = []
        self._session = session
        self._begun: Rendering | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Watch for the first sound."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, TTSStartedFrame) and self.due:
            self._begun = self.due.popleft()
        elif isinstance(frame, TTSAudioRawFrame) and self._begun:
            rendering, self._begun = self._begun, None
            latency_ms = self._session.clock.now_ns() // 1_000_000 - rendering.ended_ms
            self.latencies_ms.append(latency_ms)
            self._session.recording.event(
                "interpreter.heard", segment=rendering.id, latency_ms=latency_ms
            )
            await self._session.notify("latency", segment=rendering.id, latency_ms=latency_ms)

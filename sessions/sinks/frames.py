"""What a processor may push in a redacting session, whoever wrote the processor.

Observers, tracing and clients act on a frame's first push. So text is made clean at the push of
whoever made the frame, before anyone has seen it.
"""

import functools
from collections.abc import Callable
from typing import Any

from pipecat.frames import frames as f
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.processors.frameworks.rtvi.frames import RTVISendTextFrame
from pipecat.utils.errors import classify_http_exception

from sessions.guards import redacted_messages
from sessions.ledger import Ledger
from sessions.phi import PHIFirewall
from sessions.policy import Policy
from sessions.sinks.live import clean, scrub_data

TRANSCRIPTS = (
    f.TranscriptionFrame,
    f.InterimTranscriptionFrame,
    f.EagerTranscriptionFrame,
    f.TranslationFrame,
    f.UserBackchannelFrame,
)
# Told before the words are final: the end of one may be half an identifier. A translation is in a
# language the engine does not read.
EARLY = (
    f.InterimTranscriptionFrame,
    f.EagerTranscriptionFrame,
    f.TranslationFrame,
    f.UserBackchannelFrame,
)


class Withheld(Exception):
    """Stands for an exception whose text may quote the caller. Its type is its text."""


def guard_pushes(part: FrameProcessor, *, phi: PHIFirewall, policy: Policy, ledger: Ledger) -> None:
    """Let a processor push nothing that names the caller.

    Args:
        part: A processor of a pipeline. What guarded ears hear, and a guarded mouth reports, is
            left to their own guards, which see more than one segment or word.
        phi: The session's firewall.
        policy: Says whether interim transcripts may pass.
        ledger: Told what was replaced.
    """
    push, push_error = part.push_frame, part.push_error_frame
    cleaning = Cleaning(part, phi, ledger)
    elsewhere: tuple[type, ...] = TRANSCRIPTS if hasattr(part, "_vivace_ears") else ()
    elsewhere += (f.TTSTextFrame,) if hasattr(part, "_vivace_mouth") else ()

    async def pushing(frame: f.Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM):
        if not isinstance(frame, elsewhere):
            if isinstance(frame, EARLY) and not policy.interims:
                return
            cleaning(frame)
        await push(frame, direction)

    async def erring(error: f.ErrorFrame, **options: Any):
        cleaning(error)
        await push_error(error, **options)

    part.push_frame = pushing  # type: ignore[method-assign]
    part.push_error_frame = erring  # type: ignore[method-assign]


class Cleaning:
    """Cleans the frames one processor pushes, in place, and each of them once on its way."""

    def __init__(self, part: FrameProcessor, phi: PHIFirewall, ledger: Ledger):
        """Clean for a session's firewall."""
        self._part, self._phi, self._ledger = part, phi, ledger

    def __call__(self, frame: Any) -> None:
        """Clean a frame."""
        if how := _how(type(frame)):
            how(self, frame)

    def transcript(self, frame: Any) -> None:
        """Words that a processor other than the ears has made, such as typed digits."""
        if self._once(frame, "text", lambda text: self._redacted("speech", text)):
            frame.result = None

    def typed(self, frame: Any) -> None:
        """Text that came with a frame of the client's."""
        self._once(frame, "text", lambda text: text and self._redacted("typed", text))

    def messages(self, frame: Any) -> None:
        """Messages on their way to the model's memory."""
        self._once(frame, "messages", lambda all: redacted_messages(all, self._phi))

    def result(self, frame: Any) -> None:
        """A tool's result, whichever way it came, and what is told of its failure."""
        self._once(frame, "result", self._phi.redact_data)
        if getattr(frame, "error", None):
            frame.error = "The tool failed"

    def spoken(self, frame: Any) -> None:
        """What the bot says: known values only, as the model never reads others."""
        self._once(frame, "text", lambda text: text and self._phi.scrub(text))

    def message(self, frame: Any) -> None:
        """A message to the client and to whoever else is in the room."""
        self._once(frame, "message", lambda it: scrub_data(it, self._phi.scrub))

    def reason(self, frame: Any) -> None:
        """Why a call ends."""
        self._once(frame, "reason", lambda it: clean(it) if isinstance(it, str) else it)

    def summary(self, frame: f.LLMContextSummaryResultFrame) -> None:
        """A summary, or why there is none."""
        frame.summary = self._phi.scrub(frame.summary)
        frame.error = frame.error and "The summary failed"

    def error(self, frame: f.ErrorFrame) -> None:
        """An error: it keeps its kind and its place, and loses what it quotes."""
        error = frame.exception
        if error is not None and not isinstance(error, Withheld):
            classify = getattr(self._part, "_classify_error", classify_http_exception)
            frame.category = frame.category or classify(error) or classify_http_exception(error)
            frame.error = clean(frame.error, error)
            withheld = Withheld(type(error).__name__)
            frame.exception = withheld.with_traceback(error.__traceback__)
        self._once(frame, "error", clean)

    def _once(self, frame: Any, field: str, how: Callable[[Any], Any]) -> bool:
        """Clean a field, unless it is still what the processor before has left; whether it was."""
        value, mark = getattr(frame, field), f"_vivace_{field}"
        if getattr(frame, mark, _UNSEEN) is value:
            return False
        value = how(value)
        setattr(frame, field, value)
        setattr(frame, mark, value)
        return True

    def _redacted(self, where: str, text: str) -> str:
        after = self._phi.scrub(self._phi.redact(text).text)
        self._ledger.redacted(where, text, after)
        return after


_UNSEEN = object()

_CLEANERS: list[tuple[tuple[type, ...], Callable[[Cleaning, Any], None]]] = [
    (TRANSCRIPTS, Cleaning.transcript),
    ((RTVISendTextFrame, f.UserImageRawFrame, f.UserFileRawFrame), Cleaning.typed),
    ((f.LLMMessagesAppendFrame, f.LLMMessagesUpdateFrame), Cleaning.messages),
    ((f.FunctionCallResultFrame,), Cleaning.result),
    ((f.TextFrame, f.TTSSpeakFrame), Cleaning.spoken),
    ((f.OutputTransportMessageFrame, f.OutputTransportMessageUrgentFrame), Cleaning.message),
    ((f.EndFrame, f.CancelFrame), Cleaning.reason),
    ((f.LLMContextSummaryResultFrame,), Cleaning.summary),
    ((f.ErrorFrame,), Cleaning.error),
]


@functools.cache
def _how(kind: type) -> Callable[[Cleaning, Any], None] | None:
    return next((how for kinds, how in _CLEANERS if issubclass(kind, kinds)), None)

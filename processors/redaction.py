"""Keep identifiers from the language model."""

from pipecat.frames.frames import (
    Frame,
    LLMMessagesAppendFrame,
    LLMMessagesUpdateFrame,
    TranscriptionFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from sessions import Session
from sessions.ears_guard import redacted
from sessions.guards import redacted_messages


class PHIRedactor(FrameProcessor):
    """Replaces identifiers in what the caller says and types with surrogates.

    Stands between the ears and the user aggregator. Transcripts come redacted from the ears
    already, where observers see them first; they pass here again because other processors may
    have made some. Typed text enters the context here, and so becomes clean in storage too.

    Frame input/output::

        LLMMessagesAppendFrame("my name is Jordan") -> LLMMessagesAppendFrame("my name is [NAME_1]")
        TranscriptionFrame("my name is Jordan")     -> TranscriptionFrame("my name is [NAME_1]")
    """

    def __init__(self, session: Session, **kwargs):
        """Initialize the redactor.

        Args:
            session: Its policy must redact; its surrogates are used.
            **kwargs: Additional arguments passed to the parent FrameProcessor.

        Raises:
            ValueError: If the session's policy does not redact.
        """
        super().__init__(**kwargs)
        if session.phi is None:
            raise ValueError(
                f"Policy {session.policy.name} does not redact, so there is nothing for "
                "PHIRedactor to do. Take it out of the list, or open the session under HIPAA."
            )
        self._phi = session.phi

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Redact text on its way to the context; pass everything else through."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            text = self._phi.redact(frame.text).text
            if text != frame.text:  # a new frame is news to observers; the same words are not
                frame = redacted(frame, text)
        elif isinstance(frame, (LLMMessagesAppendFrame, LLMMessagesUpdateFrame)):
            clean = redacted_messages(frame.messages, self._phi)
            frame = type(frame)(messages=clean, run_llm=frame.run_llm)
        await self.push_frame(frame, direction)

"""A mouth that can stand before or behind another."""

from pipecat.frames.frames import (
    AggregatedTextFrame,
    Frame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TextFrame,
    TTSSpeakFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.tts_service import TTSService

from services.spare import Duty

WORDS = (TextFrame, LLMFullResponseStartFrame, LLMFullResponseEndFrame, TTSSpeakFrame)


class SparedMouth(TTSService):
    """Passes words on while it is not the one to speak them.

    The first of two mouths speaks until it fails and while it does not rest; the spare speaks
    what then comes through to it.
    """

    duty: Duty | None = None
    # The mouth behind this one; None in the spare itself, and where there is none.
    spare: TTSService | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Speak the words that come in, or pass them on."""
        if self.duty and isinstance(frame, WORDS) and not self._speaks(frame):
            await FrameProcessor.process_frame(self, frame, direction)
            await FrameProcessor.push_frame(self, frame, direction)
        else:
            await super().process_frame(frame, direction)

    def _speaks(self, frame: Frame) -> bool:
        assert self.duty is not None
        if self.spare is not None:
            return not self.duty.is_resting
        # What the first has spoken comes by as text too.
        return self.duty.is_resting and not isinstance(frame, AggregatedTextFrame)

    async def give_up(self, texts: list[str]) -> None:
        """Let the spare say what is left, and speak from here on."""
        if self.duty and self.spare:
            self.duty.hand_over()
            for text in texts:
                # Not pushed: it is the text as it is spoken, which no observer sees.
                await self.spare.queue_frame(TTSSpeakFrame(text, append_to_context=False))

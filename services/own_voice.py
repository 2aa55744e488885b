"""A core that speaks by itself: no mouth behind it says its words a second time."""

from pipecat.frames.frames import Frame, LLMTextFrame, TTSTextFrame
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import LLMService, TAdapter


class OwnVoice(LLMService[TAdapter]):
    """Marks the words of a realtime core as spoken.

    A session needs a mouth that says the disclosure word for word. Standing behind the core, it
    would take the core's transcript for words to speak.
    """

    # Whether it answers the context that it is given first, or listens.
    greets = True
    _skip_tts = True

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM):
        """Push a frame."""
        if isinstance(frame, LLMTextFrame):
            return  # the same words come as a TTSTextFrame
        if isinstance(frame, TTSTextFrame):
            frame.skip_tts = True
        await super().push_frame(frame, direction)

"""Nothing is spoken before the disclosure, whoever hands it to the mouth."""

from pipecat.frames.frames import (
    AggregatedTextFrame,
    Frame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSSpeakFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from sessions.opening import DISCLOSURE, Opening

SPOKEN = (
    AggregatedTextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSSpeakFrame,
)


class FirstWords:
    """Holds what a mouth is given until the disclosure has gone through it.

    The opening holds what comes from the head of the pipeline; this holds what a processor of the
    bot's, or the session itself, hands to the mouth further down.
    """

    def __init__(self, mouth: FrameProcessor, *, opening: Opening):
        """Put the gate in place.

        Args:
            mouth: A text-to-speech service.
            opening: The session's, which knows whether any mouth has been given the disclosure.
        """
        self._opening = opening
        self._process = mouth.process_frame
        self._held: list[tuple[Frame, FrameDirection]] = []
        mouth.process_frame = self._gated  # type: ignore[method-assign]

    async def _gated(self, frame: Frame, direction: FrameDirection):
        if self._opening.said or not isinstance(frame, SPOKEN):
            await self._process(frame, direction)
        elif DISCLOSURE in frame.metadata:
            self._opening.said = True
            await self._process(frame, direction)
            held, self._held = self._held, []
            for waiting, its_direction in held:
                await self._process(waiting, its_direction)
        else:
            self._held.append((frame, direction))

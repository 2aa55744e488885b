"""What has been said since the contexts were last written: the part a cut would swallow."""

from collections.abc import Callable
from dataclasses import dataclass

from pipecat.frames.frames import (
    AggregatedTextFrame,
    Frame,
    InterruptionFrame,
    LLMContextAssistantTimestampFrame,
    LLMContextFrame,
    TranscriptionFrame,
    TTSStartedFrame,
    TTSTextFrame,
)
from pipecat.observers.base_observer import FramePushed
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregator
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor


@dataclass
class _Segment:
    """What the voice was given at a time, and how many words of it were played."""

    text: str
    heard: str = ""
    context_id: str | None = None

    @property
    def unheard(self) -> str:
        return " ".join(self.text.split()[len(self.heard.split()) :])


class Speech:
    """Follows both sides of the conversation between two writes of the contexts.

    A caller's words are in no context before their turn ends, and the bot's not before it has
    said all; what the voice was given and has not played is in none at all.
    """

    def __init__(self):
        """Begin in silence."""
        self.hearing = ""
        self._said: dict[int, _Segment] = {}

    @property
    def heard(self) -> str:
        """What was played of the bot's answer that is under way."""
        return _joined(segment.heard for segment in self._said.values())

    @property
    def unheard(self) -> str:
        """What its voice was given and has not played, word by word as far as the vendor tells."""
        return _joined(segment.unheard for segment in self._said.values())

    def attach(self, output: FrameProcessor, *, on_heard: Callable[[], None]) -> None:
        """Hear what is played.

        Args:
            output: The transport's output: it tells a word as it is played.
            on_heard: Called then.
        """

        @output.event_handler("on_before_push_frame")
        async def on_before_push_frame(_output, frame: Frame):
            if isinstance(frame, TTSTextFrame) and frame.append_to_context:
                key = frame.segment_id or next(iter(self._said), 0)
                segment = self._said.setdefault(key, _Segment(""))
                segment.heard = _joined((segment.heard, frame.text))
                on_heard()

    def follow(self, data: FramePushed) -> bool:
        """Take in a frame at its first push; whether it changed anything."""
        frame = data.frame
        if isinstance(frame, InterruptionFrame):
            self._said.clear()
        elif isinstance(frame, LLMContextAssistantTimestampFrame):
            self._said = {k: s for k, s in self._said.items() if not s.heard}
        elif type(frame) is AggregatedTextFrame:
            self._said[frame.id] = _Segment(frame.text, context_id=frame.context_id)
        elif isinstance(frame, TTSStartedFrame) and not frame.append_to_context:
            # A line of the house's, such as the disclosure: no part of the conversation.
            said = self._said.items()
            self._said = {k: s for k, s in said if s.context_id != frame.context_id}
        elif isinstance(frame, TranscriptionFrame) and data.direction == FrameDirection.DOWNSTREAM:
            self.hearing = _joined((self.hearing, frame.text))
        elif isinstance(frame, LLMContextFrame) and isinstance(data.source, LLMUserAggregator):
            self.hearing = ""
        else:
            return False
        return True


def _joined(parts) -> str:
    return " ".join(part.strip() for part in parts if part.strip())

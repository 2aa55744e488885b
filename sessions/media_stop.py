"""Where streams end: the caller's behind the ears of a cascade, the bot's at the last part."""

from collections.abc import Callable, Sequence

from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame, UserImageRawFrame
from pipecat.pipeline.pipeline import Pipeline, PipelineSink, PipelineSource
from pipecat.processors.aggregators.llm_response_universal import (
    LLMAssistantAggregator,
    LLMUserAggregator,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_output import BaseOutputTransport

DEAF = (
    LLMAssistantAggregator,
    TTSService,
    BaseOutputTransport,
    Pipeline,
    PipelineSource,
    PipelineSink,
)


def stop_media(parts: Sequence[FrameProcessor], *, deaf: Sequence[FrameProcessor]) -> bool:
    """Let the aggregators keep the frames that every later part would only hand on.

    Each of the 50 frames a second costs a hop, and its observers, in every processor it passes.

    Args:
        parts: A pipeline's processors, in order.
        deaf: Models that read text. A part which is neither one of these nor known to leave
            media alone may want it: then nothing is stopped.

    Returns:
        Whether the caller's media is stopped.
    """
    _stop_played(parts)
    user = next((part for part in parts if isinstance(part, LLMUserAggregator)), None)
    if user is None:
        return False
    later = parts[parts.index(user) + 1 :]
    if not all(isinstance(part, DEAF) or part in deaf for part in later):
        return False
    _keep(user, _is_stream)
    return True


def _stop_played(parts: Sequence[FrameProcessor]) -> None:
    """Let an assistant's aggregator that is the last part hand on no sound that was played."""
    *_, last = (part for part in parts if not isinstance(part, (Pipeline, PipelineSink)))
    if isinstance(last, LLMAssistantAggregator):
        _keep(last, lambda frame: isinstance(frame, OutputAudioRawFrame))


def _keep(part: FrameProcessor, ends: Callable[[Frame], bool]) -> None:
    push = part.push_frame

    async def pushing(frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM):
        if not ends(frame):
            await push(frame, direction)

    part.push_frame = pushing  # type: ignore[method-assign]


def _is_stream(frame: Frame) -> bool:
    # A picture that was asked for, or sent to be talked about, goes into the context.
    if isinstance(frame, UserImageRawFrame):
        return frame.request is None and not frame.append_to_context
    return isinstance(frame, InputAudioRawFrame)

"""Frames as tape messages: what happened in the call, in words."""

from collections.abc import Callable, Iterator
from typing import Any

from pipecat.frames import frames as f
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.base_input import BaseInputTransport

from sessions.tape.schemas import (
    CLIENT_IN,
    CLIENT_OUT,
    DTMF,
    EVENTS,
    LOG,
    METRICS,
    TOOLS,
    TRANSCRIPT,
)

_EVENTS: dict[type[f.Frame], str] = {
    f.StartFrame: "session.started",
    f.ClientConnectedFrame: "client.connected",
    f.BotConnectedFrame: "bot.connected",
    f.VADUserStartedSpeakingFrame: "vad.started",
    f.VADUserStoppedSpeakingFrame: "vad.stopped",
    f.UserStartedSpeakingFrame: "caller.started",
    f.UserStoppedSpeakingFrame: "caller.stopped",
    f.BotStartedSpeakingFrame: "bot.started",
    f.BotStoppedSpeakingFrame: "bot.stopped",
    f.InterruptionFrame: "interruption",
    f.LLMFullResponseStartFrame: "model.started",
    f.LLMFullResponseEndFrame: "model.stopped",
    f.TTSStartedFrame: "voice.started",
    f.TTSStoppedFrame: "voice.stopped",
    f.LLMContextUserTurnFrame: "turn.caller",
    f.LLMContextAssistantTurnFrame: "turn.bot",
    f.UserMuteStartedFrame: "mute.started",
    f.UserMuteStoppedFrame: "mute.stopped",
    f.EndFrame: "session.ending",
    f.CancelFrame: "session.cancelled",
}
_DETAILS = ("content", "text", "reason", "skip_tts", "stop_secs", "start_secs")
Message = tuple[str, dict[str, Any]]


def describe(frame: f.Frame, source: FrameProcessor) -> Iterator[Message]:
    """The tape messages of a frame: none for most.

    Args:
        frame: At its first push.
        source: Who pushed it.

    Yields:
        Topic and message.
    """
    if name := _EVENTS.get(type(frame)):
        detail = {k: v for k in _DETAILS if (v := getattr(frame, k, None)) is not None}
        yield EVENTS, {"name": name, "detail": detail}
    elif describer := _DESCRIBERS.get(type(frame)):
        yield from describer(frame, source)


def _words(who: str, kind: str) -> Callable:
    def describer(frame: Any, source: FrameProcessor) -> Iterator[Message]:
        message = {"who": who, "text": frame.text, "kind": kind, "source": source.name}
        yield TRANSCRIPT, message

    return describer


def _client(topic: str) -> Callable:
    def describer(frame: Any, source: FrameProcessor) -> Iterator[Message]:
        sender = getattr(frame, "participant_id", None)
        yield topic, {"message": frame.message} | ({"participant": sender} if sender else {})

    return describer


def _dtmf(frame: Any, source: FrameProcessor) -> Iterator[Message]:
    if isinstance(source, BaseInputTransport):  # a client's keys are among its messages
        yield DTMF, {"key": str(getattr(frame.button, "value", frame.button))}


def _tool_call(frame: Any, source: FrameProcessor) -> Iterator[Message]:
    yield (
        TOOLS,
        {
            "phase": "call",
            "id": frame.tool_call_id,
            "name": frame.function_name,
            "arguments": frame.arguments,
        },
    )


def _tool_result(frame: Any, source: FrameProcessor) -> Iterator[Message]:
    yield (
        TOOLS,
        {
            "phase": "result",
            "id": frame.tool_call_id,
            "name": frame.function_name,
            "arguments": frame.arguments,
            "result": frame.result,
        },
    )


def _tool_cancel(frame: Any, source: FrameProcessor) -> Iterator[Message]:
    yield (
        TOOLS,
        {"phase": "cancel", "id": frame.tool_call_id, "name": frame.function_name},
    )


def _metrics(frame: Any, source: FrameProcessor) -> Iterator[Message]:
    for item in frame.data:
        value = item.model_dump(mode="json", exclude={"processor"})
        kind = type(item).__name__.removesuffix("MetricsData") or "Metric"
        yield METRICS, {"kind": kind, "processor": item.processor, "value": value}


def _error(frame: Any, source: FrameProcessor) -> Iterator[Message]:
    yield (
        LOG,
        {
            "level": 4,
            "message": frame.error,
            "name": source.name,
            "file": "",
            "line": 0,
        },
    )


_DESCRIBERS: dict[type[f.Frame], Callable[[Any, FrameProcessor], Iterator[Message]]] = {
    f.InterimTranscriptionFrame: _words("caller", "interim"),
    f.TranscriptionFrame: _words("caller", "final"),
    f.LLMTextFrame: _words("bot", "written"),
    f.TTSTextFrame: _words("bot", "spoken"),
    f.InputTransportMessageFrame: _client(CLIENT_IN),
    f.OutputTransportMessageFrame: _client(CLIENT_OUT),
    f.OutputTransportMessageUrgentFrame: _client(CLIENT_OUT),
    f.InputDTMFFrame: _dtmf,
    f.FunctionCallInProgressFrame: _tool_call,
    f.FunctionCallResultFrame: _tool_result,
    f.FunctionCallCancelFrame: _tool_cancel,
    f.MetricsFrame: _metrics,
    f.ErrorFrame: _error,
}

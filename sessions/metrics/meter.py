"""Measures one session: an observer, and the few places where only somebody inside can see."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from pipecat.frames.frames import (
    Frame,
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    InterimTranscriptionFrame,
    MetricsFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import LLMUsageMetricsData, ProcessingMetricsData
from pipecat.observers.base_observer import FramePushed
from pipecat.processors.frame_processor import FrameDirection

from sessions.clock import Clock
from sessions.metrics import exported
from sessions.metrics.figures import Figures
from sessions.metrics.words import confidences, errors_between, expected_errors
from sessions.watching import Watcher
from sessions.waterfall import LAYERS, Turn

CONFIDENCE, SECOND = "confidence", "second recogniser"
MOST_OPEN_CALLS = 256


class Meter(Watcher):
    """Takes the measurements of one session, and exports each as it is taken."""

    def __init__(self, bot: str, *, clock: Clock, export: bool = True):
        """Initialize the meter.

        Args:
            bot: The bot's name; the label under which figures are exported.
            clock: The session's.
            export: Whether Prometheus and OpenTelemetry get the figures: not of a replay.
        """
        super().__init__()
        self.figures = Figures()
        self._bot, self._clock, self._export = bot, clock, export
        self._onset: float | None = None
        self._words_at: float | None = None
        self._silent_at: float | None = None
        self._streams = False
        self._called: OrderedDict[str, int] = OrderedDict()
        if export:
            exported.begin(bot)
        self._errors: set[str] = set()
        self._stopped: set[str] = set()

    def turn(self, turn: Turn) -> None:
        """A turn was answered."""
        self.figures.turn_ms.append(turn.total_ms)
        if not self._export:
            return
        exported.TURN.labels(self._bot).observe(turn.total_ms / 1000)
        exported.OTEL_TURN.record(turn.total_ms / 1000, {"vivace.bot": self._bot})
        for layer in LAYERS:
            if ms := getattr(turn, f"{layer}_ms"):
                exported.LAYER.labels(self._bot, layer).inc(ms / 1000)
                about = {"vivace.bot": self._bot, "vivace.layer": layer}
                exported.OTEL_LAYER.record(ms / 1000, about)

    def barge_in(self) -> None:
        """An answer was interrupted by the caller's voice."""
        self.figures.barge_ins += 1
        if self._export:
            exported.BARGE_INS.labels(self._bot).inc()

    def heard(self, frame: Frame) -> None:
        """The ears returned words: their raw frame, of which only figures are kept."""
        if isinstance(frame, InterimTranscriptionFrame):
            self._streams = True
        elif not isinstance(frame, TranscriptionFrame):
            return
        if not frame.text.strip():
            return
        now = self._clock.now()
        if self._onset is not None:
            self._first_token(now)
        elif self._words_at is None:
            self._words_at = now
        if isinstance(frame, TranscriptionFrame) and (told := confidences(frame.result)):
            self._judged(len(told), expected_errors(told), by=CONFIDENCE)

    def second_opinion(self, heard: str, said: str) -> None:
        """Count the words of a sample against a second recogniser's, in place of the estimate.

        Args:
            heard: What the session's ears made of it.
            said: What the second recogniser did.
        """
        errors, words = errors_between(heard, said)
        if self.figures.wer_from == CONFIDENCE:
            self.figures.words, self.figures.word_errors = 0, 0.0
            self.figures.wer_from = ""
        self._judged(words, errors, by=SECOND)

    def tool_error(self, call_id: str) -> None:
        """A tool returned an error, as its boundary saw it."""
        self._errors.add(call_id)

    def tool_stopped(self, call_id: str) -> None:
        """The caller or the policy stopped a tool: it is no measure of the tool."""
        self._stopped.add(call_id)

    def store(self, _operation: str, ms: float) -> None:
        """The session store has answered."""
        self.figures.store_ms.append(round(ms, 2))
        if self._export:
            exported.STORE.labels(self._bot).observe(ms / 1000)

    def cost(self, layer: str, usd: float) -> None:
        """Money was spent."""
        if self._export and usd > 0:
            exported.COST.labels(self._bot, layer).inc(usd)
            exported.OTEL_COST.add(usd, {"vivace.bot": self._bot, "vivace.layer": layer})

    async def on_push_frame(self, data: FramePushed):
        """Measure what frames tell."""
        frame = data.frame
        if frame.broadcast_sibling_id is not None and data.direction != FrameDirection.DOWNSTREAM:
            return
        match frame:
            case VADUserStartedSpeakingFrame():
                self._voice_began(frame.start_secs)
            case VADUserStoppedSpeakingFrame():
                self._voice_ended(frame.stop_secs)
            case FunctionCallInProgressFrame():
                self._called[frame.tool_call_id] = data.timestamp
                if len(self._called) > MOST_OPEN_CALLS:
                    self._called.popitem(last=False)
            case FunctionCallResultFrame():
                if not frame.properties or frame.properties.is_final:
                    self._tool_ended(frame, data.timestamp)
            case FunctionCallCancelFrame():
                self._called.pop(frame.tool_call_id, None)
            case MetricsFrame():
                for item in frame.data:
                    self._metric(item)

    def _voice_began(self, start_secs: float) -> None:
        now = self._clock.now()
        self._onset, self._silent_at = now, None
        if self._words_at is not None and self._words_at >= now - start_secs - 0.5:
            self._first_token(now)  # the words were there before the voice was sure
        self._words_at = None

    def _voice_ended(self, stop_secs: float) -> None:
        if self._onset is not None and not self._streams:
            self._onset = self._clock.now() - stop_secs

    def _first_token(self, now: float) -> None:
        if self._onset is None:
            return
        secs, self._onset = max(0.0, now - self._onset), None
        self.figures.asr_first_token_ms.append(round(secs * 1000, 1))
        if self._export:
            exported.FIRST_TOKEN.labels(self._bot).observe(secs)

    def _judged(self, words: int, errors: float, *, by: str) -> None:
        if by == CONFIDENCE and self.figures.wer_from == SECOND:
            return
        self.figures.words += words
        self.figures.word_errors += errors
        self.figures.wer_from = by
        if self._export:
            exported.WORDS.labels(self._bot, by).inc(words)
            exported.WORD_ERRORS.labels(self._bot, by).inc(errors)

    def _tool_ended(self, frame: FunctionCallResultFrame, at_ns: int) -> None:
        began = self._called.pop(frame.tool_call_id, None)
        if began is None:
            return
        ident, result = frame.tool_call_id, frame.result
        if ident in self._stopped:
            self._stopped.discard(ident)
            return
        error = getattr(frame, "error", None) or (isinstance(result, Mapping) and "error" in result)
        failed = bool(error) or ident in self._errors
        self._errors.discard(ident)
        secs = (at_ns - began) / 1e9
        self.figures.tool_ms.append(round(secs * 1000, 1))
        self.figures.tools_failed += failed
        if self._export:
            exported.TOOL.labels(self._bot).observe(secs)
            exported.TOOLS.labels(self._bot, "failed" if failed else "done").inc()

    def _metric(self, item: Any) -> None:
        if (ms := getattr(item, "vision_encode_ms", None)) is not None:
            self.figures.vision_encode_ms.append(ms)
            if self._export:
                exported.VISION.labels(self._bot).observe(ms / 1000)
        if not self._export:
            return
        about = {"gen_ai.operation.name": "chat", "gen_ai.request.model": item.model or ""}
        if isinstance(item, LLMUsageMetricsData):
            for kind, tokens in (
                ("input", item.value.prompt_tokens),
                ("output", item.value.completion_tokens),
            ):
                exported.TOKENS.record(tokens, {**about, "gen_ai.token.type": kind})
        elif isinstance(item, ProcessingMetricsData) and "Mind" in item.processor:
            exported.INFERENCE.record(item.value, about)

"""Where the time of each turn went: one waterfall a turn, told to the client and the log."""

from collections.abc import Awaitable, Callable, Container
from dataclasses import asdict, dataclass

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    InterruptionFrame,
)
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.observers.user_bot_latency_observer import (
    LatencyBreakdown,
    MeasuredFrom,
    UserBotLatencyObserver,
)
from pipecat.processors.frame_processor import FrameDirection

# Pipecat names every stretch of a turn; each belongs to one layer.
LAYER_OF = {
    "endpointing_wait": "endpointing",
    "turn_detection": "endpointing",
    "waiting_for_user": "endpointing",
    "transcription": "asr",
    "llm_inference": "model",
    "llm_tool_call": "model",
    "turn_completion": "model",
    "awaiting_speakable_text": "model",
    "function_handler": "tool",
    "sentence_aggregation": "tts",
    "speech_synthesis": "tts",
}


@dataclass
class Turn:
    """Milliseconds each layer took, from the caller's last word to the bot's first.

    Parameters:
        n: Number of the turn, from 1.
        endpointing_ms: Hearing that the caller has finished.
        asr_ms: Waiting for the final transcript.
        model_ms: Waiting for the model's words.
        tool_ms: Running tools.
        tts_ms: Collecting a sentence and synthesising its first sound.
        other_ms: Everything else inside the process.
        total_ms: The sum, up to the first sound that leaves for the transport.
    """

    n: int
    endpointing_ms: int = 0
    asr_ms: int = 0
    model_ms: int = 0
    tool_ms: int = 0
    tts_ms: int = 0
    other_ms: int = 0
    total_ms: int = 0

    @classmethod
    def of(
        cls,
        n: int,
        breakdown: LatencyBreakdown,
        mouths: Container[str] = (),
        cores: Container[str] = (),
    ) -> "Turn":
        """The waterfall of one Pipecat latency breakdown.

        Args:
            n: Number of the turn.
            breakdown: What Pipecat measured.
            mouths: Names of the text-to-speech services.
            cores: Names of the realtime cores, which have no stages of their own: the end of
                the turn as the core sees it parts its hearing from its thinking.
        """
        turn = cls(n, total_ms=round(breakdown.total_secs * 1000))
        for part in breakdown.contributions:
            field = f"{LAYER_OF.get(part.key, 'other')}_ms"
            setattr(turn, field, getattr(turn, field) + round(part.duration_secs * 1000))
        thought = [t.duration_secs for t in breakdown.ttfb if t.processor in cores][:1]
        if thought:
            reaction = min(turn.other_ms, round(thought[0] * 1000))
            turn.endpointing_ms += turn.other_ms - reaction
            turn.model_ms, turn.other_ms = turn.model_ms + reaction, 0
        elif not turn.tts_ms:
            # Pipecat loses the mouth's part where a tool was called behind the words.
            secs = [t.duration_secs for t in breakdown.ttfb if t.processor in mouths][:1]
            if breakdown.text_aggregation:
                secs.append(breakdown.text_aggregation.duration_secs)
            turn.tts_ms = min(turn.other_ms, round(sum(secs) * 1000))
            turn.other_ms -= turn.tts_ms
        return turn


class Waterfall(BaseObserver):
    """Counts turns and barge-ins, and reports each turn's waterfall as it is answered."""

    def __init__(self, *, report: Callable[..., Awaitable]):
        """Initialize the waterfall.

        Args:
            report: Called as ``report("turn", **fields)`` and ``report("interrupted", n=...)``.
        """
        super().__init__(observe_every_push=False)
        self.turns: list[Turn] = []
        self.mouths: set[str] = set()
        self.cores: set[str] = set()
        self.interruptions = 0
        self._report = report
        self._bot_speaking = False
        self._latency = UserBotLatencyObserver()
        self._latency.add_event_handler("on_latency_breakdown", self._on_breakdown)

    async def on_pipeline_started(self):
        """Pass the start on."""
        await self._latency.on_pipeline_started()

    async def on_push_frame(self, data: FramePushed):
        """Follow the turn."""
        await self._latency.on_push_frame(data)
        if data.direction != FrameDirection.DOWNSTREAM:
            return
        if isinstance(data.frame, BotStartedSpeakingFrame):
            self._bot_speaking = True
        elif isinstance(data.frame, BotStoppedSpeakingFrame):
            self._bot_speaking = False
        elif isinstance(data.frame, InterruptionFrame) and self._bot_speaking:
            # Pipecat broadcasts an interruption at every start of a turn; only one over
            # the bot's voice is a barge-in.
            self._bot_speaking = False
            self.interruptions += 1
            await self._report("interrupted", n=self.interruptions)

    async def _on_breakdown(self, _observer, breakdown: LatencyBreakdown):
        if breakdown.measured_from is not MeasuredFrom.USER_SILENCE:
            return
        turn = Turn.of(len(self.turns) + 1, breakdown, self.mouths, self.cores)
        self.turns.append(turn)
        await self._report("turn", **asdict(turn))

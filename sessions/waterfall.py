"""Where the time of each turn went: every millisecond owned by a layer, told as it is answered."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    MetricsFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import TTFBMetricsData
from pipecat.observers.base_observer import FramePushed
from pipecat.processors.frame_processor import FrameDirection

from sessions.watching import Watcher

LAYERS = (
    "endpointing",
    "asr",
    "vision",
    "model",
    "tool",
    "store",
    "tts",
    "transport",
    "other",
)

BUDGET_MS = {"transport": 150, "asr": 700, "vision": 150, "model": 700, "tts": 400}
"""A turn's budget within 2.5 s; ``asr`` is with ``endpointing``, ``model`` with ``tool`` and
``store``. What is left over is the network's and the caller's device's."""

WITHIN = {"vision": "model", "store": "tool"}
"""Who waits for these."""


@dataclass
class Turn:
    """Milliseconds each layer took, from the caller's last sound to the bot's first.

    Parameters:
        n: Number of the turn, from 1.
        endpointing_ms: Hearing that the caller has finished.
        asr_ms: Waiting for the final transcript.
        vision_ms: Waiting for a picture that is fresh enough to be reasoned on.
        model_ms: Waiting for the model's words.
        tool_ms: Running tools.
        store_ms: Waiting for the session store to acknowledge what must not be done twice.
        tts_ms: Collecting a sentence and synthesising its first sound.
        transport_ms: From the first synthesised sound to the first that leaves; the network and
            the caller's device are beyond what a server can see.
        other_ms: Nobody's: hops between processors, and what is not understood.
        total_ms: The sum.
    """

    n: int
    endpointing_ms: int = 0
    asr_ms: int = 0
    vision_ms: int = 0
    model_ms: int = 0
    tool_ms: int = 0
    store_ms: int = 0
    tts_ms: int = 0
    transport_ms: int = 0
    other_ms: int = 0
    total_ms: int = 0


class Cycle:
    """One turn being waited for: who is waited for now, and what each has taken so far.

    The stretches tile the turn: each moment ends one and begins the next, so that they sum to the
    whole. Times are nanoseconds of one clock.
    """

    def __init__(self, silent_ns: int, stopped_ns: int):
        """Begin with the caller's silence.

        Args:
            silent_ns: When the caller's last sound ended.
            stopped_ns: When that was noticed.
        """
        self.spent: dict[str, int] = {layer: 0 for layer in LAYERS}
        self.spent["endpointing"] = stopped_ns - silent_ns
        self.waiting_for = "caller"
        self.words_ns: int | None = None
        self.core_ns: int | None = None
        self.tools: set[str] = set()
        self._since = stopped_ns
        self._borrowed: dict[str, int] = {}

    def turn_to(self, layer: str, at_ns: int) -> None:
        """From now on, this layer is waited for."""
        stretch = max(0, at_ns - self._since)
        if self.waiting_for == "caller":
            heard = min(max(self.words_ns or self._since, self._since), at_ns) - self._since
            self.spent["asr"] += heard
            self.spent["endpointing"] += max(0, stretch - heard)
        else:
            for owner, within in WITHIN.items():
                if within == self.waiting_for:
                    part = min(self._borrowed.pop(owner, 0), stretch)
                    self.spent[owner] += part
                    stretch -= part
            self.spent[self.waiting_for] += stretch
        self.waiting_for, self._since = layer, max(at_ns, self._since)

    def lend(self, layer: str, ns: int) -> None:
        """So much of a stretch that is going on, or about to be seen, is this layer's."""
        self._borrowed[layer] = self._borrowed.get(layer, 0) + ns

    def split_core(self, at_ns: int) -> None:
        """A realtime core has no stages: when it began to think parts its hearing from that."""
        thought_ns = self.core_ns if self.core_ns is not None else at_ns
        self.turn_to("model", min(max(thought_ns, self._since), at_ns))

    def told(self, n: int) -> Turn:
        """The turn in milliseconds, rounded so that the layers sum to the total."""
        whole, done, turn = 0, 0, Turn(n)
        for layer, ns in self.spent.items():
            whole += ns
            setattr(turn, f"{layer}_ms", round(whole / 1e6) - done)
            done = round(whole / 1e6)
        turn.total_ms = done
        return turn


class Waterfall(Watcher):
    """Counts turns and barge-ins, and reports each turn's waterfall as it is answered."""

    streams = (TTSAudioRawFrame,)

    def __init__(self, *, report: Callable[..., Awaitable]):
        """Initialize the waterfall.

        Args:
            report: Called as ``report("turn", **fields)`` and ``report("interrupted", n=...)``.
        """
        super().__init__()
        self.turns: list[Turn] = []
        self.on_turn: list[Callable[[Turn], None]] = []
        self.on_barge_in: list[Callable[[], None]] = []
        self.cores: set[str] = set()
        self.interruptions = 0
        self._report = report
        self._bot_speaking = False
        self._cycle: Cycle | None = None

    def took(self, layer: str, secs: float) -> None:
        """Note that what is waited for has waited itself.

        Args:
            layer: ``vision``, of the model's time, or ``store``, of a tool's.
            secs: For how long.
        """
        if self._cycle:
            self._cycle.lend(layer, round(secs * 1e9))

    async def on_push_frame(self, data: FramePushed):
        """Follow the turn."""
        frame, at_ns = data.frame, data.timestamp
        if frame.broadcast_sibling_id is not None and data.direction != FrameDirection.DOWNSTREAM:
            return
        if isinstance(frame, VADUserStoppedSpeakingFrame):
            self._cycle = Cycle(at_ns - round(frame.stop_secs * 1e9), at_ns)
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            self._cycle = None
        elif isinstance(frame, BotStoppedSpeakingFrame):
            self._bot_speaking = False
        elif isinstance(frame, InterruptionFrame):
            await self._interrupted(at_ns)
        elif isinstance(frame, BotStartedSpeakingFrame):
            self._bot_speaking = True
            await self._answered(at_ns)
        elif self._cycle:
            self._follow(self._cycle, frame, data.source.name, at_ns)

    def _follow(self, cycle: Cycle, frame, source: str, at_ns: int) -> None:
        waiting = cycle.waiting_for
        match frame:
            case TranscriptionFrame():
                cycle.words_ns = at_ns
            case MetricsFrame() if self.cores:
                for item in frame.data:
                    if isinstance(item, TTFBMetricsData) and item.processor in self.cores:
                        cycle.core_ns = at_ns - round(item.value * 1e9)
            case LLMContextFrame() if waiting == "caller" and not self.cores:
                if not getattr(frame, "speculation", False):
                    cycle.turn_to("other", at_ns)
            case UserStoppedSpeakingFrame() if waiting == "caller" and not self.cores:
                cycle.turn_to("model", at_ns)  # its answer was begun, and held back until now
            case LLMFullResponseStartFrame() if waiting in ("caller", "other", "tool"):
                if source not in self.cores:
                    cycle.turn_to("model", at_ns)
            case TTSStartedFrame() if waiting in ("model", "other", "tool"):
                if source not in self.cores:
                    cycle.turn_to("tts", at_ns)  # a line of the house
            case LLMTextFrame() if waiting in ("model", "other") and source not in self.cores:
                if frame.text.strip():
                    cycle.turn_to("tts", at_ns)
            case FunctionCallInProgressFrame():
                cycle.tools.add(frame.tool_call_id)
                if waiting == "caller":
                    cycle.split_core(at_ns)
                if cycle.waiting_for in ("model", "other"):
                    cycle.turn_to("tool", at_ns)
            case FunctionCallResultFrame() | FunctionCallCancelFrame():
                cycle.tools.discard(frame.tool_call_id)
                if waiting == "tool" and not cycle.tools:
                    cycle.turn_to("model" if self.cores else "other", at_ns)
            case TTSAudioRawFrame() if waiting != "transport":
                if waiting == "caller" and self.cores:
                    cycle.split_core(at_ns)
                if cycle.waiting_for != "caller":
                    cycle.turn_to("transport", at_ns)

    async def _interrupted(self, at_ns: int) -> None:
        if self._cycle and self._cycle.waiting_for != "caller":
            self._cycle.turn_to("other", at_ns)
        if self._bot_speaking:
            # Pipecat broadcasts an interruption at every start of a turn; only one over
            # the bot's voice is a barge-in.
            self._bot_speaking = False
            self.interruptions += 1
            for tell in self.on_barge_in:
                tell()
            await self._report("interrupted", n=self.interruptions)

    async def _answered(self, at_ns: int) -> None:
        cycle, self._cycle = self._cycle, None
        if not cycle:
            return
        if cycle.waiting_for == "caller":
            if not self.cores:
                return  # the bot went on with what it was saying, or said a line of the house
            cycle.split_core(at_ns)
        cycle.turn_to("other", at_ns)
        turn = cycle.told(len(self.turns) + 1)
        self.turns.append(turn)
        for tell in self.on_turn:
            tell(turn)
        await self._report("turn", **asdict(turn))

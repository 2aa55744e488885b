"""Answers begun on what is probably the whole turn, for any ears that transcribe as they hear."""

import asyncio
from dataclasses import dataclass, field
from statistics import median

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.turns.types import ProcessFrameResult, UserTurnSpeculation
from pipecat.turns.user_stop import (
    BaseUserTurnStopStrategy,
    EagerMatchPolicy,
    NormalizedMatch,
    UserTurnStoppedParams,
)

from sessions.clock import Clock

# An interim that has not changed for so long after the voice stopped is likely the final. Interims
# come 150 to 250 ms after their word, and the voice counts as stopped after 200 ms.
STABLE_SECS = 0.05

# A turn that keeps changing is not guessed at a third time.
GUESSES_PER_TURN = 2

# Nobody ends on these: the caller is looking for a word.
UNFINISHED = frozenset(
    "a an and at because but for from i if in is it's my of on or so than that the to uh um was "
    "with your".split()
)


@dataclass
class Guesses:
    """What became of the answers that were begun early.

    Parameters:
        made: Inferences that were begun before the turn had ended.
        hits: Those that answered the turn.
        misses: Those that were discarded, as the caller said more or something else.
        tools: Those that were taken back, mostly as they wanted a tool, and left to the inference
            after the turn.
        ahead_secs: By how much each hit was ahead of the turn's end.
    """

    made: int = 0
    hits: int = 0
    misses: int = 0
    tools: int = 0
    ahead_secs: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, int]:
        """The same in numbers; ``ahead_ms`` is the median."""
        return {
            "made": self.made,
            "hits": self.hits,
            "misses": self.misses,
            "tools": self.tools,
            "ahead_ms": round(1000 * median(self.ahead_secs or [0.0])),
        }


class PartialsUserTurnStopStrategy(BaseUserTurnStopStrategy):
    """Has the model answer a likely end of the turn while another strategy still makes sure.

    When the caller's voice has stopped and the transcript is stable, inference is run on it
    speculatively: Pipecat's gate in the LLM service holds the answer until the detector ends the
    turn. If the final transcript is another, or the caller goes on, the answer is discarded.

    Where a policy withholds interims from the pipeline, it guesses from redacted finals alone,
    while the detector waits out the silence.
    """

    def __init__(
        self,
        detector: BaseUserTurnStopStrategy,
        *,
        clock: Clock,
        guesses: Guesses | None = None,
        match_policy: EagerMatchPolicy | None = None,
        stable_secs: float = STABLE_SECS,
        **kwargs,
    ):
        """Initialize the strategy.

        Args:
            detector: Decides when the turn has ended: one that stops a turn by itself.
            clock: The session's.
            guesses: Where to count them.
            match_policy: Whether a final transcript is what was answered; by default the case
                and the punctuation do not matter.
            stable_secs: How long a transcript must stand after the voice has stopped.
            **kwargs: Passed on to Pipecat's base.
        """
        super().__init__(**kwargs)
        self.guesses = guesses or Guesses()
        self._now = clock.now
        self._detector = detector
        self._match = match_policy or NormalizedMatch()
        self._stable_secs = stable_secs
        self._final = self._interim = ""
        self._speaking = False
        self._open = False
        self._left = GUESSES_PER_TURN
        self._guess: tuple[str, float] | None = None
        self._timer: asyncio.Task | None = None
        detector.add_event_handler("on_user_turn_stopped", self._on_stopped)
        detector.add_event_handler("on_push_frame", self._on_push)
        detector.add_event_handler("on_broadcast_frame", self._on_broadcast)

    @property
    def resolves_proposed_turn_stop_frames(self) -> bool:
        """Whatever the detector resolves."""
        return self._detector.resolves_proposed_turn_stop_frames

    async def setup(self, setup: FrameProcessorSetup):
        """Set up the strategy and its detector.

        Args:
            setup: Pipecat's setup.
        """
        await super().setup(setup)
        await self._detector.setup(setup)

    async def cleanup(self):
        """Clean both up."""
        await self._stop_timer()
        await self._detector.cleanup()
        await super().cleanup()

    async def handle_user_turn_started(self):
        """Begin a turn."""
        await self._reset()
        self._open = True
        await self._detector.handle_user_turn_started()

    async def handle_user_turn_stopped(self):
        """End a turn; what is still a guess then has missed."""
        self._open = False
        await self._withdraw()
        await self._reset()
        await self._detector.handle_user_turn_stopped()

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Follow the transcript, and let the detector follow it, too.

        Args:
            frame: Any frame the user aggregator sees.
        """
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self._speaking = True
            await self._withdraw()
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._speaking = False
            await self._consider()
        elif isinstance(frame, TranscriptionFrame):
            self._final, self._interim = f"{self._final} {frame.text}".strip(), ""
            await self._consider()
        elif isinstance(frame, InterimTranscriptionFrame):
            self._interim = frame.text
            await self._consider()
        elif isinstance(frame, EagerEndOfTurnCancelFrame) and self._guess:
            # Taken back by the model, which wants a tool that Pipecat runs after the turn only.
            self._guess = None
            self._left = 0
            self.guesses.tools += 1
        return await self._detector.process_frame(frame) or ProcessFrameResult.CONTINUE

    @property
    def _text(self) -> str:
        return f"{self._final} {self._interim}".strip()

    async def _consider(self) -> None:
        """The transcript or the voice has changed: guess again, once it stands."""
        await self._stop_timer()
        if self._guess and not self._match.matches(self._guess[0], self._text):
            await self._withdraw()
        text = self._text
        ready = self._open and not self._speaking and not self._guess and self._left > 0
        if ready and text and text.split()[-1].strip(".,?!").lower() not in UNFINISHED:
            self._timer = self.create_task(self._guess_when_stable(text))

    async def _guess_when_stable(self, text: str) -> None:
        await asyncio.sleep(self._stable_secs)
        self._timer = None
        self._left -= 1
        self.guesses.made += 1
        self._guess = (text, self._now())
        await self.trigger_user_turn_inference_triggered(speculation=UserTurnSpeculation(text=text))

    async def _withdraw(self) -> None:
        await self._stop_timer()
        if self._guess:
            self._guess = None
            self.guesses.misses += 1
            await self.trigger_user_turn_speculation_cancelled()

    async def _on_stopped(self, _detector, params: UserTurnStoppedParams) -> None:
        await self._stop_timer()
        shown = params.enable_user_speaking_frames
        if self._guess and self._match.matches(self._guess[0], self._text):
            (_, at), self._guess = self._guess, None
            self.guesses.hits += 1
            self.guesses.ahead_secs.append(self._now() - at)
            await self.trigger_user_turn_finalized(
                enable_user_speaking_frames=shown, confirms_speculation=True
            )
            return
        await self._withdraw()
        await self.trigger_user_turn_stopped(enable_user_speaking_frames=shown)

    async def _on_push(self, _detector, frame: Frame, direction) -> None:
        await self.push_frame(frame, direction)

    async def _on_broadcast(self, _detector, frame_cls: type[Frame], **kwargs) -> None:
        await self.broadcast_frame(frame_cls, **kwargs)

    async def _reset(self) -> None:
        await self._stop_timer()
        self._final = self._interim = ""
        self._left = GUESSES_PER_TURN

    async def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer and timer is not asyncio.current_task():
            await self.cancel_task(timer)

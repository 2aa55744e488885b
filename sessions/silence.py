"""The caller is never left in silence while the bot owes an answer."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EndFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSSpeakFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.observers.base_observer import FramePushed
from pipecat.processors.frame_processor import FrameDirection

from sessions.turns.gist import GistFrame
from sessions.watching import Watcher

# A tool that takes longer than this is excused: the caller does not know that anything runs.
FILLER_SECS = 1.0
# The longest silence while an answer is owed. 0.4 s are left of the 3 s that a caller bears for
# the voice to begin.
PATIENCE_SECS = 2.6
# Where the end of the turn was long in doubt, the answer has at least this much time.
ANSWER_SECS = 1.2
# After a word of excuse, the next one comes later.
AGAIN_SECS = 6.0
# A sound that is shorter than this and has no words is a cough, and nobody waits for an answer.
WORDLESS_SECS = 0.6


class Excuse(StrEnum):
    """What is said into a silence. None of it names a fault."""

    TOOL = "One moment, I am looking that up."
    UNHEARD = "Sorry, I did not catch that."
    WAIT = "One moment, please."
    STILL = "I am still here, this takes a little longer."


class Silence(Watcher):
    """Says a short line when the bot has been silent for too long, and owes an answer.

    An answer is owed from the end of the caller's turn until its first words come, and for as
    long as a tool runs; to a turn of which the ears made nothing, that it was not caught. Nothing
    is said over the caller or over the bot. A voice that fails with an answer at hand is not this
    one's business: it could not say the excuse either.
    """

    def __init__(
        self,
        *,
        say: Callable[[str], Awaitable[None]],
        transcribed: bool = False,
        filler_secs: float = FILLER_SECS,
    ):
        """Initialize the watchdog.

        Args:
            say: Speaks a line, past whatever the pipeline waits for.
            transcribed: Whether a turn has words by its end, or was not understood.
            filler_secs: How long a tool may run in silence.
        """
        super().__init__()
        self.said: list[str] = []
        self._say = say
        self._transcribed = transcribed
        self._words = self._unheard = False
        self._voice_since = self._voiced_secs = 0.0
        self._filler_secs = filler_secs
        self._owes = False
        self._caller_speaks = False
        self._bot_speaks = False
        self._excusing = False
        self._over = False
        self._tools: set[str] = set()
        self._excuses = 0
        self._quiet_since = self._owed_since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task] = set()

    async def on_push_frame(self, data: FramePushed):
        """Follow who speaks, and what runs."""
        twin = data.frame.broadcast_sibling_id is not None
        if twin and data.direction is not FrameDirection.DOWNSTREAM:
            return  # what goes both ways happens once
        before, owed = self._state, bool(self._owes or self._unheard or self._tools)
        self._follow(data.frame)
        if self._state != before:
            if not owed:
                self._owed_since = asyncio.get_running_loop().time()
            self._set_timer()

    async def cleanup(self):
        """Let the timer go."""
        await super().cleanup()
        self._stop_timer()
        for task in self._tasks:
            task.cancel()

    @property
    def _state(self) -> tuple:
        speaks = self._caller_speaks, self._bot_speaks
        return self._owes, self._unheard, speaks, self._over, len(self._tools)

    def _follow(self, frame: Frame) -> None:
        match frame:
            case VADUserStartedSpeakingFrame():
                self._caller_speaks, self._unheard = True, False
                self._voice_since = asyncio.get_running_loop().time() - frame.start_secs
            case VADUserStoppedSpeakingFrame():
                self._caller_speaks = False
                self._quiet_since = asyncio.get_running_loop().time() - frame.stop_secs
                self._voiced_secs += self._quiet_since - self._voice_since
            case TranscriptionFrame() | InterimTranscriptionFrame() | GistFrame():
                self._words = True
            case UserStartedSpeakingFrame():
                self._caller_speaks, self._owes = True, False
            case UserStoppedSpeakingFrame():
                self._caller_speaks, self._excuses = False, 0
                self._owes = self._words or not self._transcribed
                self._unheard = not self._owes and self._voiced_secs >= WORDLESS_SECS
                self._words, self._voiced_secs = False, 0.0
            case LLMFullResponseStartFrame():
                self._owes, self._unheard = True, False
            case LLMTextFrame() | LLMFullResponseEndFrame():
                self._owes = False
            case FunctionCallInProgressFrame(cancel_on_interruption=True):
                self._tools.add(frame.tool_call_id)
            case FunctionCallResultFrame() | FunctionCallCancelFrame():
                self._tools.discard(frame.tool_call_id)
            case TTSSpeakFrame():
                self._excusing = True
            case BotStartedSpeakingFrame():
                self._bot_speaks, self._unheard = True, False
                self._owes = self._owes and self._excusing
            case BotStoppedSpeakingFrame():
                self._bot_speaks = self._excusing = False
                self._quiet_since = asyncio.get_running_loop().time()
            case InterruptionFrame():
                self._bot_speaks = self._excusing = self._owes = False
                self._tools.clear()
            case EndFrame() | CancelFrame():
                self._over = True

    def _set_timer(self) -> None:
        self._stop_timer()
        if self._caller_speaks or self._bot_speaks or self._over:
            return
        if self._unheard:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(
                max(self._quiet_since + PATIENCE_SECS, loop.time()), self._due
            )
        elif self._tools or self._owes:
            wait = self._filler_secs if self._tools else PATIENCE_SECS
            least = self._filler_secs if self._tools else ANSWER_SECS
            due = max(self._quiet_since + wait, self._owed_since + least)
            loop = asyncio.get_running_loop()
            if self._excuses:
                due = max(loop.time(), self._quiet_since) + AGAIN_SECS
            self._timer = loop.call_at(due, self._due)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        first = Excuse.TOOL if self._tools else Excuse.WAIT
        line = Excuse.STILL if self._excuses else first
        if self._unheard:
            line, self._unheard = Excuse.UNHEARD, False
        self._excuses += 1
        self._excusing = True
        self.said.append(line.value)
        task = asyncio.ensure_future(self._say(line.value))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._set_timer()

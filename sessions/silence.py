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
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSSpeakFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.observers.base_observer import FramePushed

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


class Excuse(StrEnum):
    """What is said into a silence. None of it names a fault."""

    TOOL = "One moment, I am looking that up."
    WAIT = "One moment, please."
    STILL = "I am still here, this takes a little longer."


class Silence(Watcher):
    """Says a short line when the bot has been silent for too long, and owes an answer.

    An answer is owed from the end of the caller's turn until its first words come, and for as
    long as a tool runs. Nothing is said over the caller or over the bot. A voice that fails with
    an answer at hand is not this one's business: it could not say the excuse either.
    """

    def __init__(self, *, say: Callable[[str], Awaitable[None]], filler_secs: float = FILLER_SECS):
        """Initialize the watchdog.

        Args:
            say: Speaks a line, past whatever the pipeline waits for.
            filler_secs: How long a tool may run in silence.
        """
        super().__init__()
        self.said: list[str] = []
        self._say = say
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
        before, owed = self._state, bool(self._owes or self._tools)
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
        return self._owes, self._caller_speaks, self._bot_speaks, self._over, len(self._tools)

    def _follow(self, frame: Frame) -> None:
        match frame:
            case VADUserStartedSpeakingFrame():
                self._caller_speaks = True
            case VADUserStoppedSpeakingFrame():
                self._caller_speaks = False
                self._quiet_since = asyncio.get_running_loop().time() - frame.stop_secs
            case UserStartedSpeakingFrame():
                self._caller_speaks, self._owes = True, False
            case UserStoppedSpeakingFrame():
                self._caller_speaks, self._owes, self._excuses = False, True, 0
            case LLMFullResponseStartFrame():
                self._owes = True
            case LLMTextFrame() | LLMFullResponseEndFrame():
                self._owes = False
            case FunctionCallInProgressFrame(cancel_on_interruption=True):
                self._tools.add(frame.tool_call_id)
            case FunctionCallResultFrame() | FunctionCallCancelFrame():
                self._tools.discard(frame.tool_call_id)
            case TTSSpeakFrame():
                self._excusing = True
            case BotStartedSpeakingFrame():
                self._bot_speaks = True
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
        if self._tools or self._owes:
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
        self._excuses += 1
        self._excusing = True
        self.said.append(line.value)
        task = asyncio.ensure_future(self._say(line.value))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._set_timer()

"""The caller is never left in silence while the bot owes an answer."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EndFrame,
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.observers.base_observer import BaseObserver, FramePushed

# A tool that takes longer than this is excused: the caller does not know that anything runs.
FILLER_SECS = 1.0
# The longest silence while an answer is owed. 0.4 s are left of the 3 s that a caller bears for
# the voice to begin.
PATIENCE_SECS = 2.6
# After a word of excuse, the next one comes later.
AGAIN_SECS = 6.0


class Excuse(StrEnum):
    """What is said into a silence. None of it names a fault."""

    TOOL = "One moment, I am looking that up."
    WAIT = "One moment, please."
    STILL = "I am still here, this takes a little longer."


class Silence(BaseObserver):
    """Says a short line when the bot has been silent for too long, and owes an answer.

    An answer is owed from the end of the caller's turn, or the start of a tool, until the bot
    speaks, and again when it stops with a tool still running. Nothing is said over the caller or
    over the bot, and nothing once the answer's first words are on their way.
    """

    def __init__(self, *, say: Callable[[str], Awaitable[None]], filler_secs: float = FILLER_SECS):
        """Initialize the watchdog.

        Args:
            say: Speaks a line, past whatever the pipeline waits for.
            filler_secs: How long a tool may run in silence.
        """
        super().__init__(observe_every_push=False)
        self.said = 0
        self._say = say
        self._filler_secs = filler_secs
        self._owes = False
        self._caller_speaks = False
        self._bot_speaks = False
        self._words_coming = False
        self._tools: set[str] = set()
        self._excuses = 0
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task] = set()

    async def on_push_frame(self, data: FramePushed):
        """Follow who speaks, and what runs."""
        before = self._state
        self._follow(data.frame)
        if self._state != before:
            self._set_timer()

    async def cleanup(self):
        """Let the timer go."""
        await super().cleanup()
        self._stop_timer()
        for task in self._tasks:
            task.cancel()

    @property
    def _state(self) -> tuple:
        return (
            self._owes,
            self._caller_speaks,
            self._bot_speaks,
            self._words_coming,
            frozenset(self._tools),
        )

    def _follow(self, frame) -> None:
        match frame:
            case VADUserStartedSpeakingFrame() | UserStartedSpeakingFrame():
                self._caller_speaks, self._owes = True, False
            case VADUserStoppedSpeakingFrame():
                self._caller_speaks = False
            case UserStoppedSpeakingFrame():
                self._caller_speaks, self._owes, self._excuses = False, True, 0
            case LLMContextFrame():
                self._owes, self._words_coming = True, False
            case LLMTextFrame():
                self._words_coming = True
            case LLMFullResponseEndFrame():
                # A response without a word, and without a tool, owes nothing more.
                if not self._words_coming and not self._tools:
                    self._owes = False
                self._words_coming = False
            case FunctionCallInProgressFrame():
                self._tools.add(frame.tool_call_id)
            case FunctionCallResultFrame() | FunctionCallCancelFrame():
                self._tools.discard(frame.tool_call_id)
            case BotStartedSpeakingFrame():
                self._bot_speaks = True
            case BotStoppedSpeakingFrame():
                self._bot_speaks = False
                self._owes = False
            case InterruptionFrame():
                self._bot_speaks = self._words_coming = self._owes = False
                self._tools.clear()
            case EndFrame() | CancelFrame():
                self._owes, self._bot_speaks = False, True

    def _set_timer(self) -> None:
        self._stop_timer()
        quiet = not (self._caller_speaks or self._bot_speaks)
        if quiet and (self._tools or self._owes):
            wait = self._filler_secs if self._tools and not self._excuses else PATIENCE_SECS
            wait = AGAIN_SECS if self._excuses else wait
            self._timer = asyncio.get_running_loop().call_later(wait, self._due)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        if self._excuses:
            line = Excuse.STILL
        else:
            line = Excuse.TOOL if self._tools else Excuse.WAIT
        self._excuses += 1
        self.said += 1
        task = asyncio.ensure_future(self._say(line.value))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._set_timer()

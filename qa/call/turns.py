"""Which answer belongs to which turn, measured at the caller's ear."""

from collections.abc import Callable
from typing import Any

import numpy as np

from qa.call.sound import Audible

CALLER_PAUSE_S = 0.8
"""A caller who is silent for less than this is still in the same turn."""

BOT_PAUSE_S = 0.4
OVERLAP_S = 0.1


class Turns:
    """Pairs the caller's turns with the bot's answers, from the sound alone.

    Voice-to-voice is the time from the caller's last audible sample (on its send clock) to the
    first audible bot sample in what it received: no playout buffer is counted, all of the
    network and of the bot is. A bot that speaks while the caller only pauses has not answered.

    Args:
        tell: Called with each event: `speech` {who, turn, at} when a side becomes audible,
            `silence` {who, turn, since, at} when it has fallen silent, `answered`
            {turn, caller_end, at, voice_to_voice_ms}, `barge_in` {turn, at}, `typed`
            {turn, at}.
    """

    def __init__(self, tell: Callable[..., Any]):
        self._tell = tell
        self.caller = Audible(hang_s=CALLER_PAUSE_S)
        self.bot = Audible(hang_s=BOT_PAUSE_S)
        self.number = 0
        self._typed = 0.0
        self._asked: float | None = None
        self._answer: tuple[float, float] | None = None

    def typed(self, at: float) -> None:
        """Take a turn that the caller typed; it has no voice-to-voice time."""
        self.part()
        self.number += 1
        self._asked, self._typed = None, at
        self._tell("typed", turn=self.number, at=at)

    def asked(self) -> float:
        """When the caller last said or typed something."""
        return max(self._typed, self.caller.last or 0.0)

    def part(self) -> None:
        """End the caller's turn here, however short the pause: the next sound is a new one."""
        if self.caller.sounding:
            self.caller.sounding = False
            self._caller_silent()
        self._settle()
        self._answer = None

    def caller_said(self, at: float, samples: np.ndarray) -> None:
        """Take what the caller said, clean of noise, `at` seconds."""
        change = self.caller.hear(at, samples)
        if change == "began":
            self.number += 1
            self._answer = None
            began = self.caller.since or at
            self._tell("speech", who="caller", turn=self.number, at=began)
            if self.bot.quiet_for(began) < OVERLAP_S:
                self._tell("barge_in", turn=self.number, at=began)
        elif change == "ended":
            self._caller_silent()
        if self.caller.sounding:
            self._asked = self.caller.last
        self._settle()

    def bot_said(self, at: float, samples: np.ndarray) -> None:
        """Take what the caller received, `at` seconds."""
        change = self.bot.hear(at, samples)
        if change == "began":
            began = self.bot.since or at
            self._tell("speech", who="bot", turn=self.number, at=began)
            if self._asked is not None and self._answer is None and began > self._asked:
                self._answer = (self._asked, began)
        elif change == "ended":
            since, last = self.bot.since, self.bot.last
            self._tell("silence", who="bot", turn=self.number, since=since, at=last)

    def _caller_silent(self) -> None:
        since, last = self.caller.since, self.caller.last
        self._tell("silence", who="caller", turn=self.number, since=since, at=last)

    def _settle(self) -> None:
        """Believe an answer once the caller has been silent long enough to have ended its turn."""
        if self._answer is None or self._asked is None:
            return
        asked, began = self._answer
        if self._asked != asked:
            self._answer = None
        elif not self.caller.sounding:
            took = round((began - asked) * 1000)
            self._tell(
                "answered", turn=self.number, caller_end=asked, at=began, voice_to_voice_ms=took
            )
            self._asked = self._answer = None

"""A caller who waits for a person hears that the line is alive: a soft chime, and now and then a word."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache

import numpy as np
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    InterruptionFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.observers.base_observer import FramePushed

from sessions.clock import Clock
from sessions.watching import Watcher

# Silence before a chime; with the voice that has just ended, or just begins, it stays below 3 s.
QUIET_SECS = 1.8
CHIME_SECS = 0.8
# Every so often a line is spoken instead.
WORD_SECS = 16.0
WORD = "I am still calling a colleague for you. Thank you for waiting."
# F above middle C and the C above it, each at a twentieth of full scale: calm, and heard on a phone.
CHIME_HZ = (349.2, 523.3)
LOUDNESS = 0.05
STEP_SECS = 0.02


class Hold(Watcher):
    """Follows who speaks, and plays the chime into silences while it is on."""

    def __init__(
        self,
        clock: Clock,
        *,
        write: Callable[[bytes], Awaitable[object]],
        rate: Callable[[], int],
        say: Callable[[str], Awaitable[None]],
    ):
        """Initialize the hold, which is off.

        Args:
            clock: The session's.
            write: Plays 16-bit mono to the caller, and returns when more may follow.
            rate: Samples a second of what it plays.
            say: Speaks a line to the caller.
        """
        super().__init__()
        self._now, self._write, self._rate, self._say = clock.now, write, rate, say
        self._bot = self._caller = False
        self._quiet_since = 0.0
        self._task: asyncio.Task | None = None

    async def on_push_frame(self, data: FramePushed):
        """Follow who speaks."""
        before = self.speaking
        match data.frame:
            case VADUserStartedSpeakingFrame():
                self._caller = True
            case VADUserStoppedSpeakingFrame() | UserStoppedSpeakingFrame():
                self._caller = False
            case BotStartedSpeakingFrame():
                self._bot = True
            case BotStoppedSpeakingFrame() | InterruptionFrame():
                self._bot = False
        if before and not self.speaking:
            self._quiet_since = self._now()

    @property
    def speaking(self) -> bool:
        """Whether the bot or the caller is speaking."""
        return self._bot or self._caller

    def start(self, *, words: bool = True) -> None:
        """Begin, or go on.

        Args:
            words: Whether a line is spoken now and then.
        """
        self.stop()
        self._bot = self._caller = False
        self._quiet_since = self._now()
        self._task = asyncio.create_task(self._keep(words=words), name="hold")

    def stop(self) -> None:
        """Fall silent."""
        if self._task:
            self._task.cancel()
            self._task = None

    async def quiet(self, *, within: float) -> None:
        """Wait until nobody speaks, or the time is up."""
        until = self._now() + within
        while self.speaking and self._now() < until:
            await asyncio.sleep(0.05)

    async def _keep(self, *, words: bool) -> None:
        word_at = self._now() + WORD_SECS
        while True:
            await asyncio.sleep(max(STEP_SECS, self._quiet_since + QUIET_SECS - self._now()))
            if self.speaking or self._now() - self._quiet_since < QUIET_SECS:
                continue
            if words and self._now() >= word_at:
                word_at = self._now() + WORD_SECS
                await self._say(WORD)
                self._quiet_since = self._now() - QUIET_SECS / 2  # the voice needs its time
                continue
            await self._chime()
            self._quiet_since = self._now()

    async def _chime(self) -> None:
        rate = self._rate()
        sound, step = chime(rate), int(rate * STEP_SECS) * 2
        for begin in range(0, len(sound), step):
            if self.speaking:
                return
            # A door that does not hold back what it is given would play all of it at once.
            due = asyncio.get_running_loop().time() + STEP_SECS
            await self._write(sound[begin : begin + step])
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))


@cache
def chime(rate: int) -> bytes:
    """Two soft notes, 16-bit mono of a whole number of 20 ms.

    Args:
        rate: Samples a second.
    """
    t = np.arange(int(CHIME_SECS * rate)) / rate
    swell = np.minimum(t / 0.08, 1) * np.exp(-3.5 * t) * np.minimum((CHIME_SECS - t) / 0.1, 1)
    sound = sum(np.sin(2 * np.pi * hz * t) for hz in CHIME_HZ) * swell * LOUDNESS
    return (sound * 32767).astype(np.int16).tobytes()

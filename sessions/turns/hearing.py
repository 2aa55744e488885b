"""Silero with a memory: what each 32 ms of the microphone held, and whether it was the bot."""

import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import numpy as np
from pipecat.audio.vad.vad_analyzer import VADParams, VADState

from sessions.clock import Clock
from sessions.turns.echo import COMPARED_SECS, EchoGate
from sessions.turns.shared_models import SharedSilero

# Confirms a caller's voice 134 ms after its onset, where Silero's defaults take 354 ms and miss
# quiet speech. Loudness plays no part: its 400 ms window is what makes the defaults slow.
VAD = VADParams(start_secs=0.1, stop_secs=0.2, min_volume=0.0)

# The model was trained on speech at ordinary levels; a quiet line is brought there.
ORDINARY_DB = -26.0
LARGEST_GAIN_DB = 24.0

SPEECH = 0.5
WINDOW_SECS = 0.032
MEMORY_WINDOWS = 128

# A line on which nobody speaks is not asked about: the model costs as much for silence as for a
# voice. Background is softer than any speech that reaches a microphone, and as even as it has been
# for half a second.
SOFTEST_SPEECH_POWER = 10 ** (-50 / 10)
UNEVEN = 2.0
EVEN_WINDOWS = 16
# What the model is told of the background it was not asked about, before the sound that ends it.
RUN_UP_WINDOWS = 2


@dataclass(frozen=True)
class Window:
    """What 32 ms of the microphone held.

    Parameters:
        at: When its end arrived, seconds on the session's clock.
        confidence: That it is somebody's voice, 0 to 1; 0 for the bot's own.
        level_db: Its loudness, dB of full scale.
        brightness_hz: Where its energy lies: about 300 for a hum, above 600 for words; 0 where
            nothing stands out from the line's noise.
        echo: Whether it is the bot's own voice coming back.
    """

    at: float
    confidence: float
    level_db: float
    brightness_hz: float
    echo: bool = False

    @property
    def voiced(self) -> bool:
        """Whether somebody speaks in it."""
        return self.confidence >= SPEECH


@dataclass(frozen=True)
class Loudness:
    """How a stretch of speech sounds from here.

    Parameters:
        level_db: Its mean power, dB of full scale.
        brightness_hz: Its mean brightness, weighted by power.
    """

    level_db: float
    brightness_hz: float

    @classmethod
    def of(cls, windows: Iterable[Window]) -> "Loudness | None":
        """The loudness of the windows in which somebody speaks; ``None`` if there are none."""
        voiced = [w for w in windows if w.voiced]
        if not voiced:
            return None
        powers = np.power(10, np.array([w.level_db for w in voiced]) / 10)
        squares = np.array([w.brightness_hz for w in voiced]) ** 2
        return cls(
            10 * float(np.log10(powers.mean())),
            float(np.sqrt((powers * squares).sum() / powers.sum())),
        )

    def farther_db(self, than: "Loudness") -> float:
        """How much farther away it sounds: quieter, and duller as distance and backs of heads do.

        Args:
            than: The loudness it is compared with.
        """
        duller = 20 * np.log10(max(than.brightness_hz, 1.0) / max(self.brightness_hz, 1.0))
        return than.level_db - self.level_db + float(np.clip(duller, -3, 6))


class Caller:
    """How the caller sounds on this line, learnt from what they said in their own turns."""

    def __init__(self):
        """Start without knowing."""
        self._windows: deque[Window] = deque(maxlen=200)
        self.loudness: Loudness | None = None

    def learn(self, window: Window) -> None:
        """Take a window of their own turn into account. Known after 0.4 s of speech."""
        if window.confidence >= 0.8:
            self._windows.append(window)
            if len(self._windows) >= 12:
                self.loudness = Loudness.of(self._windows)


class Hearing(SharedSilero):
    """The voice detector of a session.

    The bot's own voice is no voice, and each window is kept for whoever has to judge what was
    heard.
    """

    def __init__(self, clock: Clock, *, params: VADParams = VAD):
        """Initialize the hearing.

        Args:
            clock: The session's.
            params: When Pipecat's detector takes a voice for begun and ended.
        """
        super().__init__(params=params)
        self.clock = clock
        self.caller = Caller()
        self.echo: EchoGate | None = None
        self.windows: deque[Window] = deque(maxlen=MEMORY_WINDOWS)
        self.listener: Callable[[list[Window]], Awaitable[None]] | None = None
        self._heard: deque[np.ndarray] = deque(maxlen=round(COMPARED_SECS / WINDOW_SECS))
        self._floor = 1e-7, 1e-7
        self._fresh: list[Window] = []
        self._even: deque[float] = deque(maxlen=EVEN_WINDOWS)
        self._unasked: deque[bytes] = deque(maxlen=RUN_UP_WINDOWS)

    def set_sample_rate(self, sample_rate: int):
        """Set the rate of the microphone.

        Args:
            sample_rate: 8000 or 16000.
        """
        super().set_sample_rate(sample_rate)
        self.echo = EchoGate(self.sample_rate)

    def played(self, audio: bytes, sample_rate: int, at: float) -> None:
        """Note what the bot says; see :meth:`EchoGate.played`."""
        if self.echo:
            self.echo.played(audio, sample_rate, at)

    def voice_confidence(self, buffer: bytes) -> float:
        """How sure it is that somebody other than the bot speaks.

        Args:
            buffer: One window, 16-bit mono.
        """
        samples = np.frombuffer(buffer, np.int16).astype(np.float32) / 32768
        self._heard.append(samples)
        # The window may have ended before the chunk that completed it.
        at = self.clock.now() - len(self._vad_buffer) / 2 / self.sample_rate
        power, change = _mean_square(samples), _mean_square(samples[1:] - samples[:-1])
        louder = self._amplified(buffer, samples)
        if self._is_background(power):
            self._unasked.append(louder)
            confidence = 0.0
        else:
            while self._unasked:
                super().voice_confidence(self._unasked.popleft())
            confidence = _number(super().voice_confidence(louder))
        echo = False
        if confidence > 0.3 and self.echo and len(self._heard) == self._heard.maxlen:
            echo = self.echo.explains(np.concatenate(self._heard), at)
        if confidence < 0.1:
            self._even.append(power)
            self._floor = tuple(
                f + 0.1 * (new - f) for f, new in zip(self._floor, (power, change), strict=True)
            )
        else:
            self._even.clear()
        above = power - self._floor[0], max(0.0, change - self._floor[1])
        bright = above[0] > self._floor[0] and self.sample_rate / (2 * math.pi) * math.sqrt(
            above[1] / above[0]
        )
        level = 10 * math.log10(power + 1e-10)
        self._fresh.append(Window(at, 0.0 if echo else confidence, level, float(bright), echo))
        return self._fresh[-1].confidence

    async def analyze_audio(self, buffer: bytes) -> VADState:
        """Hear a chunk of sound, and tell the listener.

        Args:
            buffer: 16-bit mono.
        """
        state = await super().analyze_audio(buffer)
        if self._fresh:
            fresh, self._fresh = self._fresh, []
            self.windows.extend(fresh)
            if self.listener:
                await self.listener(fresh)
        return state

    def _is_background(self, power: float) -> bool:
        return (
            power < SOFTEST_SPEECH_POWER
            and len(self._even) == EVEN_WINDOWS
            and power < UNEVEN * min(self._even)
            and self._vad_state is VADState.QUIET
        )

    def _amplified(self, buffer: bytes, samples: np.ndarray) -> bytes:
        known = self.caller.loudness
        gain_db = min(LARGEST_GAIN_DB, ORDINARY_DB - known.level_db) if known else 0.0
        if gain_db < 3:
            return buffer
        louder = np.clip(samples * 10 ** (gain_db / 20), -1, 1)
        return (louder * 32767).astype(np.int16).tobytes()


def _mean_square(samples: np.ndarray) -> float:
    return float(np.dot(samples, samples)) / len(samples)


def _number(confidence) -> float:
    return float(confidence.item() if hasattr(confidence, "item") else confidence)

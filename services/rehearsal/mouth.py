"""Mouths: a text becomes speech with word times, by espeak-ng, or by a tone where it is missing."""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

import numpy as np
import soxr

from services.rehearsal import espeak

VOICES = ("en-us", "en-us+f3", "en-gb", "en-us+m3", "en-gb+f2", "en-us+f5")
ENGINE_VOICE = re.compile(r"[a-z]{2,3}(-[a-z0-9]+)*(\+\w+)?")
TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class Speech:
    """What a mouth said.

    Attributes:
        pcm: int16 mono samples.
        rate: Samples per second.
        words: (word, start, end) in seconds.
    """

    pcm: bytes
    rate: int
    words: list[tuple[str, float, float]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Length of the audio."""
        return len(self.pcm) / 2 / self.rate


class Mouth(Protocol):
    """Anything that speaks."""

    def say(
        self, text: str, *, rate: int, voice: str, speed: float, stop: Callable[[], bool]
    ) -> Speech:
        """Speak a text; blocks, and returns early with less once ``stop()`` is True."""
        ...


class EspeakMouth:
    """espeak-ng: intelligible and robotic."""

    def __init__(self, engine: espeak.Espeak):
        self._engine = engine

    def say(
        self,
        text: str,
        *,
        rate: int,
        voice: str = "en-us",
        speed: float = 1.0,
        stop: Callable[[], bool] = lambda: False,
    ) -> Speech:
        """Speak a text (see :class:`Mouth`)."""
        pcm, marks = self._engine.speak(
            text, voice=engine_voice(voice), speed=min(max(speed, 0.5), 2.0), stop=stop
        )
        samples = np.frombuffer(pcm, dtype=np.int16)
        end = len(samples) / self._engine.rate
        if rate != self._engine.rate:
            samples = soxr.resample(samples, self._engine.rate, rate)
        return Speech(samples.astype(np.int16).tobytes(), rate, words_at(text, marks, end))


class ToneMouth:
    """No engine at all: a quiet tone as long as the words would take."""

    def say(
        self,
        text: str,
        *,
        rate: int,
        voice: str = "",
        speed: float = 1.0,
        stop: Callable[[], bool] = lambda: False,
    ) -> Speech:
        """Hum a text (see :class:`Mouth`)."""
        words, t = [], 0.0
        for word in text.split():
            length = (0.12 + 0.055 * len(word)) / speed
            words.append((word, t, t + length))
            t += length
        hum = 900 * np.sin(2 * np.pi * 220 * np.arange(int(t * rate)) / rate)
        return Speech(hum.astype(np.int16).tobytes(), rate, words)


def mouth(*, engines: bool = True) -> Mouth:
    """Return the best mouth there is; ``engines=False`` forces the tone."""
    engine = espeak.engine() if engines else None
    return EspeakMouth(engine) if engine else ToneMouth()


def speak(text: str, rate: int = 16000, voice: str = "en-us+m3") -> bytes:
    """Speak a text for a rehearsal caller: int16 mono PCM at ``rate``."""
    return mouth().say(text, rate=rate, voice=voice, speed=0.95, stop=lambda: False).pcm


def engine_voice(voice: str) -> str:
    """Map any vendor's voice id to an espeak-ng voice, always the same one for the same id."""
    if ENGINE_VOICE.fullmatch(voice):
        return voice
    return VOICES[zlib.crc32(voice.encode()) % len(VOICES)]


def without_tags(text: str) -> str:
    """Remove SSML-like tags, keeping the words apart."""
    return TAG.sub(" ", text)


def words_at(
    text: str, marks: list[tuple[int, float]], end: float
) -> list[tuple[str, float, float]]:
    """Give each word of a text its times from the engine's marks (character offset, seconds)."""
    words = [(m.start(), m.end(), m.group()) for m in re.finditer(r"\S+", text)]
    starts: list[float] = []
    for begin, stop, _ in words:
        mark = next((s for offset, s in marks if begin <= offset < stop), None)
        last = starts[-1] if starts else 0.0
        starts.append(max(last, last if mark is None else mark))
    times = pairwise([*starts, max(end, starts[-1] if starts else 0.0)])
    return [(word, start, stop) for (_, _, word), (start, stop) in zip(words, times)]

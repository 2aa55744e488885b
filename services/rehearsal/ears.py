"""Ears: audio goes in, words come out; scripted ones here, real ones in :mod:`ears_sphinx`.

All ears share the gate: 20 ms frames, resampled to 16 kHz, cut into utterances by loudness.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import soxr

RATE = 16000
HOP = 320  # samples of one 20 ms frame at RATE
SECONDS = HOP / RATE
LOUD = 220.0  # RMS of int16 speech; a quiet room through a headset stays below 100
ONSET = 3  # loud frames that open an utterance
LEAD_IN = 15  # frames kept from before the onset: 300 ms
LONGEST = 1500  # frames (30 s) after which an utterance is cut


@dataclass(frozen=True)
class Word:
    """One heard word: times in seconds from the start of the stream, confidence 0 to 1."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Utterance:
    """A stretch of speech: its frames (int16, 16 kHz) and where it starts and ends, in seconds."""

    audio: np.ndarray
    start: float
    end: float


@dataclass
class Gate:
    """Cuts a stream of 20 ms frames into utterances by loudness.

    Attributes:
        silence: Seconds of quiet that end an utterance.
        position: Seconds of audio seen.
        quiet: Seconds of quiet since the last loud frame.
    """

    silence: float = 0.3
    position: float = 0.0
    quiet: float = 0.0
    frames: list[np.ndarray] = field(default_factory=list)
    open: bool = False
    _loud: int = 0

    def push(self, frame: np.ndarray) -> str:
        """Take a frame; return ``"start"`` or ``"end"`` where an utterance opens or closes."""
        self.position += SECONDS
        self.frames.append(frame)
        loud = float(np.sqrt(np.mean(frame.astype(np.float32) ** 2))) > LOUD
        self.quiet = 0.0 if loud else self.quiet + SECONDS
        if self.open:
            return "end" if self.quiet >= self.silence or len(self.frames) > LONGEST else ""
        self._loud = self._loud + 1 if loud else 0
        self.frames = self.frames[-LEAD_IN:]
        if self._loud < ONSET:
            return ""
        self.open = True
        return "start"

    def utterance(self) -> Utterance:
        """Return the utterance so far."""
        audio = np.concatenate(self.frames) if self.frames else np.zeros(0, np.int16)
        return Utterance(audio, self.position - len(self.frames) * SECONDS, self.position)

    def cut(self) -> Utterance:
        """Close the utterance and return it."""
        utterance = self.utterance()
        self.frames, self.open, self._loud = [], False, 0
        return utterance


class Framer:
    """Turns int16 mono bytes of any rate and any chunking into 20 ms frames at 16 kHz."""

    def __init__(self, rate: int):
        self._rest = b""
        self._samples = np.zeros(0, np.int16)
        self._resampler = (
            soxr.ResampleStream(rate, RATE, 1, dtype="int16") if rate != RATE else None
        )

    def push(self, data: bytes) -> list[np.ndarray]:
        """Take bytes; return the frames that are complete, each int16 of ``HOP`` samples."""
        data = self._rest + data
        whole = len(data) // 2 * 2
        self._rest = data[whole:]
        samples = np.frombuffer(data[:whole], dtype=np.int16)
        if self._resampler:
            samples = self._resampler.resample_chunk(samples)
        samples = np.concatenate([self._samples, samples])
        full = len(samples) // HOP * HOP
        self._samples = samples[full:]
        return list(samples[:full].reshape(-1, HOP))


class Prompter:
    """Whose turn it is in the script: one per session, so a reconnect goes on with the next line."""

    def __init__(self, lines: Sequence[str]):
        self._lines = list(lines) or ["hello"]
        self._next = 0

    @property
    def line(self) -> str:
        """The line that is being spoken."""
        return self._lines[self._next % len(self._lines)]

    def advance(self) -> None:
        """Go on to the next line."""
        self._next += 1


class ScriptedEars:
    """Ears without an engine: whatever is spoken, they hear the script's next line."""

    def __init__(self, prompter: Prompter):
        self._prompter = prompter
        self._frames = 0

    def accept(self, frame: np.ndarray) -> None:
        """Take a frame of the open utterance."""
        self._frames += 1

    def partial(self) -> list[Word]:
        """Return the words so far, about three a second."""
        return self._words()[: int(self._frames * SECONDS / 0.32)]

    def decode(self, utterance: Utterance) -> list[Word]:
        """Return the whole line, spread over the utterance."""
        return self._words(utterance.start, utterance.end - utterance.start)

    def reset(self) -> None:
        """End the open utterance: the next one is the script's next line."""
        self._frames = 0
        self._prompter.advance()

    def _words(self, start: float = 0.0, length: float = 0.0) -> list[Word]:
        words = self._prompter.line.split()
        step = length / len(words) if length else 0.32
        return [
            Word(word, start + i * step, start + (i + 0.9) * step, 0.97)
            for i, word in enumerate(words)
        ]

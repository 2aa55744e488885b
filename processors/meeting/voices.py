"""When each track holds a voice, and who of them has the floor."""

from dataclasses import dataclass, field

import numpy as np

LOUD = 220.0
"""RMS of int16 above which a track holds a voice; a quiet room on a headset stays below 100."""

HANG_MS = 300
"""Silence after which a stretch of speech is over: the ears' endpointing."""


@dataclass(slots=True)
class Voice:
    """One track's stretches of speech, in milliseconds of the session's clock."""

    level: float = 0.0
    began_ms: int | None = None
    last_ms: int = 0
    _stretches: list[tuple[int, int]] = field(default_factory=list)

    def hear(self, audio: bytes, *, now_ms: int, sample_rate: int) -> None:
        """Take a chunk of int16 mono that has just come in whole."""
        samples = np.frombuffer(audio, np.int16).astype(np.float32)
        self.level = float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0
        if self.level > LOUD:
            if self.began_ms is None:
                self.began_ms = now_ms - len(samples) * 1000 // sample_rate
            self.last_ms = now_ms
        elif self.began_ms is not None and now_ms - self.last_ms >= HANG_MS:
            self._stretches.append((self.began_ms, self.last_ms))
            self.began_ms = None

    @property
    def speaking(self) -> bool:
        """Whether a stretch of speech is under way."""
        return self.began_ms is not None

    def take(self, now_ms: int) -> tuple[int, int]:
        """From when to when the words lasted that have just been transcribed.

        Those of the finished stretches that no words have claimed so far; without any, of the
        one under way.
        """
        stretches, self._stretches = self._stretches, []
        if stretches:
            return stretches[0][0], stretches[-1][1]
        if self.began_ms is None:
            return self.last_ms, self.last_ms
        began, self.began_ms = self.began_ms, now_ms
        return began, self.last_ms


class Floor:
    """Who is the active speaker: whoever speaks keeps the floor until they stop."""

    def __init__(self):
        """Nobody has it."""
        self.holder: str | None = None

    def update(self, voices: dict[str, Voice]) -> bool:
        """Look again; returns whether the floor has changed hands. Nobody takes it from a holder."""
        if self.holder in voices and voices[self.holder].speaking:
            return False
        speaking = [who for who, voice in voices.items() if voice.speaking]
        holder = max(speaking, key=lambda who: voices[who].level, default=self.holder)
        changed, self.holder = holder != self.holder, holder
        return changed

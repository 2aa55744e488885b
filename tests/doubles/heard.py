"""What somebody at the far end of a line has heard."""

import asyncio
import time

import numpy as np

LOUD = 1000  # of 32767: tone and speech are above it, silence and codec noise below


class Heard:
    """Sound and when it began to play, in the order of arrival."""

    def __init__(self):
        self._parts: list[tuple[float, int, np.ndarray]] = []

    def add(self, pcm: bytes, rate: int, *, at: float | None = None) -> None:
        """Note 16-bit mono sound that plays from `at` (`time.monotonic()`; now if not given)."""
        samples = np.frombuffer(pcm, np.int16)
        self._parts.append((time.monotonic() if at is None else at, rate, samples))

    def drop_after(self, at: float) -> None:
        """Forget what would have played later: the queue was cleared."""
        self._parts = [part for part in self._parts if part[0] < at]

    @property
    def loud_secs(self) -> float:
        """Seconds of sound that is not silence, played so far."""
        now = time.monotonic()
        loud = (len(s) / rate for at, rate, s in self._parts if at <= now and _is_loud(s))
        return sum(loud)

    def last_sound(self, *, before: float) -> float:
        """When the last of what began to play before a moment ended, ``time.monotonic()``."""
        return max((at + len(s) / rate for at, rate, s in self._parts if at < before), default=0.0)

    def pcm(self, rate: int = 16000) -> bytes:
        """All of it, at one rate."""
        import soxr

        parts = [soxr.resample(s, r, rate) if r != rate else s for _, r, s in self._parts]
        return np.concatenate([*parts, np.zeros(0, np.int16)]).astype(np.int16).tobytes()

    async def sound(self, secs: float = 0.1, *, within: float = 5.0) -> None:
        """Wait until `secs` of sound have been heard."""
        async with asyncio.timeout(within):
            while self.loud_secs < secs:
                await asyncio.sleep(0.01)


def _is_loud(samples: np.ndarray) -> bool:
    return len(samples) > 0 and int(np.abs(samples.astype(np.int32)).max()) > LOUD


def tone(secs: float, *, rate: int = 16000, hz: float = 440.0) -> bytes:
    """A 16-bit mono tone at a third of full scale."""
    t = np.arange(int(secs * rate)) / rate
    return (np.sin(2 * np.pi * hz * t) * 11000).astype(np.int16).tobytes()


def silence(secs: float, *, rate: int = 16000) -> bytes:
    return bytes(2 * int(secs * rate))


def chunks(pcm: bytes, *, rate: int = 16000, ms: int = 20):
    size = 2 * rate * ms // 1000
    for start in range(0, len(pcm) - size + 1, size):
        yield pcm[start : start + size]

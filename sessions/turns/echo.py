"""Whether what the microphone hears is only what the bot is saying."""

import threading
from collections import deque

import numpy as np

# A loudspeaker, a room and a jitter buffer: from almost nothing to this.
LONGEST_DELAY_SECS = 0.5
# Sound is compared over the length of a syllable.
COMPARED_SECS = 0.128
# Over such a stretch, one person's speech resembles another's by less than 0.4 at any delay.
ALIKE = 0.55
# At the delay that was learnt, chance has one try instead of thousands.
ALIKE_AT_DELAY = 0.3
# Above its own echo by this much is somebody else speaking over it.
LOUDER_DB = 6.0
MEMORY_SECS = 2.0


class EchoGate:
    """Compares the microphone with what was played up to half a second before.

    The delay and the loss of the way from the loudspeaker to the microphone are learnt from
    stretches that are surely echo, and then tell echo from somebody who talks over it.
    """

    def __init__(self, sample_rate: int):
        """Initialize the gate.

        Args:
            sample_rate: Of the microphone, samples a second.
        """
        self.rate = sample_rate
        self.delay_secs: float | None = None
        self.gain_db: float | None = None
        # When each piece began, how long it is in seconds, its sound and its rate.
        self._played: deque[tuple[float, float, bytes, int]] = deque()
        self._end = 0.0
        self._lock = threading.Lock()

    def played(self, audio: bytes, sample_rate: int, at: float) -> None:
        """Note what is being played.

        Args:
            audio: 16-bit mono.
            sample_rate: Of ``audio``.
            at: When it was handed over, seconds on the session's clock.
        """
        secs = len(audio) / 2 / sample_rate
        with self._lock:
            begin = max(at, self._end)
            self._end = begin + secs
            self._played.append((begin, secs, audio, sample_rate))
            while self._played and self._played[0][0] < at - MEMORY_SECS:
                self._played.popleft()

    def explains(self, heard: np.ndarray, at: float) -> bool:
        """Whether a stretch of sound is what was played before it.

        Args:
            heard: float32 mono, at least :data:`COMPARED_SECS` of it, ending ``at``.
            at: When its last sample arrived, seconds on the session's clock.
        """
        heard = heard[-int(COMPARED_SECS * self.rate) :]
        played = self._before(at, len(heard))
        if played is None:
            return False
        heard, played = np.diff(heard), np.diff(played)  # speech is mostly low: level it
        alike, gains = _correlate(heard, played)
        best = int(np.argmax(np.abs(alike)))
        likeness = abs(float(alike[best]))
        if self.delay_secs is None or self.gain_db is None:
            if likeness < ALIKE:
                return False
            self._learn(best, len(alike), gains[best], likeness)
            return True
        known = len(alike) - 1 - round(self.delay_secs * self.rate)
        slack = self.rate // 100  # networks deliver unevenly
        near = slice(max(0, known - slack), known + slack + 1)
        here = float(np.abs(alike[near]).max(initial=0))
        expected_db = self.gain_db + _db(played[near.start : near.start + len(heard)])
        if _db(heard) > expected_db + LOUDER_DB:
            return False
        if likeness >= ALIKE:
            self._learn(best, len(alike), gains[best], likeness)
            return True
        return here >= ALIKE_AT_DELAY

    def _before(self, at: float, length: int) -> np.ndarray | None:
        """What was played in the window that could be heard by now; None where it was silent."""
        count = length + int(LONGEST_DELAY_SECS * self.rate)
        begin = at - count / self.rate
        if self._end < begin:
            return None
        window = np.zeros(count, np.float32)
        with self._lock:
            pieces = list(self._played)
        for start, secs, audio, rate in pieces:
            if not begin < start + secs or start > at:
                continue
            first = round((start - begin) * self.rate)
            samples = _resampled(audio, rate, self.rate)
            source = samples[max(0, -first) : max(0, count - first)]
            first = max(0, first)
            if first < count and len(source):
                window[first : first + len(source)] = source
        return window if float(np.abs(window).max()) > 1e-3 else None

    def _learn(self, best: int, lags: int, gain: float, likeness: float) -> None:
        delay = (lags - 1 - best) / self.rate
        gain_db = 20 * np.log10(max(abs(float(gain)), 1e-5))
        if self.gain_db is None or self.delay_secs is None or abs(delay - self.delay_secs) > 0.005:
            self.delay_secs, self.gain_db = delay, float(gain_db)
        elif likeness > 0.7:
            self.gain_db += 0.1 * (float(gain_db) - self.gain_db)


def _resampled(audio: bytes, rate: int, to: int) -> np.ndarray:
    samples = np.frombuffer(audio, np.int16).astype(np.float32) / 32768
    if rate == to:
        return samples
    places = np.arange(len(samples) * to // rate) * (rate / to)
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32)


def _correlate(heard: np.ndarray, played: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normalised correlation and best gain at every place of ``heard`` within ``played``."""
    size = 1 << (len(played) + len(heard)).bit_length()
    product = np.fft.irfft(np.fft.rfft(played, size) * np.fft.rfft(heard, size).conj(), size)
    product = product[: len(played) - len(heard) + 1]
    energy = np.concatenate([[0.0], np.cumsum(played.astype(np.float64) ** 2)])
    energy = energy[len(heard) :] - energy[: len(product)] + 1e-9
    norm = np.sqrt(float(np.dot(heard, heard)) + 1e-12)
    return product / (np.sqrt(energy) * norm), product / energy


def _db(samples: np.ndarray) -> float:
    return 10 * float(np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-12))

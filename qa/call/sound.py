"""The caller's side of the sound: what it sends, what it hears, and the recording of both."""

import asyncio
import fractions
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from aiortc.mediastreams import MediaStreamTrack
from av import AudioFrame

from qa.call.script import RATE

FRAME = RATE // 50
"""Samples of one 20 ms frame."""

AUDIBLE = 300
"""Smallest audible sample of int16: -41 dBFS, far above the comfort noise, below any speech."""

COMFORT_NOISE = 25
"""Standard deviation (int16) of the noise between lines. Digital silence ruins speech features."""


class Audible:
    """Finds to the sample where one side of a call is audible.

    Stretches that are less than `hang_s` seconds apart are one.
    """

    def __init__(self, *, hang_s: float):
        self._hang_s = hang_s
        self.since: float | None = None
        self.last: float | None = None
        self.sounding = False

    def hear(self, at: float, samples: np.ndarray) -> Literal["began", "ended"] | None:
        """Take the next samples, the first of them heard `at` seconds.

        Returns:
            "began" (at `since`), "ended" (at `last`; `since` stays until the next) or nothing.
        """
        loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > AUDIBLE)
        if len(loud):
            new = not self.sounding
            if new:
                self.since = at + loud[0] / RATE
            self.last = at + (loud[-1] + 1) / RATE
            self.sounding = True
            return "began" if new else None
        if self.sounding and self.last is not None and at - self.last >= self._hang_s:
            self.sounding = False
            return "ended"
        return None

    def quiet_for(self, now: float) -> float:
        """Seconds since the last audible sample, infinite when there was none."""
        return float("inf") if self.last is None else now - self.last


class Microphone(MediaStreamTrack):
    """The caller's microphone: 20 ms frames on its own send clock, comfort noise between lines.

    A frame leaves when its last sample has been "spoken", as from a real device.

    Args:
        now: The call's clock, seconds.
        on_frame: Called with the time of a frame's first sample, what was said in it, and what
            is sent (with the noise), both int16.
        seed: Seeds the noise.
    """

    kind = "audio"

    def __init__(
        self,
        now: Callable[[], float],
        *,
        on_frame: Callable[[float, np.ndarray, np.ndarray], None],
        seed: int = 0,
    ):
        super().__init__()
        self._now = now
        self._on_frame = on_frame
        self._noise = np.random.default_rng(seed)
        self._speech = np.zeros(0, np.int16)
        self._sent = 0
        self.origin: float | None = None

    def say(self, samples: np.ndarray) -> None:
        """Speak these int16 samples as soon as what is being said has been said."""
        self._speech = np.concatenate([self._speech, samples])

    @property
    def speaking(self) -> bool:
        """Whether something is still to be said."""
        return len(self._speech) > 0

    async def recv(self) -> AudioFrame:
        """Return the next 20 ms, no earlier than a real microphone would."""
        if self.origin is None:
            self.origin = self._now()
        starts = self.origin + self._sent / RATE
        await asyncio.sleep(max(0.0, starts + FRAME / RATE - self._now()))
        said = np.zeros(FRAME, np.int16)
        head, self._speech = self._speech[:FRAME], self._speech[FRAME:]
        said[: len(head)] = head
        noise = self._noise.normal(0, COMFORT_NOISE, FRAME)
        sent = np.clip(said + noise, -32768, 32767).astype(np.int16)
        self._on_frame(starts, said, sent)
        frame = AudioFrame.from_ndarray(sent[None, :], format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts, frame.time_base = self._sent, fractions.Fraction(1, RATE)
        self._sent += FRAME
        return frame


class Recording:
    """Both sides of a call in one stereo WAV: caller left, bot right, on the caller's clock.

    The caller's side is continuous and leads; the bot's side is laid where it was heard. Late
    frames leave a gap, and a lag is made up for in silence, as a playout buffer does. The file
    is whole up to its last second at any moment.
    """

    LAG = RATE // 25

    def __init__(self, path: Path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self.path = path
        self._file = wave.open(str(path), "wb")  # noqa: SIM115 (closed by close)
        self._file.setnchannels(2)
        self._file.setsampwidth(2)
        self._file.setframerate(RATE)
        self._pending = np.zeros((0, 2), np.int16)
        self._written = 0
        self._caller_end = 0
        self._bot_end = 0

    def caller(self, samples: np.ndarray) -> None:
        """Lay the caller's next samples."""
        self._lay(0, self._caller_end, samples)
        self._caller_end += len(samples)
        if self._caller_end - self._written > 2 * RATE:
            self._write(RATE)

    def bot(self, at: float, samples: np.ndarray) -> None:
        """Lay the bot's samples, heard `at` seconds after the caller's first sample."""
        arrived = int(at * RATE)
        start = max(arrived, self._bot_end)
        if start - arrived > self.LAG and np.abs(samples).max(initial=0) < AUDIBLE:
            return
        self._lay(1, start, samples)
        self._bot_end = start + len(samples)

    def close(self) -> None:
        """Write the rest."""
        self._write(len(self._pending))
        self._file.close()

    def _lay(self, side: int, start: int, samples: np.ndarray) -> None:
        first = start - self._written
        if first < 0:
            return
        missing = first + len(samples) - len(self._pending)
        if missing > 0:
            self._pending = np.concatenate([self._pending, np.zeros((missing, 2), np.int16)])
        self._pending[first : first + len(samples), side] = samples

    def _write(self, count: int) -> None:
        self._file.writeframes(self._pending[:count].tobytes())
        self._pending = self._pending[count:]
        self._written += count

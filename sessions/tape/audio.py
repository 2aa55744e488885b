"""Where audio lies in time: media time by sample count, held to the session clock.

Frames arrive late by scheduling, never early, so their arrival time jitters while their sample
count does not. The media time of a frame is where the last one ended, corrected only when even
the least late frame of a window says so: a gap moves it forward, a fast sound card back. Drift
stays within :data:`TOLERANCE_NS` plus one window's skew, whatever the length of the call.
"""

from collections import deque
from collections.abc import Iterable

import numpy as np

from sessions.tape.reader import TapeMessage

TOLERANCE_NS = 10_000_000
WINDOW_FRAMES = 50
GAP_NS = 250_000_000


class MediaClock:
    """Gives each frame of one audio stream its media time."""

    def __init__(self):
        """Start before the first frame."""
        self._end_ns: int | None = None
        self._lateness: deque[int] = deque(maxlen=WINDOW_FRAMES)

    def stamp(self, arrival_ns: int, samples: int, sample_rate: int) -> int:
        """The session-clock nanosecond of a frame's first sample.

        Args:
            arrival_ns: Session clock when the frame, whole, was seen.
            samples: Samples a channel in the frame.
            sample_rate: Samples a second.
        """
        duration = samples * 10**9 // sample_rate
        heard = arrival_ns - duration
        if self._end_ns is None or heard - self._end_ns > GAP_NS:
            self._lateness.clear()
            self._end_ns = heard
        self._lateness.append(heard - self._end_ns)
        if len(self._lateness) == WINDOW_FRAMES:
            late = min(self._lateness)
            if abs(late) > TOLERANCE_NS:
                self._lateness.clear()
                self._end_ns += late
        start = self._end_ns
        self._end_ns += duration
        return start


def lay_out(
    messages: Iterable[TapeMessage], started_at: int, *, sample_rate: int | None = None
) -> tuple[np.ndarray, int]:
    """Lay the audio messages of one channel out on the session clock.

    Args:
        messages: Messages of ``/caller/audio`` or ``/bot/audio``.
        started_at: The tape's, wall nanoseconds at session clock 0.
        sample_rate: Of the result; the first message's when None. Other rates are resampled.

    Returns:
        Mono int16 samples from session clock 0 on, silence in the gaps, and their rate.
    """
    placed: list[tuple[int, np.ndarray]] = []
    end = 0
    rate = sample_rate
    for message in messages:
        data = message.data
        pcm = np.frombuffer(message.bytes, dtype="<i2")
        if data["number_of_channels"] > 1:
            pcm = pcm.reshape(-1, data["number_of_channels"])[:, 0]
        rate = rate or int(data["sample_rate"])
        if data["sample_rate"] != rate:
            import soxr

            pcm = soxr.resample(pcm, data["sample_rate"], rate)
        stamp = data["timestamp"]
        clock_ns = stamp["sec"] * 10**9 + stamp["nsec"] - started_at
        offset = max(0, round(clock_ns * rate / 10**9))
        placed.append((offset, pcm))
        end = max(end, offset + len(pcm))
    track = np.zeros(end, dtype=np.int16)
    for offset, pcm in placed:
        place = track[offset : offset + len(pcm)]
        mixed = place.astype(np.int32) + pcm  # tracks of several participants may overlap
        place[:] = np.clip(mixed, -32768, 32767)
    return track, rate or 16_000

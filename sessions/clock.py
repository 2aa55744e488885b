"""The session's clock: the only source of time in a call."""

import time
from datetime import UTC, datetime


class Clock:
    """Time since the session opened.

    A replay turns the interpreter's clocks virtual, and this one with them; whoever
    reads the time from here is therefore exact in a replay.
    """

    def __init__(self):
        """Start the clock at zero."""
        self._zero_ns = time.monotonic_ns()
        self.started_at = datetime.now(UTC)

    def now_ns(self) -> int:
        """Nanoseconds since the session opened."""
        return time.monotonic_ns() - self._zero_ns

    def now(self) -> float:
        """Seconds since the session opened."""
        return self.now_ns() / 1e9

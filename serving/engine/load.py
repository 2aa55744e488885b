"""How busy a process is, measured where callers would feel it."""

import asyncio
import math
import os
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

WINDOW_SECS = 10.0
TICK_SECS = 0.025


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How busy a process may be and still take another caller.

    Parameters:
        lag_ms: Highest p99 of the event loop's lateness over ten seconds. Audio leaves every
            20 ms: at 10 ms of lag it still leaves in time.
        cpu: Highest share of a core (of all cores, for a pool) over ten seconds. Above 0.75
            answers come later and later.
    """

    lag_ms: float = 10.0
    cpu: float = 0.7

    def exceeded(self, *, lag_ms: float, cpu: float) -> str:
        """What is too high, in words; empty when nothing is."""
        if lag_ms > self.lag_ms:
            return f"audio would be late: the event loop runs {lag_ms:.0f} ms behind"
        if cpu > self.cpu:
            return f"the processor is {cpu:.0%} busy"
        return ""


class Gauge:
    """The lateness of the running event loop and the process's CPU share, over ten seconds."""

    def __init__(self):
        """Initialize the gauge. It reads 0 until :meth:`start` was called."""
        self._late: deque[float] = deque(maxlen=int(WINDOW_SECS / TICK_SECS))
        self._marks: deque[tuple[float, float]] = deque(maxlen=int(WINDOW_SECS))
        self._task: asyncio.Task | None = None

    def start(self) -> None:
        """Begin to measure the running loop."""
        self._task = self._task or asyncio.create_task(self._measure(), name="load gauge")

    def stop(self) -> None:
        """Stop measuring."""
        if self._task:
            self._task.cancel()
            self._task = None

    @property
    def lag_ms(self) -> float:
        """The p99 of the loop's lateness; 0 in the first five seconds."""
        return p99(self._late) * 1000 if len(self._late) * 2 > (self._late.maxlen or 0) else 0.0

    @property
    def cpu(self) -> float:
        """The share of one core that this process took, all threads."""
        return _share(self._marks)

    async def _measure(self) -> None:
        loop = asyncio.get_running_loop()
        due, next_mark = loop.time(), 0.0
        while True:
            due += TICK_SECS
            await asyncio.sleep(due - loop.time())
            now = loop.time()
            self._late.append(max(0.0, now - due))
            if now >= next_mark:
                self._marks.append((now, time.process_time()))
                next_mark = now + 1
            due = max(due, now - TICK_SECS)


class MachineGauge:
    """The share of all cores that the machine was busy, over ten seconds."""

    def __init__(self):
        """Initialize the gauge."""
        self._marks: deque[tuple[float, float]] = deque(maxlen=int(WINDOW_SECS))

    def mark(self) -> None:
        """Take a sample; once a second."""
        self._marks.append((time.monotonic(), _busy_secs()))

    @property
    def cpu(self) -> float:
        """0 to 1."""
        if sys.platform != "linux":
            return os.getloadavg()[0] / (os.cpu_count() or 1)
        return _share(self._marks) / (os.cpu_count() or 1)


def p99(values) -> float:
    """The value that one in a hundred exceeds; 0 of nothing."""
    ordered = sorted(values)
    return ordered[math.ceil(0.99 * len(ordered)) - 1] if ordered else 0.0


def resident_mb(pid: int) -> float:
    """Memory a process holds, MB; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20
    except OSError:
        return 0.0


def _share(marks: deque[tuple[float, float]]) -> float:
    if len(marks) < 2:
        return 0.0
    (began, before), (now, after) = marks[0], marks[-1]
    return (after - before) / (now - began)


def _busy_secs() -> float:
    if sys.platform != "linux":
        return 0.0
    user, nice, system, _idle, _wait, irq, softirq, *_ = (
        int(field) for field in Path("/proc/stat").read_text().split(None, 9)[1:9]
    )
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")

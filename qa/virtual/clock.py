"""Virtual time: the interpreter's clocks follow one number while a virtual loop runs.

``time.monotonic`` and ``perf_counter`` are dispatchers on the module. The wall clock
(``time.time``, ``datetime.now``) is time-machine's, which patches in C and so reaches
references captured at import, such as dataclass default factories.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import time_machine

MONOTONIC_START = 1000.0
"""Never 0: Pipecat's SystemClock, TTFB metrics and smart turn read 0 as "not started"."""

real_monotonic = time.monotonic
real_perf_counter = time.perf_counter
real_sleep = time.sleep


class VirtualClock:
    """Seconds that move only when told to.

    Parameters:
        now: Virtual ``time.monotonic()``, seconds.
        jumps: How often the clock was advanced.
    """

    def __init__(self, *, wall_start_ns: int):
        """Start at ``MONOTONIC_START``, which is ``wall_start_ns`` of the wall clock."""
        self.now = MONOTONIC_START
        self.jumps = 0
        self._wall_start_ns = wall_start_ns
        self._wall: Any = None

    def advance_to(self, when: float) -> None:
        """Move forward to ``when``; the past is ignored."""
        if when > self.now:
            self.now = when
            self.jumps += 1
            if self._wall is not None:
                # shift() and move_to() go through datetime and lose nanoseconds.
                self._wall._destination_timestamp_ns = self.wall_ns()

    def elapsed(self) -> float:
        """Virtual seconds since the start."""
        return self.now - MONOTONIC_START

    def monotonic_ns(self) -> int:
        """Virtual ``time.monotonic_ns()``."""
        return round(self.now * 1e9)

    def wall_ns(self) -> int:
        """Virtual ``time.time_ns()``."""
        return self._wall_start_ns + round((self.now - MONOTONIC_START) * 1e9)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make this the interpreter's clock for the block; the calling thread owns it."""
        global _active
        if _active is not None:
            raise RuntimeError("a virtual clock is running already in this process")
        _install()
        traveller = time_machine.travel(self._wall_start_ns / 1e9, tick=False)
        self._wall = traveller.start()
        self._wall._destination_timestamp_ns = self.wall_ns()
        _active = _Active(self, threading.get_ident())
        try:
            yield
        finally:
            _active = None
            self._wall = None
            traveller.stop()


@dataclass
class Job:
    """A thread's job that runs inline.

    Parameters:
        slept: Virtual seconds it spent in ``time.sleep``.
    """

    slept: float = 0.0


@dataclass
class _Active:
    clock: VirtualClock
    thread: int
    job: Job | None = None


_active: _Active | None = None


@contextmanager
def inline_job() -> Iterator[Job]:
    """Run a job that stands for a worker thread: its sleeps are counted, not slept."""
    job = Job()
    outer = _active.job if _active else None
    if _active:
        _active.job = job
    try:
        yield job
    finally:
        if _active:
            _active.job = outer


def _virtual_sleep(seconds: float) -> None:
    """In an inline job: part of the job's duration. On the loop: moves the clock. Else: real."""
    active = _active
    if active is None or threading.get_ident() != active.thread:
        real_sleep(seconds)
    elif active.job:
        active.job.slept += seconds
    else:
        active.clock.advance_to(active.clock.now + seconds)


def _dispatcher(real: Callable, virtual: Callable[[VirtualClock], float]) -> Callable:
    def read():
        active = _active
        return real() if active is None else virtual(active.clock)

    read.__name__ = read.__qualname__ = real.__name__
    return read


def _install() -> None:
    """Put the dispatchers in place, once a process; they read real time while no clock runs."""
    if time.sleep is _virtual_sleep:
        return
    time.monotonic = _dispatcher(time.monotonic, lambda c: c.now)
    time.perf_counter = _dispatcher(time.perf_counter, lambda c: c.now)
    time.monotonic_ns = _dispatcher(time.monotonic_ns, VirtualClock.monotonic_ns)
    time.perf_counter_ns = _dispatcher(time.perf_counter_ns, VirtualClock.monotonic_ns)
    time.sleep = _virtual_sleep

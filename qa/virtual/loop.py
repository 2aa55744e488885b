# pyright: reportAttributeAccessIssue=false
"""The event loop of a replay: time jumps to the next timer when nothing else is left to do.

What makes two runs equal to the byte: timers of one instant fire in the order they were set,
jobs for threads run inline where they are submitted, ``random`` and ``uuid`` are seeded, and the
clock never moves while anything is ready.
"""

import asyncio
import contextlib
import gc
import heapq
import random
import selectors
import uuid
from asyncio import events
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context
from typing import Any, TypeVar

import anyio.to_thread

from qa.virtual.clock import MONOTONIC_START, VirtualClock, inline_job
from qa.virtual.hermetic import HermeticLoop, no_way_out

T = TypeVar("T")
Cost = Callable[[Callable, Any], float]
STUCK_SECS = 2.0


class ReplayDeadlock(RuntimeError):
    """Nothing is ready, nothing is due, and the work is not done."""


class ReplayOverrun(RuntimeError):
    """The work took more virtual time than it was given."""


class VirtualLoop(HermeticLoop):
    """An asyncio loop on a :class:`VirtualClock`.

    Attributes:
        clock: Its time.
        jobs: How many thread jobs ran inline.
        limit: Virtual seconds after the start at which :class:`ReplayOverrun` is raised.
    """

    def __init__(self, clock: VirtualClock, *, cost: Cost | None = None):
        """Initialize the loop.

        Args:
            clock: Its time.
            cost: Virtual seconds that a thread job took, by its function and result; 0 when None.
        """
        self.clock = clock
        self.jobs = 0
        self.limit: float | None = None
        self._cost = cost
        self._timer_number = 0
        self._holds = 0
        super().__init__(_JumpSelector(self))
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Virtual seconds."""
        return self.clock.now

    def call_at(self, when, callback, *args, context=None):
        """Call at a time; timers of one instant fire in the order they were set."""
        self._check_closed()
        timer = _Timer(round(when, 9), callback, args, self, context)
        self._timer_number += 1
        timer.number = self._timer_number
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    def call_later(self, delay, callback, *args, context=None):
        """Call after a delay; one too short for the clock's nanoseconds is one of them.

        Code that sleeps until a time and finds it is not quite there yet would do so forever.
        """
        delay = max(delay, 1e-9) if delay > 0 else delay
        return self.call_at(self.clock.now + delay, callback, *args, context=context)

    def run_in_executor(self, executor, func, *args):
        """Run a thread's job here and now; its result is delivered after its virtual cost."""
        self._check_closed()
        self.jobs += 1
        future = self.create_future()
        result = error = None
        with inline_job() as job:
            events._set_running_loop(None)  # as in a worker thread
            try:
                result = func(*args)
            except Exception as e:
                error = e
            finally:
                events._set_running_loop(self)
        delay = job.slept + (self._cost(func, result) if self._cost else 0.0)

        def deliver(*_):
            if not future.done():
                future.set_exception(error) if error else future.set_result(result)

        if delay:
            self.call_later(delay, deliver)
        else:
            self.call_soon(deliver)
        return future

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Freeze the clock while something outside really works (a thread, a live vendor)."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1


class _Timer(asyncio.TimerHandle):
    __slots__ = ("number",)

    def __lt__(self, other):
        if isinstance(other, _Timer):
            return (self._when, self.number) < (other._when, other.number)
        return NotImplemented


class _JumpSelector(selectors.BaseSelector):
    """Instead of waiting for the next timer, moves the clock to it."""

    def __init__(self, loop: VirtualLoop):
        self._loop = loop
        self._real = selectors.DefaultSelector()

    def register(self, fileobj, selected, data=None):
        return self._real.register(fileobj, selected, data)

    def unregister(self, fileobj):
        return self._real.unregister(fileobj)

    def modify(self, fileobj, selected, data=None):
        return self._real.modify(fileobj, selected, data)

    def get_map(self):
        return self._real.get_map()

    def close(self):
        self._real.close()

    def select(self, timeout=None):
        loop = self._loop
        if timeout == 0:
            return []
        if loop._holds:
            return self._real.select(1.0)
        if not loop._scheduled:
            # A foreign thread may still call back; after a while it is a deadlock.
            ready = self._real.select(STUCK_SECS)
            if ready or loop._ready:
                return ready
            raise ReplayDeadlock(
                f"at {loop.clock.elapsed():.3f} s nothing is due and nothing is ready: a task "
                "waits for something that only a real thread or socket could bring"
            )
        when = loop._scheduled[0]._when
        if loop.limit is not None and when - MONOTONIC_START > loop.limit:
            limit, loop.limit = loop.limit, None
            raise ReplayOverrun(
                f"the replay was not over after {limit:.0f} virtual seconds: the code under "
                "replay waits for something the tape does not bring"
            )
        loop.clock.advance_to(when)
        return []


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed ``random`` and ``uuid.uuid4``, also where it was imported by name."""
    draws = random.Random(seed)
    state = random.getstate()
    random.seed(seed)
    module: Any = uuid
    real_os = module.os

    class SeededOs:
        def __getattr__(self, name):
            return getattr(real_os, name)

        @staticmethod
        def urandom(count):
            return draws.randbytes(count)

    module.os = SeededOs()
    try:
        yield
    finally:
        module.os = real_os
        random.setstate(state)


@contextlib.contextmanager
def anyio_jobs_inline() -> Iterator[None]:
    """Hand anyio's thread jobs to the loop: its own threads would race the virtual clock."""
    threads: Any = anyio.to_thread
    real = threads.run_sync

    async def run_sync(func: Callable, *args: Any, **_options: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(None, func, *args)

    threads.run_sync = run_sync
    try:
        yield
    finally:
        threads.run_sync = real


@contextlib.contextmanager
def rare_collections() -> Iterator[None]:
    """Collect garbage rarely, and once at the end: a sixth of a replay's time.

    What was there before is left out of collections; a session leaves cycles of about 100 MB.
    """
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(200_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.collect()
        gc.unfreeze()


def run(
    main: Callable[[VirtualLoop], Coroutine[Any, Any, T]],
    *,
    wall_start_ns: int,
    seed: int = 0,
    cost: Cost | None = None,
    limit_secs: float | None = None,
) -> T:
    """Run a coroutine in virtual time, cut off from the outside.

    Args:
        main: Called with the loop; its coroutine is run to the end.
        wall_start_ns: What the wall clock says at the start, nanoseconds.
        seed: Of ``random`` and ``uuid``.
        cost: See :class:`VirtualLoop`.
        limit_secs: Virtual seconds it may take.

    Returns:
        What ``main`` returns.

    Raises:
        ReplayOverrun: It took longer than ``limit_secs``.
        ReplayDeadlock: It waits for something that cannot come.
    """
    clock = VirtualClock(wall_start_ns=wall_start_ns)
    with seeded(seed), anyio_jobs_inline(), rare_collections(), clock.active(), no_way_out():
        loop = VirtualLoop(clock, cost=cost)
        loop.limit = limit_secs
        asyncio.set_event_loop(loop)
        try:
            # In a context of its own: of whose work was done here before, nothing is known.
            return Context().run(lambda: loop.run_until_complete(main(loop)))
        finally:
            try:
                _cancel_all(loop)
                loop.run_until_complete(loop.shutdown_asyncgens())
            finally:
                asyncio.set_event_loop(None)
                loop.close()


def _cancel_all(loop: VirtualLoop) -> None:
    loop.limit = loop.clock.elapsed() + 60
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

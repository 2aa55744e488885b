"""The vision pool: processes in which pictures are read, redacted, resized and encoded.

Sized apart from whatever reasons (``VIVACE_VISION_WORKERS``), one for all sessions of a process,
started with its first picture. On a virtual clock its work is done in place, so a replay is exact.
"""

import asyncio
import atexit
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from typing import TypeVar

from loguru import logger

T = TypeVar("T")

WORKERS = "VIVACE_VISION_WORKERS"
PRELOAD = ["sessions.vision.picture"]


class VisionPool:
    """A pool of processes for work on pictures."""

    def __init__(self, workers: int = 0, *, nice: int = 0):
        """Make a pool; nothing is started.

        Args:
            workers: How many processes; ``VIVACE_VISION_WORKERS``, or half of the cores, when 0.
            nice: By how much the processes give way to others.
        """
        self._nice = nice
        self.workers = workers or int(os.environ.get(WORKERS) or 0) or default_workers()
        self._executor: ProcessPoolExecutor | None = None
        atexit.register(self.stop)

    async def run(self, work: Callable[..., T], *args: object) -> T:
        """Do work in the pool.

        Args:
            work: A function of a module that does without Pipecat: it is imported there.
            *args: Picklable.

        Raises:
            BrokenProcessPool: Two processes died of it, one after the other.
        """
        loop = asyncio.get_running_loop()
        executor = self._started()
        try:
            return await loop.run_in_executor(executor, work, *args)
        except BrokenProcessPool:
            logger.warning(f"A vision process died in {getattr(work, '__name__', work)}; a new one")
            if self._executor is executor:
                self.stop()
            return await loop.run_in_executor(self._started(), work, *args)

    async def warm(self) -> None:
        """Have the processes up before the first picture comes."""
        await asyncio.gather(*(self.run(_ready) for _ in range(self.workers)))

    def stop(self) -> None:
        """End the processes; the next work starts new ones."""
        executor, self._executor = self._executor, None
        if executor:
            executor.shutdown(wait=False, cancel_futures=True)

    def _started(self) -> ProcessPoolExecutor:
        if self._executor is None:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(PRELOAD)
            self._executor = _Executor(
                self.workers, mp_context=context, initializer=_begin, initargs=(self._nice,)
            )
        return self._executor


class _Executor(ProcessPoolExecutor):
    """Starts its processes in a thread: Pipecat's loop would stand still for 0.2 s."""

    _up = False

    def submit(self, fn, /, *args, **kwargs):
        if self._up:
            return super().submit(fn, *args, **kwargs)
        future: Future = Future()

        def start():
            if not future.set_running_or_notify_cancel():
                return
            try:
                done = super(_Executor, self).submit(fn, *args, **kwargs)
                self._up = True
                future.set_result(done.result())
            except Exception as error:
                future.set_exception(error)

        threading.Thread(target=start, daemon=True).start()
        return future


@cache
def vision_pool() -> VisionPool:
    """The pool of this process."""
    return VisionPool()


@cache
def reading_pool() -> VisionPool:
    """The process that reads screens: no picture waits for a reading, and no call for its core."""
    return VisionPool(1, nice=10)


def default_workers() -> int:
    """Half of the cores, so that hearing and reasoning keep theirs."""
    return max(1, (os.cpu_count() or 2) // 2)


def _begin(nice: int) -> None:
    """Prepare a process: Ctrl-C is its parent's, and it outlives nobody."""
    os.nice(nice)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent:
        threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent) -> None:
    parent.join()
    os._exit(0)


def _ready() -> int:
    return os.getpid()

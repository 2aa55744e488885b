# pyright: reportAttributeAccessIssue=false
"""One queue for all observers of a pipeline, instead of one each: a third of a replay's time.

Pipecat hands every push and every processed frame to a queue and a task of each observer. In a
replay nobody is slow, so one queue and one task hand them round, and what no observer overrides
is not handed round at all. What observers see, and in which order, is the same.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from loguru import logger
from pipecat.observers.base_observer import BaseObserver, FrameProcessed, FramePushed
from pipecat.pipeline.worker_observer import WorkerObserver


@contextmanager
def one_queue() -> Iterator[None]:
    """Let the worker observers made in the block share one queue."""
    names = ("setup", "cleanup", "on_push_frame", "on_process_frame")
    stock = {name: getattr(WorkerObserver, name) for name in names}

    async def setup(self, task_manager):
        await stock["setup"](self, task_manager)
        self._one_queue = asyncio.Queue()
        self._one_task = self.create_task(_hand_round(self))

    async def cleanup(self):
        task, self._one_task = getattr(self, "_one_task", None), None
        if task:
            await self.cancel_task(task)
        await stock["cleanup"](self)

    async def on_push_frame(self, data: FramePushed):
        if not self._proxies:
            return
        data.first_push = data.frame.id not in self._frames_pushed
        if data.first_push:
            self._frames_pushed[data.frame.id] = data.frame
        if watchers := _watchers(self)[0 if data.first_push else 1]:
            self._one_queue.put_nowait((watchers, data))

    async def on_process_frame(self, data: FrameProcessed):
        if self._proxies and (watchers := _watchers(self)[2]):
            self._one_queue.put_nowait((watchers, data))

    for function in (setup, cleanup, on_push_frame, on_process_frame):
        setattr(WorkerObserver, function.__name__, function)
    try:
        yield
    finally:
        for name, function in stock.items():
            setattr(WorkerObserver, name, function)


def _watchers(worker: WorkerObserver) -> tuple[list, list, list]:
    """The observers of first pushes, of every push, and of processing."""
    observers = tuple(worker._proxies or ())
    if getattr(worker, "_watched_by", None) != observers:
        worker._watched_by = observers
        worker._watchers = (
            list(observers),
            [o for o in observers if o.observe_every_push],
            [o for o in observers if type(o).on_process_frame is not BaseObserver.on_process_frame],
        )
    return worker._watchers


async def _hand_round(worker: WorkerObserver) -> None:
    queue = worker._one_queue
    while True:
        watchers, data = await queue.get()
        for observer in watchers:
            try:
                if isinstance(data, FramePushed):
                    await observer.on_push_frame(data)
                else:
                    await observer.on_process_frame(data)
            except Exception as e:
                logger.error(f"{observer} failed and would be dead by now: {e!r}")

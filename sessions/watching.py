"""Who watches a call is told only of what they look at.

Pipecat hands every frame, at every processor that takes it and that passes it on, to a queue and a
task of each observer: thousands of times a second a call, and nearly all of it is sound.
"""

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputImageRawFrame,
    OutputAudioRawFrame,
    OutputImageRawFrame,
    TTSAudioRawFrame,
)
from pipecat.observers.base_observer import BaseObserver, FrameProcessed, FramePushed
from pipecat.observers.turn_tracking_observer import TurnTrackingObserver
from pipecat.observers.user_bot_latency_observer import UserBotLatencyObserver
from pipecat.pipeline.worker import IdleFrameObserver, PipelineWorker
from pipecat.pipeline.worker_observer import WorkerObserver
from pipecat.processors.frameworks.rtvi import RTVIObserver
from pipecat.transports.base_output import BaseOutputTransport

STREAMS = InputAudioRawFrame, InputImageRawFrame, OutputAudioRawFrame, OutputImageRawFrame

# What Pipecat's own look at. The session never asks RTVI for the levels of sound.
STOCK: dict[type[BaseObserver], tuple[type[Frame], ...]] = {
    RTVIObserver: (),
    TurnTrackingObserver: (),
    UserBotLatencyObserver: (TTSAudioRawFrame,),
}


class Watcher(BaseObserver):
    """An observer of the house: told once of each frame, and of streams only where it asks."""

    streams: tuple[type[Frame], ...] = ()
    """Which of :data:`STREAMS` it looks at."""

    def __init__(self):
        """Initialize the watcher."""
        super().__init__(observe_every_push=False)


def tell_only_whom_it_concerns(worker: PipelineWorker) -> None:
    """Let a worker's observers be told of what they look at. Call it before the worker runs.

    Args:
        worker: One whose observers are this module's, Pipecat's, or anybody else's, who are told
            of everything.
    """
    worker._observer = _ConcernedObserver(observers=worker._observer._observers)


class _ConcernedObserver(WorkerObserver):
    """Pipecat's, which asks first whom a kind of frame concerns."""

    def __init__(self, *, observers: list[BaseObserver]):
        super().__init__(observers=observers)
        self._concerned: dict[type[Frame], list] = {}

    def add_observer(self, observer: BaseObserver):
        super().add_observer(observer)
        self._concerned.clear()

    async def remove_observer(self, observer: BaseObserver):
        await super().remove_observer(observer)
        self._concerned.clear()

    async def on_process_frame(self, data: FrameProcessed):
        for observer, proxy in (self._proxies or {}).items():
            if type(observer).on_process_frame is not BaseObserver.on_process_frame:
                proxy.queue.put_nowait(data)

    async def on_push_frame(self, data: FramePushed):
        if not self._proxies:
            return
        frame = data.frame
        kind = type(frame)
        if kind is TTSAudioRawFrame and isinstance(data.source, BaseOutputTransport):
            kind = OutputAudioRawFrame  # played: no news of the mouth any more
        proxies = self._concerned.get(kind)
        if proxies is None:
            proxies = [p for p in self._proxies.values() if _concerns(kind, p.observer)]
            self._concerned[kind] = proxies
        if not proxies:
            return
        data.first_push = frame.id not in self._frames_pushed
        if data.first_push:
            self._frames_pushed[frame.id] = frame
        for proxy in proxies:
            if data.first_push or proxy.observer.observe_every_push:
                proxy.queue.put_nowait(data)


def _concerns(kind: type[Frame], observer: BaseObserver) -> bool:
    if not issubclass(kind, STREAMS):
        return True
    if isinstance(observer, Watcher):
        asked = observer.streams
    elif isinstance(observer, IdleFrameObserver):
        asked = observer._idle_timeout_frames
    else:
        asked = STOCK.get(type(observer))
    return asked is None or issubclass(kind, asked)

"""Observers are told of what they look at, and of nothing else."""

import asyncio

import pytest
from pipecat.frames.frames import (
    EndFrame,
    InputAudioRawFrame,
    OutputAudioRawFrame,
    TextFrame,
    TranscriptionFrame,
)
from pipecat.observers.base_observer import BaseObserver
from pipecat.observers.turn_tracking_observer import TurnTrackingObserver
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.pipeline.worker_observer import WorkerObserver
from pipecat.processors.filters.identity_filter import IdentityFilter
from pipecat.workers.runner import WorkerRunner

from sessions.watching import STOCK, STREAMS, Watcher, tell_only_whom_it_concerns

SOUND = bytes(640)
SENT = (
    InputAudioRawFrame(SOUND, 16000, 1),
    TextFrame("hello"),
    OutputAudioRawFrame(SOUND, 16000, 1),
    TranscriptionFrame("hello", "caller", ""),
)
KINDS = tuple(type(frame) for frame in SENT)


class Everything(BaseObserver):
    """Anybody's observer, which looks at every push and at every frame that is processed."""

    def __init__(self):
        super().__init__()
        self.pushed, self.processed = [], []

    async def on_push_frame(self, data):
        if isinstance(data.frame, KINDS):
            self.pushed.append((data.frame.id, str(data.source), data.first_push))

    async def on_process_frame(self, data):
        if isinstance(data.frame, KINDS):
            self.processed.append((data.frame.id, str(data.processor)))


class Words(Watcher):
    """A watcher of the house that looks at no stream."""

    def __init__(self):
        super().__init__()
        self.seen = []

    async def on_push_frame(self, data):
        if isinstance(data.frame, KINDS):
            self.seen.append(type(data.frame))


class Sounds(Words):
    """One that looks at what the bot plays."""

    streams = (OutputAudioRawFrame,)


async def watched(*observers, concerned: bool):
    parts = [IdentityFilter(name=name) for name in ("a", "b")]
    worker = PipelineWorker(Pipeline(parts), observers=[*observers], enable_rtvi=False)
    if concerned:
        tell_only_whom_it_concerns(worker)
    await worker.queue_frames([*SENT, EndFrame()])
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    async with asyncio.timeout(10):
        await runner.run()


@pytest.mark.parametrize("concerned", [True, False])
async def test_an_observer_of_anybody_s_is_told_what_pipecat_tells_it(concerned):
    anybody = Everything()
    await watched(anybody, concerned=concerned)
    for frame in SENT:
        pushes = [first for id, _, first in anybody.pushed if id == frame.id]
        assert pushes == [True] + [False] * (len(pushes) - 1) and len(pushes) >= 3
        assert len([id for id, _ in anybody.processed if id == frame.id]) >= 3


async def test_a_watcher_is_told_once_and_of_streams_where_it_asks():
    words, sounds = Words(), Sounds()
    await watched(words, sounds, concerned=True)
    assert sorted(kind.__name__ for kind in words.seen) == ["TextFrame", "TranscriptionFrame"]
    assert sorted(kind.__name__ for kind in sounds.seen) == [
        "OutputAudioRawFrame",
        "TextFrame",
        "TranscriptionFrame",
    ]


async def test_one_who_joins_late_is_told_and_one_who_left_is_not():
    early, late = Words(), Everything()
    part = IdentityFilter()
    worker = PipelineWorker(Pipeline([part]), observers=[early], enable_rtvi=False)
    tell_only_whom_it_concerns(worker)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    async with asyncio.timeout(10):
        await worker.queue_frame(SENT[1])
        while not early.seen:
            await asyncio.sleep(0.01)
        worker.add_observer(late)
        await worker.remove_observer(early)
        await worker.queue_frames([InputAudioRawFrame(SOUND, 16000, 1), EndFrame()])
        await running
    assert late.pushed and len(early.seen) == 1


def test_the_private_names_of_pipecat_that_are_used_exist():
    worker = PipelineWorker(Pipeline([IdentityFilter()]), observers=[])
    assert type(worker._observer) is WorkerObserver
    assert {"_observers", "_proxies", "_frames_pushed"} <= vars(worker._observer).keys()
    assert any(type(o) is TurnTrackingObserver for o in worker._observer._observers)


def test_pipecat_s_own_observers_look_at_no_stream_that_they_are_not_told_of():
    import inspect

    for observer, streams in STOCK.items():
        source = inspect.getsource(inspect.getmodule(observer))
        named = {
            kind.__name__ for kind in STREAMS if f"isinstance(frame, {kind.__name__})" in source
        }
        named -= {kind.__name__ for kind in streams}
        if observer.__name__ == "RTVIObserver":
            named -= {"InputAudioRawFrame"}  # for its levels, off unless asked for
        assert not named, f"{observer.__name__} looks at {named}"

"""Callers of one Daily room are mixed; callers of two rooms never meet."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np
from pipecat.frames.frames import UserAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.types import DailyRunnerArguments
from pipecat.workers.runner import WorkerRunner

from sessions.doors import open_door
from sessions.policy import OPEN
from tests.doors.dialing import until
from tests.doubles import daily_sdk
from tests.doubles.heard import silence, tone


class Ears(FrameProcessor):
    def __init__(self):
        super().__init__()
        self.frames: list[UserAudioRawFrame] = []

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, UserAudioRawFrame):
            self.frames.append(frame)
        await self.push_frame(frame, direction)

    @property
    def peak(self) -> int:
        heard = b"".join(frame.audio for frame in self.frames)
        return int(np.abs(np.frombuffer(heard, np.int16).astype(int)).max(initial=0))


@asynccontextmanager
async def listening_in(url: str):
    transport = await open_door(DailyRunnerArguments(room_url=url, token="t"), sees={}, policy=OPEN)
    ears = Ears()
    worker = PipelineWorker(Pipeline([transport.input(), ears, transport.output()]))
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    task = asyncio.create_task(runner.run())
    room = daily_sdk.CLOUD.room(url)
    await until(lambda: room.bots)
    try:
        yield room, ears
    finally:
        await runner.cancel()
        await asyncio.wait_for(task, 5)


async def enters(room):
    caller = room.enter()
    await until(lambda: caller.is_heard)
    return caller


async def test_a_call_never_hears_the_caller_of_another_call_in_the_same_process(monkeypatch):
    daily_sdk.install(monkeypatch)
    async with listening_in("https://x/one") as (one, ears_one):
        async with listening_in("https://x/two") as (two, ears_two):
            talks, listens = await enters(one), await enters(two)
            await talks.say(tone(0.2))
            await listens.say(silence(0.2))
            await until(lambda: len(ears_one.frames) == len(ears_two.frames) == 10)
            assert ears_one.peak > 10000
            assert ears_two.peak == 0


async def test_two_callers_of_a_room_are_one_stream_tagged_with_who_talks(monkeypatch):
    daily_sdk.install(monkeypatch)
    async with listening_in("https://x/room") as (room, ears):
        quiet, loud = await enters(room), await enters(room)
        for _ in range(10):
            await quiet.say(silence(0.02))
            await loud.say(tone(0.02))
        await until(lambda: len(ears.frames) >= 10)
        await asyncio.sleep(0.05)
        assert len(ears.frames) == 10
        alone, *mixed = ears.frames  # the first one came before there was anything to mix
        assert alone.user_id == quiet.id
        assert {frame.user_id for frame in mixed} == {loud.id}


async def test_a_caller_whose_microphone_stops_does_not_hold_up_the_others(monkeypatch):
    daily_sdk.install(monkeypatch)
    async with listening_in("https://x/room") as (room, ears):
        gone, talks = await enters(room), await enters(room)
        await gone.say(silence(0.02))
        await talks.say(tone(0.4))
        await until(lambda: len(ears.frames) == 21)
        await gone.hang_up()
        await talks.say(tone(0.2))
        await until(lambda: len(ears.frames) == 31)

"""A room whose participants come in each on a track of their own, through Daily's own transport."""

import asyncio

from pipecat.frames.frames import UserAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.types import DailyRunnerArguments
from pipecat.workers.runner import WorkerRunner

from sessions.attendance import watch_attendance
from sessions.doors import _params, open_door
from sessions.policy import OPEN
from tests.doors.dialing import until
from tests.doubles import daily_sdk
from tests.doubles.heard import tone

URL = "https://test.daily.co/meeting"


class Ears(FrameProcessor):
    def __init__(self):
        super().__init__()
        self.heard: dict[str, bytes] = {}

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, UserAudioRawFrame):
            self.heard[frame.user_id] = self.heard.get(frame.user_id, b"") + frame.audio
        await self.push_frame(frame, direction)


async def test_daily_participants_are_known_by_name_and_heard_on_their_own(monkeypatch):
    daily_sdk.install(monkeypatch)
    transport = await open_door(
        DailyRunnerArguments(room_url=URL, token="t"), sees={}, policy=OPEN, tracks=True
    )
    names: dict[str, str | None] = {}
    gone: list[str] = []
    watch_attendance(transport, joined=names.__setitem__, left=gone.append)
    ears = Ears()
    worker = PipelineWorker(Pipeline([transport.input(), ears, transport.output()]))
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    try:
        room = daily_sdk.CLOUD.room(URL)
        await until(lambda: room.bots)
        ana, ben = room.enter(name="Ana"), room.enter(name="Ben")
        await until(lambda: ana.is_heard and ben.is_heard)
        await asyncio.gather(ana.say(tone(0.2)), ben.say(bytes(6400)))
        await until(lambda: len(ears.heard) == 2)
        assert set(names.values()) == {"Ana", "Ben"} and set(names) == set(ears.heard)
        of = {name: ears.heard[id] for id, name in names.items()}
        assert any(of["Ana"]) and not any(of["Ben"])
        await ben.hang_up()
        await until(lambda: gone)
        assert names[gone[0]] == "Ben"
    finally:
        await runner.cancel()
        await asyncio.wait_for(running, 5)


def test_livekit_is_asked_for_tracks_or_a_mix_as_the_bot_wants():
    for tracks in (True, False):
        params = _params("livekit", {}, {}, tracks=tracks)
        assert getattr(params, "audio_in_user_tracks") is tracks  # noqa: B009

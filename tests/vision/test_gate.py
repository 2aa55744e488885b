"""At the door: frames nobody wants are never converted, and the transport's rate is driven."""

import asyncio
from types import SimpleNamespace

import av
import numpy as np
import pytest
from aiortc import VideoStreamTrack

from serving.webrtc import CallerConnection, CallerVideoTrack
from tests.support.scenes import scenes
from tests.support.virtual_call import calling, virtually
from tests.vision.test_seeing import DESK, SCRIPT, SIZE, Bot, film


class Frames(VideoStreamTrack):
    """A decoded frame every 10 ms."""

    def __init__(self):
        super().__init__()
        self.given = 0

    async def recv(self):
        await asyncio.sleep(0.01)
        frame = av.VideoFrame.from_ndarray(np.zeros((36, 64), np.uint8), format="gray")
        frame.pts, self.given = self.given, self.given + 1
        return frame


@pytest.fixture
async def track():
    connection = CallerConnection()
    receiver = SimpleNamespace(track=Frames(), _enabled=False)
    track = CallerVideoTrack(receiver, source="camera", connection=connection)
    yield track
    track.stop()
    await connection.disconnect()


async def test_only_wanted_frames_leave_the_track(track):
    track._connection.gate_pictures(lambda source, frame: source == "camera" and frame.pts == 5)
    assert (await track.recv()).pts == 5
    track._connection.gate_pictures(None)
    assert (await track.recv()).pts == 6


async def test_a_track_of_which_nothing_is_wanted_says_so_before_the_transport_warns(track):
    track.UNWANTED_SECS = 0.1
    track._connection.gate_pictures(lambda source, frame: False)
    assert await asyncio.wait_for(track.recv(), 1.0) is None


@pytest.mark.slow
async def test_a_real_line_of_720p_gives_one_picture_a_second():
    from tests.support.video_line import measure, packets

    load = await measure(True, packets(), secs=4.0)
    assert 0.7 <= load.pictures <= 1.3


def test_a_transport_without_a_gate_is_asked_for_more_frames_when_something_moves():
    bot = Bot()
    asked = []

    async def capture(user_id, framerate=30, video_source="camera", **_):
        asked.append((user_id, framerate, video_source))

    async def scenario():
        async with calling(bot, script=SCRIPT) as call:
            call.session.transport.capture_participant_video = capture
            await film(call, 3, scene=DESK)
            assert asked == [("caller", 5, "camera")]
            await film(call, 3, scene=scenes(seed=5, size=SIZE)["hand-held-walk"])
            assert asked[-1] == ("caller", 15, "camera")

    virtually(scenario)

"""Every door opens with the house parameters, or says what to do."""

import sys
from types import SimpleNamespace

import pytest
from pipecat.evals.serializer import EvalConnectionFlags, eval_connect_message
from pipecat.frames.frames import InputAudioRawFrame, InputTransportMessageFrame
from pipecat.frames.protobufs import frames_pb2
from pipecat.runner.types import (
    DailyRunnerArguments,
    LiveKitRunnerArguments,
    RunnerArguments,
    SmallWebRTCRunnerArguments,
    VonageRunnerArguments,
    WebSocketRunnerArguments,
)
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from starlette.datastructures import Address

from sessions.caller_frames import CallerFrames
from sessions.doors import DoorError, open_door
from sessions.policy import HIPAA, OPEN, VendorNotAllowed
from tests.doubles import daily_sdk

SEES = {"camera": 2, "screenVideo": 1}


def daily_arguments(**more):
    return DailyRunnerArguments(room_url="https://x.daily.example/r", token="t", **more)


def livekit_arguments():
    return LiveKitRunnerArguments(room_name="r", url="ws://127.0.0.1:1", token="t")


class Stream:
    """An accepted WebSocket that has said a few things."""

    def __init__(self, *said: str, host: str = "203.0.113.9"):
        self.headers = {}
        self.client = Address(host, 1)
        self._said = said

    async def iter_text(self):
        for text in self._said:
            yield text


TWILIO = '{"event": "start", "start": {"streamSid": "MZ1", "callSid": "CA1"}}'


async def params_of(arguments):
    transport = await open_door(arguments, sees=SEES, policy=OPEN)
    return transport._params


async def test_rooms_and_browsers_get_the_sampled_video_sources(monkeypatch):
    daily_sdk.install(monkeypatch)
    webrtc = SmallWebRTCRunnerArguments(webrtc_connection=SmallWebRTCConnection())
    for arguments in (webrtc, daily_arguments(), livekit_arguments()):
        params = await params_of(arguments)
        assert {s: p.framerate for s, p in params.video_in_sources.items()} == SEES
        assert (params.audio_out_10ms_chunks, params.audio_out_end_silence_secs) == (2, 1)


async def test_livekit_is_mixed_and_keeps_only_a_short_queue():
    params = await params_of(livekit_arguments())
    assert not params.audio_in_user_tracks
    assert 100 <= params.audio_out_queue_size_ms <= 200


async def test_a_door_without_sight_asks_for_no_video(monkeypatch):
    monkeypatch.setenv("TELNYX_API_KEY", "key")
    telnyx = '{"stream_id": "1", "start": {"call_control_id": "2", "media_format": {}}}'
    for arguments in (
        WebSocketRunnerArguments(websocket=Stream(telnyx)),
        WebSocketRunnerArguments(websocket=Stream(), transport_type="websocket"),
    ):
        params = await params_of(arguments)
        assert params.audio_in_enabled and not params.video_in_enabled
        assert params.serializer


async def test_a_replay_brings_its_own_transport():
    class ReplayArguments(RunnerArguments):
        async def open_transport(self, params):
            return SimpleNamespace(params=params)

    transport = await open_door(ReplayArguments(), sees=SEES, policy=HIPAA)
    assert set(transport.params.video_in_sources) == set(SEES)


async def test_a_dial_in_is_put_through_with_the_key_of_the_environment(monkeypatch):
    daily_sdk.install(monkeypatch)
    monkeypatch.setenv("DAILY_API_KEY", "key")
    monkeypatch.delenv("DAILY_API_URL", raising=False)
    call = {"call_id": "c", "call_domain": "d"}
    body = {"dialin_settings": call, "daily_api_key": "", "daily_api_url": ""}
    params = await params_of(daily_arguments(body=body))
    assert (params.dialin_settings.call_id, params.api_key) == ("c", "key")
    assert params.api_url == "https://api.daily.co/v1"


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        (VonageRunnerArguments("a", "b", "c"), "No door for VonageRunnerArguments. Hand bot()"),
        (WebSocketRunnerArguments(websocket=Stream()), "hung up before it said who it is"),
        (WebSocketRunnerArguments(websocket=Stream('{"hi": 1}')), "clients at /ws-client"),
        (WebSocketRunnerArguments(websocket=Stream(TWILIO)), "set TWILIO_ACCOUNT_SID and"),
    ],
)
async def test_a_door_that_does_not_open_says_what_to_do(arguments, cure, monkeypatch):
    monkeypatch.delenv("TWILIO_ACCOUNT_SID", raising=False)
    monkeypatch.delenv("TWILIO_AUTH_TOKEN", raising=False)
    with pytest.raises(DoorError, match=cure):
        await open_door(arguments, sees={}, policy=OPEN)


async def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pipecat.transports.livekit.transport", None)
    with pytest.raises(DoorError, match=r"pip install '\.\[livekit\]'"):
        await open_door(livekit_arguments(), sees={}, policy=OPEN)


@pytest.mark.parametrize("agreed", [False, True])
async def test_who_carries_the_call_needs_an_agreement_too(agreed, monkeypatch):
    daily_sdk.install(monkeypatch)
    monkeypatch.setenv("VIVACE_BAA", "daily" if agreed else "deepgram")
    if agreed:
        assert await open_door(daily_arguments(), sees={}, policy=HIPAA)
    else:
        with pytest.raises(VendorNotAllowed, match="'daily'"):
            await open_door(daily_arguments(), sees={}, policy=HIPAA)


async def test_an_eval_harness_is_let_in_from_this_machine_only_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv("VIVACE_EVALS", raising=False)
    hello = eval_connect_message(EvalConnectionFlags())

    def arguments(host):
        return WebSocketRunnerArguments(websocket=Stream(hello, host=host))

    assert await open_door(arguments("127.0.0.1"), sees={}, policy=OPEN)
    with pytest.raises(DoorError, match="Set VIVACE_EVALS=1"):
        await open_door(arguments("203.0.113.9"), sees={}, policy=OPEN)
    monkeypatch.setenv("VIVACE_EVALS", "1")
    assert await open_door(arguments("203.0.113.9"), sees={}, policy=OPEN)


async def test_a_caller_on_a_plain_websocket_sends_sound_and_messages_and_nothing_else():
    async def taken(**frame):
        return await CallerFrames().deserialize(frames_pb2.Frame(**frame).SerializeToString())

    sound = frames_pb2.AudioRawFrame(audio=b"\0\0", sample_rate=16000, num_channels=1)
    assert isinstance(await taken(audio=sound), InputAudioRawFrame)
    message = frames_pb2.MessageFrame(data="{}")
    assert isinstance(await taken(message=message), InputTransportMessageFrame)
    assert await taken(text=frames_pb2.TextFrame(text="spoken by the bot")) is None
    assert await taken(transcription=frames_pb2.TranscriptionFrame(text="heard")) is None
    assert await taken(interruption=frames_pb2.InterruptionFrame()) is None

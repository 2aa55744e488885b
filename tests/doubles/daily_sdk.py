"""A double of daily-python: rooms in this process, callers joined with plain Python.

Only the SDK is doubled; the `DailyTransport` on it is Pipecat's own. `differences()` holds the
double to the type hints that daily-python ships.
"""

import ast
import inspect
import queue
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import daily
import pipecat.transports.daily.transport as daily_transport

from tests.doubles.heard import Heard, chunks

REFUSED = "Connection(Api(RoomLookup(RoomInfoFetchFailed)))"


class Cloud:
    """All rooms of Daily, and one virtual speaker for the whole process, as in the real SDK."""

    def __init__(self):
        self.rooms: dict[str, Room] = {}
        self.refuses: str | None = None
        self.silent = False
        self.sources: dict[str, CustomAudioSource] = {}
        self.speaker: VirtualSpeakerDevice | None = None
        self.speakers: dict[str, VirtualSpeakerDevice] = {}

    def room(self, url: str) -> "Room":
        return self.rooms.setdefault(url, Room(url))


CLOUD = Cloud()


class Room:
    def __init__(self, url: str):
        self.url = url
        self.bots: list[CallClient] = []
        self.callers: dict[str, Caller] = {}
        self.heard = Heard()
        self.messages: list = []
        self.done: list[tuple] = []

    def enter(self, *, name: str = "caller") -> "Caller":
        return Caller(self, name)

    def tell(self, event: str, *args):
        for bot in self.bots:
            bot._tell(event, *args)

    def close(self):
        """Daily closes the room: it expired, or was deleted."""
        for bot in list(self.bots):
            self.bots.remove(bot)
            bot._tell("on_call_state_updated", "left")


class Caller:
    """Somebody in a room who is not the bot."""

    def __init__(self, room: Room, name: str):
        self.room = room
        self.id = str(uuid.uuid4())
        self.media = {"microphone": "playable", "camera": "off", "screenVideo": "off"}
        self.name = name
        room.callers[self.id] = self
        room.tell("on_participant_joined", self.info())

    @property
    def heard(self) -> Heard:
        return self.room.heard

    @property
    def is_heard(self) -> bool:
        """Whether a bot listens; what is said before is lost, as in a real room."""
        return any((self.id, "microphone") in bot._listens for bot in self.room.bots)

    def info(self) -> dict:
        media = {source: {"state": state} for source, state in self.media.items()}
        return {
            "id": self.id,
            "info": {"isLocal": False, "userName": self.name, "isOwner": False},
            "media": media | {"customVideo": {}},
        }

    async def say(self, pcm: bytes, *, rate: int = 16000):
        for chunk in chunks(pcm, rate=rate):
            if CLOUD.speaker:
                CLOUD.speaker.buffer.put(chunk)
            for bot in self.room.bots:
                bot._hear(self.id, chunk, rate)

    def show(self, rgb: bytes, width: int, height: int, source: str = "camera"):
        self.media[source] = "playable"
        for bot in self.room.bots:
            bot._see(self.id, rgb, width, height, source)

    async def send(self, message):
        self.room.tell("on_app_message", message, self.id)

    @property
    def messages(self) -> list:
        return self.room.messages

    async def hang_up(self):
        if self.room.callers.pop(self.id, None):
            self.room.tell("on_participant_left", self.info(), "leftCall")


class AudioData:
    def __init__(self, pcm: bytes, rate: int):
        self.audio_frames = pcm
        self.sample_rate = rate
        self.num_channels = 1
        self.bits_per_sample = 16
        self.num_audio_frames = len(pcm) // 2


class VideoFrame:
    def __init__(self, rgb: bytes, width: int, height: int):
        self.buffer = rgb
        self.width = width
        self.height = height
        self.color_format = "RGB"
        self.timestamp_us = time.time_ns() // 1000


class CustomAudioSource:
    """Plays in real time, like a sound card, into the rooms its track is published to."""

    def __init__(self, sample_rate: int, channels: int, auto_silence: bool = True):
        self.sample_rate = sample_rate
        self.channels = channels
        self._rooms: list[Room] = []
        self._queue: queue.Queue = queue.Queue()
        threading.Thread(target=self._play, daemon=True).start()

    def write_frames(self, frame: bytes, completion=None) -> int:
        self._queue.put((frame, completion))
        return len(frame) // 2 // self.channels

    def _play(self):
        due = time.monotonic()
        while (item := self._queue.get()) is not None:
            frame, completion = item
            count = len(frame) // 2 // self.channels
            start = max(due, time.monotonic())
            for room in self._rooms:
                room.heard.add(frame, self.sample_rate, at=start)
            due = start + count / self.sample_rate
            time.sleep(max(0.0, due - time.monotonic()))
            if completion:
                completion(count)


class CustomAudioTrack:
    def __init__(self, audio_source: CustomAudioSource):
        self.id = str(uuid.uuid4())
        CLOUD.sources[self.id] = audio_source


class CustomVideoSource:
    def __init__(self, width: int, height: int, color_format: str = "RGBA"):
        self.width = width
        self.height = height
        self.color_format = color_format
        self._frames: list[bytes] = []

    def write_frame(self, frame: bytes) -> None:
        self._frames.append(frame)


class CustomVideoTrack:
    def __init__(self, video_source: CustomVideoSource):
        self.id = str(uuid.uuid4())


class VirtualSpeakerDevice:
    def __init__(self, name: str, sample_rate: int, channels: int):
        self.name = name
        self.sample_rate = sample_rate
        self.channels = channels
        self.buffer: queue.Queue[bytes] = queue.Queue()

    def read_frames(self, num_frame: int, completion=None) -> bytes:
        pcm = b"" if self.buffer.empty() else self.buffer.get()
        if completion:
            completion(pcm)
        return pcm


class Daily:
    @staticmethod
    def init(worker_threads: int = 2, log_level=None) -> None:
        pass

    @staticmethod
    def create_speaker_device(
        device_name: str, sample_rate: int = 16000, channels: int = 1, non_blocking: bool = False
    ) -> VirtualSpeakerDevice:
        device = VirtualSpeakerDevice(device_name, sample_rate, channels)
        CLOUD.speakers[device_name] = device
        return device

    @staticmethod
    def select_speaker_device(device_name: str) -> None:
        CLOUD.speaker = CLOUD.speakers[device_name]

    create_native_vad = staticmethod(daily.Daily.create_native_vad)


class CallClient:
    """A bot's connection. Completions and events come from a thread, as daily-python's do."""

    def __init__(self, event_handler=None):
        self._handler = event_handler
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="daily-double")
        self._id = str(uuid.uuid4())
        self._room: Room | None = None
        self._listens: dict[tuple[str, str], tuple] = {}
        self._watches: dict[tuple[str, str], object] = {}
        self._microphone: CustomAudioSource | None = None

    def _tell(self, event: str, *args):
        self._later(getattr(self._handler, event), *args)

    def _later(self, callback, *args):
        if callback:
            try:
                self._thread.submit(callback, *args)
            except RuntimeError:
                pass  # released meanwhile

    def _note(self, completion, name: str, *args, result: tuple = (None,)):
        if self._room:
            self._room.done.append((name, *args))
        self._later(completion, *result)

    def _hear(self, participant_id: str, pcm: bytes, rate: int):
        for (listened, source), (callback, wanted) in self._listens.items():
            if listened == participant_id and source == "microphone":
                assert wanted == rate, f"the bot listens at {wanted} Hz, the caller talks at {rate}"
                self._later(callback, participant_id, AudioData(pcm, rate), source)

    def _see(self, participant_id: str, rgb: bytes, width: int, height: int, source: str):
        if callback := self._watches.get((participant_id, source)):
            self._later(callback, participant_id, VideoFrame(rgb, width, height), source)

    def join(self, meeting_url, meeting_token=None, client_settings=None, completion=None) -> None:
        if CLOUD.silent:
            return
        if CLOUD.refuses:
            return self._later(completion, None, CLOUD.refuses)
        self._room = CLOUD.room(meeting_url)
        self._room.bots.append(self)
        self._room.done.append(("join", meeting_token))
        track = client_settings["inputs"]["microphone"]["settings"]["customTrack"]["id"]
        self._microphone = CLOUD.sources.get(track)
        if self._microphone:
            self._microphone._rooms.append(self._room)
        joined = {"participants": {"local": {"id": self._id}}, "meetingSession": {"id": "m"}}
        self._later(completion, joined, None)
        self._tell("on_call_state_updated", "joined")
        for caller in list(self._room.callers.values()):
            self._tell("on_participant_joined", caller.info())

    def leave(self, completion=None) -> None:
        if self._room and self in self._room.bots:
            self._room.bots.remove(self)
        self._later(completion, None)
        self._tell("on_call_state_updated", "left")

    def release(self) -> None:
        if self._microphone:
            self._microphone._queue.put(None)
        self._thread.shutdown(wait=False)

    def set_user_name(self, user_name: str) -> None:
        pass

    def participants(self):
        callers = self._room.callers if self._room else {}
        return {"local": {"id": self._id}} | {id: caller.info() for id, caller in callers.items()}

    def participant_counts(self):
        return {"present": 1 + len(self._room.callers) if self._room else 0, "hidden": 0}

    def set_audio_renderer(
        self,
        participant_id,
        callback,
        audio_source="microphone",
        sample_rate=16000,
        callback_interval_ms=20,
    ) -> None:
        self._listens[participant_id, audio_source] = callback, sample_rate

    def set_video_renderer(
        self, participant_id, callback, video_source="camera", color_format="RGBA"
    ) -> None:
        self._watches[participant_id, video_source] = callback

    def send_app_message(
        self, message, participant_id=None, serialize_none=True, completion=None
    ) -> None:
        if self._room:
            self._room.messages.append(message)
        self._later(completion, None)

    def send_prebuilt_chat_message(self, message, user_name=None, completion=None) -> None:
        self._note(completion, "chat", message)

    def update_inputs(self, input_settings, completion=None) -> None:
        self._note(completion, "update_inputs", input_settings)

    def update_publishing(self, publishing_settings, completion=None) -> None:
        self._note(completion, "update_publishing", publishing_settings)

    def update_subscriptions(
        self, participant_settings=None, profile_settings=None, completion=None
    ) -> None:
        self._later(completion, None)

    def update_subscription_profiles(self, profile_settings, completion=None) -> None:
        self._later(completion, None)

    def update_remote_participants(self, remote_participants, completion=None) -> None:
        self._note(completion, "update_remote_participants", remote_participants)

    def add_custom_audio_track(
        self, track_name, audio_track, ignore_audio_level=None, completion=None
    ) -> None:
        self._note(completion, "add_custom_audio_track", track_name)

    def remove_custom_audio_track(self, track_name, completion=None) -> None:
        self._note(completion, "remove_custom_audio_track", track_name)

    def add_custom_video_track(self, track_name, video_track, completion=None) -> None:
        self._note(completion, "add_custom_video_track", track_name)

    def remove_custom_video_track(self, track_name, completion=None) -> None:
        self._note(completion, "remove_custom_video_track", track_name)

    def start_dialout(self, settings, completion=None) -> None:
        self._note(completion, "start_dialout", settings, result=("dialout", None))

    def stop_dialout(self, participant_id=None, completion=None) -> None:
        self._note(completion, "stop_dialout", participant_id)

    def send_dtmf(self, settings, completion=None) -> None:
        self._note(completion, "send_dtmf", settings)

    def sip_call_transfer(self, settings, completion=None) -> None:
        self._note(completion, "sip_call_transfer", settings)

    def sip_refer(self, settings, completion=None) -> None:
        self._note(completion, "sip_refer", settings)

    def start_recording(
        self, streaming_settings=None, stream_id=None, force_new=None, completion=None
    ) -> None:
        self._note(completion, "start_recording", result=("recording", None))

    def stop_recording(self, stream_id=None, completion=None) -> None:
        self._note(completion, "stop_recording", stream_id)

    def start_transcription(self, settings=None, completion=None) -> None:
        self._note(completion, "start_transcription", settings)

    def stop_transcription(self, completion=None) -> None:
        self._note(completion, "stop_transcription")

    def update_transcription(self, participants=None, instance_id=None, completion=None) -> None:
        self._note(completion, "update_transcription", participants)


DOUBLES = (
    AudioData,
    CallClient,
    CustomAudioSource,
    CustomAudioTrack,
    CustomVideoSource,
    CustomVideoTrack,
    Daily,
    VideoFrame,
    VirtualSpeakerDevice,
)


def install(monkeypatch) -> Cloud:
    """Put the double in daily-python's place, with an empty cloud."""
    for double in DOUBLES:
        monkeypatch.setattr(daily_transport, double.__name__, double)
    CLOUD.__init__()
    return CLOUD


def differences() -> list[str]:
    """Where the double is not what daily-python's type hints say, or lacks what Pipecat calls."""
    stub = ast.parse(Path(daily.__file__).with_name("__init__.pyi").read_text())
    real = {
        node.name: {f.name: _shape(f.args) for f in node.body if isinstance(f, ast.FunctionDef)}
        for node in stub.body
        if isinstance(node, ast.ClassDef)
    }
    found = []
    for double in DOUBLES:
        for name, function in inspect.getmembers(double, inspect.isfunction):
            if name.startswith("_") and not (name == "__init__" and double in _BUILT_BY_PIPECAT):
                continue
            parsed = ast.parse(inspect.cleandoc("\n" + inspect.getsource(function))).body[0]
            mine = _shape(parsed.args)
            if mine != real[double.__name__].get(name):
                theirs = real[double.__name__].get(name)
                found.append(f"{double.__name__}.{name}: {mine}, in daily-python {theirs}")
    for name in _called_on_the_client():
        if not hasattr(CallClient, name):
            found.append(f"CallClient.{name} is called by Pipecat and missing here")
    return found


_BUILT_BY_PIPECAT = (
    CallClient,
    CustomAudioSource,
    CustomAudioTrack,
    CustomVideoSource,
    CustomVideoTrack,
)


def _shape(args: ast.arguments) -> list[str]:
    names = [a.arg for a in args.args if a.arg != "self"]
    optional = len(args.defaults)
    return [n + "?" if len(names) - i <= optional else n for i, n in enumerate(names)]


def _called_on_the_client() -> set[str]:
    tree = ast.parse(inspect.getsource(daily_transport.DailyTransportClient))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self._client"
    }

"""A double of LiveKit: the client SDK in this process, and the server's room API over HTTP.

Only the SDK is doubled; the `LiveKitTransport` on it is Pipecat's own. Tokens are real JWTs and
are really checked. `differences()` holds the double to the installed SDK.
"""

import asyncio
import inspect
import itertools
import json
import time
import types
from contextlib import asynccontextmanager

import pipecat.transports.livekit.transport as livekit_transport
from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit import api, rtc
from livekit.protocol.models import Room as RoomInfo
from livekit.protocol.room import (
    CreateRoomRequest,
    DeleteRoomRequest,
    DeleteRoomResponse,
)

from tests.doubles.heard import Heard, chunks

KEY, SECRET = "lk-key", "lk-secret-of-the-test-that-is-long-enough"
RATE = 48000
_ids = itertools.count(1)


class Server:
    """The LiveKit server: its rooms, and who is in them."""

    def __init__(self):
        self.url = ""
        self.rooms: dict[str, CreateRoomRequest] = {}
        self.inside: dict[str, list[Room | Caller]] = {}
        self.heard: dict[str, Heard] = {}
        self.messages: dict[str, list[bytes]] = {}
        self.deleted: list[str] = []
        self.attempts = 0
        self.refuses = False

    def admit(self, token: str) -> tuple[str, api.access_token.Claims]:
        """The room a token opens, and its claims."""
        self.attempts += 1
        claims = api.TokenVerifier(KEY, SECRET).verify(token)
        room = claims.video.room if claims.video else ""
        if self.refuses or room not in self.rooms or not claims.video.room_join:
            raise rtc.ConnectError("room not found, or not for this token")
        if len(self.inside.get(room, [])) >= self.rooms[room].max_participants:
            raise rtc.ConnectError("room is full")
        return room, claims

    def enter(self, token: str) -> "Caller":
        return Caller(self, token)

    def others(self, room: str, but) -> list:
        return [one for one in self.inside.get(room, []) if one is not but]

    def delete(self, room: str):
        self.deleted.append(room)
        del self.rooms[room]
        for one in self.inside.pop(room, []):
            one.emit("disconnected", rtc.DisconnectReason.ROOM_DELETED)


SERVER = Server()


class Caller:
    """Somebody in a room who is not the bot."""

    def __init__(self, server: Server, token: str):
        self.name, self.claims = server.admit(token)
        self.identity = self.claims.identity
        self.metadata = ""
        self.sid = f"PA_{next(_ids)}"
        self._server = server
        self.track_publications = {}
        server.inside.setdefault(self.name, []).append(self)
        self.track = Track(rtc.TrackKind.KIND_AUDIO)
        self.publication = RemoteTrackPublication(self.track, rtc.TrackSource.SOURCE_MICROPHONE)
        for bot in self._bots():
            bot.emit("participant_connected", self)
            bot.emit("track_subscribed", self.track, self.publication, self)

    def _bots(self) -> list["Room"]:
        return [one for one in self._server.others(self.name, self) if isinstance(one, Room)]

    def emit(self, event: str, *args):
        pass

    @property
    def is_heard(self) -> bool:
        """Whether a bot listens; what is said before is lost, as in a real room."""
        return bool(self.track.streams)

    @property
    def heard(self) -> Heard:
        return self._server.heard.setdefault(self.name, Heard())

    @property
    def messages(self) -> list[dict]:
        return [json.loads(data) for data in self._server.messages.get(self.name, [])]

    async def say(self, pcm: bytes, *, rate: int = 16000):
        for chunk in chunks(pcm, rate=rate):
            count = len(chunk) // 2
            frame = rtc.AudioFrame(chunk, rate, 1, count)
            for stream in self.track.streams:
                stream.queue.put_nowait(rtc.AudioFrameEvent(frame))

    async def send(self, message: dict):
        packet = rtc.DataPacket(
            data=json.dumps(message).encode(),
            kind=rtc.DataPacketKind.KIND_RELIABLE,
            participant=self,
        )
        for bot in self._bots():
            bot.emit("data_received", packet)

    async def hang_up(self):
        inside = self._server.inside.get(self.name, [])
        if self in inside:
            bots = self._bots()
            inside.remove(self)
            for bot in bots:
                bot.emit("track_unsubscribed", self.track, self.publication, self)
                bot.emit("participant_disconnected", self)


class Track:
    def __init__(self, kind):
        self.sid = f"TR_{next(_ids)}"
        self.kind = kind
        self.streams: list[AudioStream] = []


class RemoteTrackPublication:
    def __init__(self, track: Track, source):
        self.sid = track.sid
        self.kind = track.kind
        self.source = source
        self.muted = False
        self.subscribed = True

    def set_subscribed(self, subscribed: bool) -> None:
        self.subscribed = subscribed


class Room(rtc.EventEmitter):
    """The bot's connection."""

    def __init__(self, loop=None) -> None:
        super().__init__()
        self._name = ""
        self._server = SERVER
        self._local: LocalParticipant | None = None

    async def connect(self, url: str, token: str, options=None) -> None:
        self._name, claims = self._server.admit(token)
        self._local = LocalParticipant(self, claims.identity)
        self._server.inside.setdefault(self._name, []).append(self)
        self.emit("connected")
        for caller in self._callers():
            self.emit("track_subscribed", caller.track, caller.publication, caller)

    async def disconnect(self, *, reason=None) -> None:
        inside = self._server.inside.get(self._name, [])
        if self in inside:
            inside.remove(self)
        self.emit("disconnected", rtc.DisconnectReason.CLIENT_INITIATED)

    def _callers(self) -> list[Caller]:
        return [c for c in self._server.others(self._name, self) if isinstance(c, Caller)]

    @property
    def local_participant(self):
        if not self._local:
            raise Exception("cannot access local participant before connecting")
        return self._local

    @property
    def remote_participants(self):
        return {caller.identity: caller for caller in self._callers()}


class LocalParticipant:
    def __init__(self, room: Room, identity: str):
        self._room = room
        self.identity = identity

    async def publish_track(self, track, options=None):
        if isinstance(track.source, AudioSource):
            track.source._heard = SERVER.heard.setdefault(self._room._name, Heard())

    async def publish_data(
        self, payload, *, reliable=True, destination_identities=(), topic=""
    ) -> None:
        SERVER.messages.setdefault(self._room._name, []).append(payload)

    async def publish_dtmf(self, *, code: int, digit: str) -> None:
        pass

    async def set_metadata(self, metadata: str) -> None:
        pass


class AudioSource:
    """A queue that plays in real time and can be cleared."""

    def __init__(self, sample_rate: int, num_channels: int, queue_size_ms: int = 1000, loop=None):
        self.sample_rate = sample_rate
        self.queue_size_ms = queue_size_ms
        self._heard = Heard()
        self._ends = 0.0

    async def capture_frame(self, frame) -> None:
        wait = self._ends + frame.duration - time.monotonic() - self.queue_size_ms / 1000
        if wait > 0:
            await asyncio.sleep(wait)
        start = max(self._ends, time.monotonic())
        self._ends = start + frame.duration
        self._heard.add(bytes(frame.data), frame.sample_rate, at=start)

    def clear_queue(self) -> None:
        self._ends = time.monotonic()
        self._heard.drop_after(self._ends)

    async def aclose(self) -> None:
        pass


class LocalAudioTrack:
    def __init__(self, source):
        self.source = source

    @staticmethod
    def create_audio_track(name: str, source: AudioSource):
        return LocalAudioTrack(source)


class AudioStream:
    def __init__(
        self,
        track,
        loop=None,
        capacity=0,
        sample_rate=48000,
        num_channels=1,
        frame_size_ms=None,
        noise_cancellation=None,
        auto_close_noise_cancellation=True,
        **kwargs,
    ):
        self.queue: asyncio.Queue = asyncio.Queue()
        track.streams.append(self)

    def __aiter__(self):
        return self

    async def __anext__(self):
        if (event := await self.queue.get()) is None:
            raise StopAsyncIteration
        return event

    async def aclose(self) -> None:
        self.queue.put_nowait(None)


DOUBLES = (AudioSource, AudioStream, LocalAudioTrack, Room)


@asynccontextmanager
async def livekit(monkeypatch):
    """Put the double in the SDK's place and serve its room API on 127.0.0.1."""
    names = vars(rtc) | {double.__name__: double for double in DOUBLES}
    monkeypatch.setattr(livekit_transport, "rtc", types.SimpleNamespace(**names))
    SERVER.__init__()

    def check(request, right: str):
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            claims = api.TokenVerifier(KEY, SECRET).verify(token)
            assert scheme == "Bearer" and claims.video and getattr(claims.video, right)
        except Exception:
            raise web.HTTPUnauthorized(
                text='{"code": "unauthenticated", "msg": "invalid token"}',
                content_type="application/json",
            )

    async def create(request):
        check(request, "room_create")
        asked = CreateRoomRequest.FromString(await request.read())
        SERVER.rooms[asked.name] = asked
        info = RoomInfo(name=asked.name, sid="RM_1", max_participants=asked.max_participants)
        return web.Response(body=info.SerializeToString(), content_type="application/protobuf")

    async def delete(request):
        check(request, "room_create")
        SERVER.delete(DeleteRoomRequest.FromString(await request.read()).room)
        body = DeleteRoomResponse().SerializeToString()
        return web.Response(body=body, content_type="application/protobuf")

    app = web.Application()
    app.router.add_post("/twirp/livekit.RoomService/CreateRoom", create)
    app.router.add_post("/twirp/livekit.RoomService/DeleteRoom", delete)
    async with TestServer(app) as server:
        SERVER.url = str(server.make_url("")).replace("http", "ws", 1)
        yield SERVER


def differences() -> list[str]:
    """Where a method of the double is not shaped like the SDK's, or Pipecat would miss one."""
    pairs = [(double, getattr(rtc, double.__name__)) for double in DOUBLES]
    pairs += [(LocalParticipant, rtc.LocalParticipant)]
    pairs += [(RemoteTrackPublication, rtc.RemoteTrackPublication)]
    found = []
    for double, real in pairs:
        for name, mine in vars(double).items():
            mine = getattr(mine, "__func__", mine)
            built = name == "__init__" and double in (*DOUBLES,) and double is not LocalAudioTrack
            if not inspect.isfunction(mine) or (name.startswith("_") and not built):
                continue
            theirs = getattr(real, name, None)
            if theirs is None:
                found.append(f"{real.__name__} has no {name}")
            elif _shape(mine) != _shape(theirs):
                found.append(f"{real.__name__}.{name}: {_shape(mine)}, really {_shape(theirs)}")
            elif inspect.iscoroutinefunction(mine) != inspect.iscoroutinefunction(theirs):
                found.append(f"{real.__name__}.{name} is a coroutine function in only one of both")
    return found


def _shape(function) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [
        f"{p.kind.name}:{p.name}" + ("?" if p.default is not p.empty else "")
        for p in parameters
        if p.name != "self"
    ]

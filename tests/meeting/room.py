"""A room with several people in it: each has a track of their own, as Daily's and LiveKit's have."""

import asyncio
import os
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipecat.frames.frames import UserAudioRawFrame

import bots
from services.rehearsal.latency import profile_named
from services.rehearsal.server import serve
from services.rehearsal.state import Rehearsal
from sessions.tape.recorder import code_version
from tests.support.loopback import Line, LoopbackTransport, _Input

code_version()  # asks git once, which a closed world refuses


class _Tracks(_Input):
    async def _send(self):
        """No sound of its own: what there is comes from the participants."""


class RoomTransport(LoopbackTransport):
    def __init__(self, line, params):
        super().__init__(line, params)
        self._ends = _Tracks(line, params), self._ends[1]
        for event in ("on_participant_joined", "on_participant_left"):
            self._register_event_handler(event)


@dataclass(kw_only=True)
class Room(Line):
    """Runner arguments of a room; ``tracks`` is what each participant is about to say."""

    tracks: dict[str, bytearray] = field(default_factory=dict)

    async def open_transport(self, params):
        self.transport = RoomTransport(self, params)
        return self.transport

    @property
    def door(self) -> LoopbackTransport:
        assert self.transport, "the bot has not opened its door yet"
        return self.transport

    async def enter(self, id: str, name: str = ""):
        self.tracks[id] = bytearray()
        someone = {"id": id, "info": {"userName": name}}
        await self.door._call_event_handler("on_participant_joined", someone)

    async def leave(self, id: str):
        self.tracks.pop(id, None)
        await self.door._call_event_handler("on_participant_left", {"id": id}, "left")

    def speak(self, id: str, pcm: bytes, *, after: float = 0.0):
        """Speak: int16 mono at 16 kHz, after so many seconds of silence."""
        self.tracks[id] += bytes(int(after * 16000) * 2) + pcm

    async def run(self, seconds: float):
        """Let time pass: 20 ms of everybody at a time."""
        door = self.door.input()
        loop = asyncio.get_running_loop()
        due = loop.time()
        for _ in range(int(seconds * 50)):
            for id, track in list(self.tracks.items()):
                chunk = bytes(track[:640])
                del track[:640]
                chunk += bytes(640 - len(chunk))
                await door.push_audio_frame(UserAudioRawFrame(chunk, 16000, 1, user_id=id))
            due += 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def drain(self, quiet: float = 2.0):
        """Until everything has been said, and a while longer."""
        longest = max((len(track) for track in self.tracks.values()), default=0)
        await self.run(longest / 32000 + quiet)


@asynccontextmanager
async def held(bot: str, *, script: str | None = None, profile: str = "instant", **body):
    """Run a bot file in a room; yields the room once the disclosure has been said.

    Args:
        bot: Name of the bot file.
        script: A rehearsal script in place of the bot's own.
        profile: Of the doubles' latency.
        **body: What the call is started with.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = (bots.FOLDER / f"{bot}.rehearsal.yaml").read_text()
        Path(folder, f"{bot}.rehearsal.yaml").write_text(script or own)
        house = Rehearsal(scripts=Path(folder), profile=profile_named(profile))
        server = await serve(house)
        host, port = server.addresses[0][:2]
        os.environ["VIVACE_REHEARSAL"] = f"{host}:{port}"
        room = Room(body={"bot": bot, **body})
        room.handle_sigint = False
        running = asyncio.create_task(bots.load(bot).bot(room))
        try:
            await room.until(lambda: room.transport is not None or running.done())
            if running.done():
                running.result()
            await room.connect()
            await room.run(1.0)
            await room.until(lambda: any(loud for _, loud in room.heard))
            await quiet(room)
            yield room
            await room.hang_up()
            await asyncio.wait_for(running, 30)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await server.cleanup()


async def quiet(room: Room, secs: float = 1.0):
    """Until the bot has been silent for a while; time passes for everybody."""
    loop = asyncio.get_running_loop()
    for _ in range(200):
        loud = [at for at, is_loud in room.heard if is_loud]
        if loud and loop.time() - loud[-1] > secs:
            return
        await room.run(0.2)
    raise TimeoutError("the bot talks on")

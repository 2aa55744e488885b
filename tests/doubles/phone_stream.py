"""What the carriers' media streams have in common: a caller's end of the WebSocket, at 8 kHz."""

import asyncio
import audioop
import base64
import json
import time
import uuid
from contextlib import asynccontextmanager

import aiohttp
import websockets
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.doubles.heard import Heard, chunks

RATE = 8000


class StreamCaller:
    """One call, as a carrier forwards it.

    What the bot sends is queued and played in real time, as carriers do; ``clear`` drops what has
    not been played. A subclass speaks its carrier's dialect, and refuses what the carrier would.
    """

    clear = "clear"

    def __init__(self, socket: websockets.ClientConnection):
        self.stream = uuid.uuid4().hex
        self.call = uuid.uuid4().hex
        self.heard = Heard()
        self.cleared: list[float] = []
        self.dropped: list[float] = []  # seconds of sound that each of these found waiting
        self.closed = asyncio.Event()
        self._socket = socket
        self._sequence = 0
        self._ends = 0.0
        self._reading = asyncio.create_task(self._read())

    # The dialect

    def opening(self, numbers: dict[str, str]) -> list[dict]:
        """The first messages."""
        raise NotImplementedError

    def media(self, payload: str, number: int) -> dict:
        """20 ms of the caller's sound."""
        raise NotImplementedError

    def key(self, digit: str) -> dict:
        """A key that the caller pressed."""
        raise NotImplementedError

    def goodbye(self) -> dict:
        """The last message."""
        raise NotImplementedError

    def sound(self, message: dict) -> bytes | None:
        """The PCM of a message of the bot's, if it is one with sound."""
        raise NotImplementedError

    def encoded(self, pcm: bytes) -> bytes:
        return audioop.lin2ulaw(pcm, 2)

    def decoded(self, payload: str) -> bytes:
        return audioop.ulaw2lin(base64.b64decode(payload), 2)

    async def other(self, message: dict):
        raise AssertionError(f"{type(self).__name__} knows no {message!r}")

    # The call

    async def begin(self, **numbers: str):
        for message in self.opening(numbers):
            await self.emit(message)

    async def emit(self, message: dict):
        self._sequence += 1
        await self._socket.send(json.dumps(message))

    async def say(self, pcm: bytes, *, rate: int = 16000, paced: bool = False):
        """Speak; a telephone network forwards every 20 ms as they are spoken, if ``paced``."""
        low, _ = audioop.ratecv(pcm, 2, 1, rate, RATE, None) if rate != RATE else (pcm, None)
        due = time.monotonic()
        for number, chunk in enumerate(chunks(low, rate=RATE)):
            await self.emit(self.media(base64.b64encode(self.encoded(chunk)).decode(), number))
            due += 0.02
            if paced:
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def press(self, digit: str):
        await self.emit(self.key(digit))

    async def send(self, message: dict):
        raise NotImplementedError("a telephone sends no messages")

    async def hang_up(self):
        try:
            await self.emit(self.goodbye())
            await self._socket.close()
        except websockets.ConnectionClosed:
            pass
        await self._reading

    async def _read(self):
        try:
            async for raw in self._socket:
                message = json.loads(raw)
                if message["event"] == self.clear:
                    self.cleared.append(time.monotonic())
                    self.dropped.append(max(0.0, self._ends - self.cleared[-1]))
                    self._ends = time.monotonic()
                    self.heard.drop_after(self._ends)
                elif (pcm := self.sound(message)) is not None:
                    start = max(self._ends, time.monotonic())
                    self._ends = start + len(pcm) / 2 / RATE
                    self.heard.add(pcm, RATE, at=start)
                else:
                    await self.other(message)
        except websockets.ConnectionClosed:
            pass
        finally:
            self.closed.set()

    @property
    def ends(self) -> float:
        """When the last of what the bot has sent will have been played, ``time.monotonic()``."""
        return self._ends


@asynccontextmanager
async def stream_call(kind: type[StreamCaller], url: str, **numbers: str):
    """Dial ``ws://…/ws``, or what a webhook answered."""
    async with websockets.connect(url) as socket:
        caller = kind(socket)
        await caller.begin(**numbers)
        try:
            yield caller
        finally:
            await caller.hang_up()


@asynccontextmanager
async def carrier_rest(monkeypatch, host: str, *routes):
    """A carrier's API on this machine: whatever goes to ``host`` arrives at these routes."""
    app = web.Application()
    app.add_routes(routes)
    async with TestServer(app) as server:
        request = aiohttp.ClientSession._request

        async def redirected(session, method, url, **options):
            url = str(url)
            if url.startswith(host):
                url = str(server.make_url("")).rstrip("/") + url.removeprefix(host)
            return await request(session, method, url, **options)

        monkeypatch.setattr(aiohttp.ClientSession, "_request", redirected)
        yield server

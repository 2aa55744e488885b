"""A double of a Twilio media stream: the carrier's end of the WebSocket, μ-law at 8 kHz."""

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


class TwilioCaller:
    """One call, as Twilio forwards it.

    What the bot sends is queued and played in real time, as Twilio does; `clear` drops what has
    not been played, and a `mark` comes back once everything before it has been.
    """

    def __init__(self, socket: websockets.ClientConnection):
        self.stream_sid = f"MZ{uuid.uuid4().hex}"
        self.call_sid = f"CA{uuid.uuid4().hex}"
        self.heard = Heard()
        self.messages: list[dict] = []
        self.cleared = 0
        self._socket = socket
        self._sequence = 0
        self._ends = 0.0
        self._reading = asyncio.create_task(self._read())

    async def _emit(self, event: str, **fields):
        self._sequence += 1
        message = {"event": event, "sequenceNumber": str(self._sequence), **fields}
        await self._socket.send(json.dumps(message | {"streamSid": self.stream_sid}))

    async def begin(self, **parameters: str):
        await self._socket.send(
            json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        )
        await self._emit(
            "start",
            start={
                "accountSid": "AC" + "0" * 32,
                "streamSid": self.stream_sid,
                "callSid": self.call_sid,
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1},
                "customParameters": parameters,
            },
        )

    async def say(self, pcm: bytes, *, rate: int = 16000):
        low, _ = audioop.ratecv(pcm, 2, 1, rate, RATE, None)
        for number, chunk in enumerate(chunks(low, rate=RATE)):
            payload = base64.b64encode(audioop.lin2ulaw(chunk, 2)).decode()
            media = {"track": "inbound", "chunk": str(number), "timestamp": str(20 * number)}
            await self._emit("media", media=media | {"payload": payload})

    async def press(self, digit: str):
        await self._emit("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    async def send(self, message: dict):
        raise NotImplementedError("a telephone sends no messages")

    async def hang_up(self):
        try:
            await self._emit("stop", stop={"callSid": self.call_sid})
            await self._socket.close()
        except websockets.ConnectionClosed:
            pass
        await self._reading

    async def _read(self):
        try:
            async for raw in self._socket:
                message = json.loads(raw)
                assert message["streamSid"] == self.stream_sid
                match message["event"]:
                    case "media":
                        pcm = audioop.ulaw2lin(base64.b64decode(message["media"]["payload"]), 2)
                        start = max(self._ends, time.monotonic())
                        self._ends = start + len(pcm) / 2 / RATE
                        self.heard.add(pcm, RATE, at=start)
                    case "clear":
                        self.cleared += 1
                        self._ends = time.monotonic()
                        self.heard.drop_after(self._ends)
                    case "mark":
                        asyncio.get_running_loop().call_later(
                            max(0.0, self._ends - time.monotonic()),
                            lambda mark=message["mark"]: asyncio.ensure_future(
                                self._emit("mark", mark=mark)
                            ),
                        )
                    case unknown:
                        raise AssertionError(f"Twilio knows no {unknown!r}")
        except websockets.ConnectionClosed:
            pass


@asynccontextmanager
async def twilio_call(url: str, **parameters: str):
    """Dial `ws://…/ws`, or what a webhook answered."""
    async with websockets.connect(url) as socket:
        caller = TwilioCaller(socket)
        await caller.begin(**parameters)
        try:
            yield caller
        finally:
            await caller.hang_up()


@asynccontextmanager
async def twilio_rest(monkeypatch):
    """Twilio's call resource, for hanging up: yields the SIDs of the calls that were ended."""
    ended: list[str] = []

    async def update(request):
        assert aiohttp.BasicAuth.decode(request.headers["Authorization"]).login.startswith("AC")
        assert (await request.post())["Status"] == "completed"
        ended.append(request.match_info["sid"])
        return web.json_response({"sid": ended[-1], "status": "completed"})

    app = web.Application()
    app.router.add_post("/{account}/{sid}", update)
    async with TestServer(app) as server:
        monkeypatch.setattr(
            "pipecat.serializers.twilio._build_call_resource_url",
            lambda account, sid, **_: str(server.make_url(f"/{account}/{sid}")),
        )
        yield ended

"""Callers on a plain WebSocket: a Pipecat client (protobuf) and the eval harness (RTVI JSON)."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager

import websockets
from pipecat.evals.serializer import EvalConnectionFlags, eval_connect_message
from pipecat.frames.protobufs import frames_pb2

from tests.doubles.heard import Heard, chunks


class SocketCaller:
    def __init__(self, socket: websockets.ClientConnection):
        self.heard = Heard()
        self.messages: list[dict] = []
        self._socket = socket
        self._reading = asyncio.create_task(self._read())

    async def _read(self):
        try:
            async for raw in self._socket:
                self._take(raw)
        except websockets.ConnectionClosed:
            pass

    async def hang_up(self):
        await self._socket.close()
        await self._reading


class PlainCaller(SocketCaller):
    """What Pipecat's WebSocket clients do: protobuf frames, RTVI messages inside them."""

    def _take(self, raw):
        frame = frames_pb2.Frame.FromString(raw)
        if frame.WhichOneof("frame") == "audio":
            self.heard.add(frame.audio.audio, frame.audio.sample_rate)
        elif frame.WhichOneof("frame") == "message":
            self.messages.append(json.loads(frame.message.data))

    async def say(self, pcm: bytes, *, rate: int = 16000):
        for chunk in chunks(pcm, rate=rate):
            await self.send_frame(
                audio=frames_pb2.AudioRawFrame(audio=chunk, sample_rate=rate, num_channels=1)
            )

    async def send(self, message: dict):
        await self.send_frame(message=frames_pb2.MessageFrame(data=json.dumps(message)))

    async def send_frame(self, **frame):
        await self._socket.send(frames_pb2.Frame(**frame).SerializeToString())


class EvalCaller(SocketCaller):
    """What `pipecat eval` does, with the bot's audio asked for."""

    def _take(self, raw):
        message = json.loads(raw)
        if message["type"] == "eval-bot-audio":
            data = message["data"]
            self.heard.add(base64.b64decode(data["audio"]), data["sampleRate"])
        else:
            self.messages.append(message)

    async def say(self, pcm: bytes, *, rate: int = 16000):
        for chunk in chunks(pcm, rate=rate):
            audio = base64.b64encode(chunk).decode()
            data = {"base64Audio": audio, "sampleRate": rate, "numChannels": 1}
            await self.send({"label": "rtvi-ai", "type": "raw-audio", "id": "1", "data": data})

    async def send(self, message: dict):
        await self._socket.send(json.dumps(message))


@asynccontextmanager
async def plain_call(url: str):
    """Dial `ws://…/ws-client`."""
    async with websockets.connect(url) as socket:
        caller = PlainCaller(socket)
        try:
            yield caller
        finally:
            await caller.hang_up()


@asynccontextmanager
async def eval_call(url: str):
    """Dial `ws://…/ws`."""
    async with websockets.connect(url) as socket:
        await socket.send(eval_connect_message(EvalConnectionFlags(capture_bot_audio=True)))
        caller = EvalCaller(socket)
        try:
            yield caller
        finally:
            await caller.hang_up()

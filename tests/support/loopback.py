"""A line whose far end is the test: sound goes in at its pace, and what the bot says is kept."""

import asyncio
from dataclasses import dataclass, field

import numpy as np
from pipecat.frames.frames import InputAudioRawFrame, InputTransportMessageFrame
from pipecat.runner.types import RunnerArguments
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport

LOUD = 300


class _Input(BaseInputTransport):
    def __init__(self, line, params):
        super().__init__(params)
        self._line = line

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._line.opened.set()
        self._pump = self.create_task(self._send())

    async def _send(self):
        size = self.sample_rate // 50 * 2
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            chunk = bytes(self._line.speech[:size])
            del self._line.speech[:size]
            chunk += bytes(size - len(chunk))
            await self.push_audio_frame(InputAudioRawFrame(chunk, self.sample_rate, 1))
            due += 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def cleanup(self):
        await self.cancel_task(self._pump)
        await super().cleanup()


class _Output(BaseOutputTransport):
    def __init__(self, line, params):
        super().__init__(params)
        self._line = line
        self._due = 0.0

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame):
        loop = asyncio.get_running_loop()
        now = loop.time()
        samples = np.frombuffer(frame.audio, np.int16)
        self._line.heard.append((now, bool(np.abs(samples.astype(int)).max(initial=0) > LOUD)))
        self._due = max(self._due, now) + len(samples) / frame.sample_rate
        await asyncio.sleep(max(0.0, self._due - loop.time()))
        return True

    async def send_message(self, frame):
        if isinstance(frame.message, dict):
            self._line.messages.append(frame.message)


class LoopbackTransport(BaseTransport):
    def __init__(self, line, params):
        super().__init__()
        self._ends = _Input(line, params), _Output(line, params)
        for event in ("on_client_connected", "on_client_disconnected"):
            self._register_event_handler(event)

    def input(self):
        return self._ends[0]

    def output(self):
        return self._ends[1]


@dataclass(kw_only=True)
class Line(RunnerArguments):
    """Runner arguments, and the caller's end of the line."""

    speech: bytearray = field(default_factory=bytearray)
    heard: list[tuple[float, bool]] = field(default_factory=list)
    messages: list[dict] = field(default_factory=list)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    transport: LoopbackTransport | None = None

    async def open_transport(self, params):
        self.transport = LoopbackTransport(self, params)
        return self.transport

    async def connect(self):
        """Come on the line, with a client that is ready for messages."""
        await asyncio.wait_for(self.opened.wait(), 20)
        await self.transport._call_event_handler("on_client_connected", "caller")
        await self.send("client-ready", {"version": "2.2.0", "about": {"library": "test"}})

    async def hang_up(self):
        await self.transport._call_event_handler("on_client_disconnected", "caller")

    async def send(self, type: str, data: dict):
        """Send an RTVI message."""
        message = {"label": "rtvi-ai", "type": type, "id": "1", "data": data}
        await self.transport.input().broadcast_frame(InputTransportMessageFrame, message=message)

    def say(self, pcm: bytes):
        """Speak: int16 mono at 16 kHz."""
        self.speech += pcm

    def said(self, type: str) -> list[dict]:
        """The data of the messages of one type that the bot's side has sent."""
        return [m.get("data") or {} for m in self.messages if m.get("type") == type]

    def server(self, type: str) -> list[dict]:
        """The session's own messages of one type."""
        return [m for m in self.said("server-message") if m.get("type") == type]

    def transcript(self) -> list[str]:
        """What the bot has begun to say, sentence by sentence."""
        return [m["text"] for m in self.said("bot-output") if m.get("spoken_status") == "new"]

    async def until(self, condition, *, within: float = 15.0):
        """Wait for something to become true."""
        async with asyncio.timeout(within):
            while not condition():
                await asyncio.sleep(0.02)

"""The caller of a cassette: says, types, shows and interrupts as a scenario says."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from pipecat.frames.frames import InputAudioRawFrame, InputTransportMessageFrame, UserImageRawFrame
from pipecat.runner.types import RunnerArguments
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams

from qa.call.pictures import OFF, Clip, clip
from qa.replay.door import PacedOutput
from services.rehearsal.mouth import speak

RATE = 16_000
VOICE = "en-us+m3"
CHUNK_SECS = 0.02
NOISE = 60
"""Standard deviation of the caller's comfort noise; digital silence ruins recognition."""

NOISE_CHUNKS = 50
"""It repeats after a second, so that a cassette compresses."""

PAUSE_SECS = 2.5
"""The bot has said its all when it has been silent so long: tools make it pause for less."""

PATIENCE_SECS = 30.0


@dataclass(frozen=True)
class Line:
    """What the caller does next, once the bot is done.

    Parameters:
        say: Words to speak.
        type: Words to send as text.
        barge_in: Speak while the bot speaks, so many seconds after it began.
        wait: Seconds to wait before.
        camera: Clip that the camera shows from now on, see ``qa.call.pictures``; "off" ends it.
        screen: Clip that is shared as the screen from now on; "off" ends it.
        unasked: Wait until the bot speaks of what is shown, though nobody asked.
    """

    say: str = ""
    type: str = ""
    barge_in: float | None = None
    wait: float = 0.0
    camera: str = ""
    screen: str = ""
    unasked: bool = False


@dataclass(kw_only=True)
class ScriptedCaller(RunnerArguments):
    """Runner arguments whose caller follows a scenario.

    Parameters:
        lines: What the caller does.
        seed: Of the session and of the caller's noise.
        video_fps: Frames a second of a camera that is on from the beginning; 0 is none.
    """

    lines: list[Line]
    seed: int
    video_fps: float = 0.0
    sound: bytearray = field(default_factory=bytearray)
    messages: list[dict] = field(default_factory=list)

    async def open_transport(self, params: TransportParams) -> BaseTransport:
        """Open the door."""
        return _Door(self, params)


class _Door(BaseTransport):
    def __init__(self, caller: ScriptedCaller, params: TransportParams):
        super().__init__()
        self._input, self._output = _Input(self, caller, params), _Output(caller, params)
        self._register_event_handler("on_client_connected")
        self._register_event_handler("on_client_disconnected")

    def input(self) -> BaseInputTransport:
        return self._input

    def output(self) -> BaseOutputTransport:
        return self._output

    async def call(self, event: str) -> None:
        await self._call_event_handler(event, "caller")


class _Output(PacedOutput):
    def __init__(self, caller: ScriptedCaller, params):
        super().__init__(params)
        self._caller = caller

    async def send_message(self, frame):
        if isinstance(frame.message, dict):
            loop = asyncio.get_running_loop()
            self._caller.messages.append({"at": loop.time(), **frame.message})


class _Input(BaseInputTransport):
    def __init__(self, door: _Door, caller: ScriptedCaller, params):
        super().__init__(params)
        self._door, self._caller = door, caller
        self._running: list[asyncio.Task] = []
        self._showing: dict[str, asyncio.Task] = {}
        samples = int(RATE * CHUNK_SECS)
        noise = np.random.default_rng(caller.seed).normal(0, NOISE, (NOISE_CHUNKS, samples))
        self._noise = itertools.cycle(noise)

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)
        if self._running:
            return
        self._running = [self.create_task(self._talk()), self.create_task(self._follow())]
        if self._caller.video_fps:
            self._show("camera", replace(clip("bench"), fps=self._caller.video_fps))

    async def cleanup(self):
        for task in self._running:
            if task is not asyncio.current_task():
                await self.cancel_task(task)
        self._running = []
        await super().cleanup()

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        samples = int(RATE * CHUNK_SECS)
        while True:
            noise = next(self._noise).copy()
            sound = np.frombuffer(bytes(self._caller.sound[: samples * 2]), "<i2")
            del self._caller.sound[: samples * 2]
            noise[: len(sound)] += sound
            pcm = np.clip(noise, -32768, 32767).astype("<i2").tobytes()
            await self.push_audio_frame(InputAudioRawFrame(pcm, RATE, 1))
            due += CHUNK_SECS
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _show(self, source: str, shown: Clip | None) -> None:
        if before := self._showing.pop(source, None):
            before.cancel()
        if shown:
            self._showing[source] = self.create_task(self._play(source, shown))
            self._running.append(self._showing[source])

    async def _play(self, source: str, shown: Clip) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in itertools.count():
            await asyncio.sleep(max(0.0, began + number / shown.fps - loop.time()))
            rgb = shown.frame(number / shown.fps).tobytes()
            frame = UserImageRawFrame(image=rgb, size=shown.size, format="RGB", user_id="caller")
            frame.transport_source = source
            await self.push_video_frame(frame)

    async def _follow(self) -> None:
        await self._door.call("on_client_connected")
        await self._send("client-ready", {"version": "2.2.0", "about": {"library": "cassette"}})
        for line in self._caller.lines:
            await asyncio.sleep(line.wait)
            if line.barge_in is None:
                await self._until(lambda: self._quiet(PAUSE_SECS))
            else:
                await self._until(lambda: self._last("bot-started-speaking") > self._asked)
                await asyncio.sleep(line.barge_in)
            await self._do(line)
        await self._until(lambda: self._quiet(PAUSE_SECS))
        await self._door.call("on_client_disconnected")

    _asked = 0.0

    async def _do(self, line: Line) -> None:
        for source, name in (("camera", line.camera), ("screenVideo", line.screen)):
            if name:
                self._show(source, None if name == OFF else clip(name))
        if line.say:
            pcm = await asyncio.to_thread(speak, line.say, RATE, VOICE)
            self._caller.sound += pcm
            await asyncio.sleep(len(pcm) / 2 / RATE)
        if line.type:
            options = {"run_immediately": True, "audio_response": True}
            await self._send("send-text", {"content": line.type, "options": options})
        if line.say or line.type or line.unasked:
            self._asked = asyncio.get_running_loop().time()

    def _last(self, kind: str) -> float:
        return max((m["at"] for m in self._caller.messages if m.get("type") == kind), default=-1.0)

    def _quiet(self, secs: float) -> bool:
        stopped = self._last("bot-stopped-speaking")
        silent = stopped > max(self._last("bot-started-speaking"), self._asked)
        return silent and asyncio.get_running_loop().time() - stopped > secs

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECS):
            while not condition():
                await asyncio.sleep(0.05)

    async def _send(self, kind: str, data: dict[str, Any]) -> None:
        message = {"label": "rtvi-ai", "type": kind, "id": "1", "data": data}
        await self.broadcast_frame(InputTransportMessageFrame, message=message)

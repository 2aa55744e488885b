"""The door a replay comes through: a caller who does again what the tape holds, when it was done."""

import asyncio
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from PIL import Image
from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import (
    InputAudioRawFrame,
    InputDTMFFrame,
    InputTransportMessageFrame,
    OutputAudioRawFrame,
    UserImageRawFrame,
)
from pipecat.runner.types import RunnerArguments
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams

from sessions.clock import Clock
from sessions.tape import TapeMessage
from sessions.tape.recorder import Recorder
from sessions.tape.schemas import CALLER_AUDIO, CAMERA, CLIENT_IN, DTMF, EVENTS, SCREEN

INPUTS = (CALLER_AUDIO, CAMERA, SCREEN, CLIENT_IN, DTMF, EVENTS)
TAIL_SECS = 3.0
"""After the last thing on a tape without a hang-up, the caller stays so long."""

GRID_SECS = 0.01
"""WebRTC takes sound in pieces of 10 ms, and a write is done when its last piece is taken."""


@dataclass(kw_only=True)
class ReplayRunnerArguments(RunnerArguments):
    """Runner arguments of a session that happened before.

    Parameters:
        tape: What came in then, in order (``Tape.messages(*INPUTS)``).
        seed: The session's seed.
        record: Given the session, makes the recorder of the replay.
    """

    tape: list[TapeMessage]
    seed: int
    record: Callable[[Any], Recorder]
    session: Any = None

    def begin_tape(self, session: Any) -> Recorder:
        """Called by the session as it opens, in place of recording itself."""
        self.session = session
        return self.record(session)

    async def open_transport(self, params: TransportParams) -> BaseTransport:
        """Open the door."""
        return ReplayTransport(self.tape, params, self.session.clock)


class ReplayTransport(BaseTransport):
    """A transport whose caller is a tape.

    Event handlers available:

    - on_client_connected(transport, client)
    - on_client_disconnected(transport, client)
    """

    def __init__(self, tape: Iterable[TapeMessage], params: TransportParams, clock: Clock):
        """See :class:`ReplayRunnerArguments`."""
        super().__init__()
        self._input = _Input(self, list(tape), params, clock)
        self._output = PacedOutput(params)
        self._register_event_handler("on_client_connected")
        self._register_event_handler("on_client_disconnected")

    def input(self) -> "_Input":
        """What the caller does."""
        return self._input

    def output(self) -> "PacedOutput":
        """What the caller hears."""
        return self._output

    async def connected(self) -> None:
        """The caller comes."""
        await self._call_event_handler("on_client_connected", "tape")

    async def disconnected(self) -> None:
        """The caller goes."""
        await self._call_event_handler("on_client_disconnected", "tape")


class _Input(BaseInputTransport):
    def __init__(self, transport, tape: list[TapeMessage], params, clock: Clock):
        super().__init__(params)
        self._door = transport
        self._clock = clock
        self._player: asyncio.Task | None = None
        self._steps = _steps(tape)

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)
        if not self._player:
            self._player = self.create_task(self._play(), "tape")

    async def cleanup(self):
        if self._player and self._player is not asyncio.current_task():
            await self.cancel_task(self._player)
            self._player = None
        await super().cleanup()

    async def _play(self) -> None:
        for at_ns, message in self._steps:
            wait = (at_ns - self._clock.now_ns()) / 1e9
            if wait > 0:
                await asyncio.sleep(wait)
            await self._do(message)

    async def _do(self, message: TapeMessage | str) -> None:
        match message:
            case "connect":
                await self._door.connected()
            case "hang up":
                await self._door.disconnected()
            case TapeMessage(topic="/caller/audio"):
                data = message.data
                frame = InputAudioRawFrame(
                    message.bytes, data["sample_rate"], data["number_of_channels"]
                )
                await self.push_audio_frame(frame)
            case TapeMessage(topic="/client/in"):
                sent = message.data["message"]
                await self.broadcast_frame(InputTransportMessageFrame, message=sent)
            case TapeMessage(topic="/caller/dtmf"):
                await self.push_frame(InputDTMFFrame(button=KeypadEntry(message.data["key"])))
            case TapeMessage():
                await self.push_video_frame(_picture(message))


class PacedOutput(BaseOutputTransport):
    """Takes sound at the pace a WebRTC track does."""

    def __init__(self, params: TransportParams):
        """See Pipecat's ``BaseOutputTransport``."""
        super().__init__(params)
        self._end = 0.0

    async def start(self, frame):
        """Be ready at once."""
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Take a piece of sound and the time it plays, but for its last 10 ms."""
        loop = asyncio.get_running_loop()
        begin = max(loop.time(), self._end)
        self._end = begin + len(frame.audio) / 2 / frame.num_channels / frame.sample_rate
        await asyncio.sleep(max(0.0, self._end - GRID_SECS - loop.time()))
        return True


def _steps(tape: list[TapeMessage]) -> list[tuple[int, TapeMessage | str]]:
    """What the caller did, in order, with session-clock nanoseconds."""
    steps: list[tuple[int, TapeMessage | str]] = []
    started = came = went = None
    for message in tape:
        if message.topic != EVENTS:
            steps.append((message.clock_ns, message))
            continue
        match message.data["name"]:
            case "client.connected":
                came = came or message.clock_ns
            case "client.disconnected":
                went = message.clock_ns
            case "session.started":
                started = message.clock_ns
            case "session.cancelled":
                went = went or message.clock_ns
    last = max((at for at, _ in steps), default=0)
    steps.append((came or started or 0, "connect"))
    steps.append((went or last + int(TAIL_SECS * 1e9), "hang up"))
    return sorted(steps, key=lambda step: (step[0], step[1] != "connect"))


def _picture(message: TapeMessage) -> UserImageRawFrame:
    image = Image.open(io.BytesIO(message.bytes)).convert("RGB")
    frame = UserImageRawFrame(
        image=image.tobytes(), size=image.size, format="RGB", user_id="caller"
    )
    frame.transport_source = "screenVideo" if message.topic == SCREEN else "camera"
    return frame


__all__ = ["INPUTS", "PacedOutput", "ReplayRunnerArguments", "ReplayTransport"]

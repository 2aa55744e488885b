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
    OutputAudioRawFrame,
    UserAudioRawFrame,
    UserImageRawFrame,
)
from pipecat.runner.types import RunnerArguments
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams

from sessions.attendance import ParticipantMessageFrame
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
        resumed: What the session went on with, when it had been cut off before.
        transport_type: The door it came through: a phone's sound has a rate of its own.
    """

    tape: list[TapeMessage]
    seed: int
    record: Callable[[Any], Recorder]
    session: Any = None
    resumed: dict[str, Any] | None = None
    transport_type: str | None = None

    def begin_tape(self, session: Any) -> Recorder:
        """Called by the session as it opens, in place of recording itself."""
        self.session = session
        return self.record(session)

    async def open_transport(self, params: TransportParams) -> BaseTransport:
        """Open the door."""
        return ReplayTransport(self.tape, params, self.session)


class ReplayTransport(BaseTransport):
    """A transport whose caller is a tape.

    Event handlers available:

    - on_client_connected(transport, client)
    - on_client_disconnected(transport, client)
    """

    def __init__(self, tape: Iterable[TapeMessage], params: TransportParams, session: Any):
        """See :class:`ReplayRunnerArguments`."""
        super().__init__()
        self._input = _Input(self, list(tape), params, session)
        self._output = PacedOutput(params)
        self._register_event_handler("on_client_connected")
        self._register_event_handler("on_client_disconnected")
        self._register_event_handler("on_participant_joined")
        self._register_event_handler("on_participant_left")

    def input(self) -> "_Input":
        """What the caller does."""
        return self._input

    def output(self) -> "PacedOutput":
        """What the caller hears."""
        return self._output

    async def connected(self) -> None:
        """The caller comes."""
        await self._call_event_handler("on_client_connected", "tape")

    async def told(self, name: str, detail: dict[str, Any]) -> None:
        """A participant comes to a meeting, or goes."""
        someone = {"id": detail["participant"], "info": {"userName": detail.get("speaker")}}
        if name == "meeting.joined":
            await self._call_event_handler("on_participant_joined", someone)
        else:
            await self._call_event_handler("on_participant_left", someone, "left")

    async def disconnected(self) -> None:
        """The caller goes."""
        await self._call_event_handler("on_client_disconnected", "tape")


class _Input(BaseInputTransport):
    def __init__(self, transport, tape: list[TapeMessage], params, session: Any):
        super().__init__(params)
        self._door = transport
        self._session = session
        self._clock: Clock = session.clock
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
                sound = message.bytes, data["sample_rate"], data["number_of_channels"]
                if participant := data.get("participant"):
                    frame = UserAudioRawFrame(*sound, user_id=participant)
                else:
                    frame = InputAudioRawFrame(*sound)
                await self.push_audio_frame(frame)
            case TapeMessage(topic="/client/in"):
                sent, sender = message.data["message"], message.data.get("participant", "")
                await self.broadcast_frame(
                    ParticipantMessageFrame, message=sent, participant_id=sender
                )
            case TapeMessage(topic="/events") if message.data["name"] == "picture.forgotten":
                await self.push_video_frame(_forgotten(message.data["detail"]["source"]))
            case TapeMessage(topic="/events") if message.data["name"] == "transfer.order":
                await self._session.transfer.ordered(message.data["detail"])
            case TapeMessage(topic="/events") if message.data["name"].startswith("meeting."):
                await self._door.told(message.data["name"], message.data["detail"])
            case TapeMessage(topic="/events") if message.data["name"] == "screen.read":
                if take := self._session.recording.retold.get("screen.read"):
                    await take(**message.data["detail"])
            case TapeMessage(topic="/events") if message.data["name"] == "line.down":
                self._session.line.lost(silent_since=message.data["detail"]["silent_since"])
            case TapeMessage(topic="/events") if message.data["name"] == "line.up":
                await self._session.line.back()
            case TapeMessage(topic="/events"):  # readings that a device pushed
                pushed = message.data["detail"]
                self._session.readings.push(
                    pushed["batch"], source=pushed["source"], at_ns=pushed["at_ns"]
                )
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
            case (
                "readings.pushed"
                | "meeting.joined"
                | "meeting.left"
                | "screen.read"
                | "transfer.order"
            ):
                steps.append((message.clock_ns, message))
            case "client.connected":
                came = came or message.clock_ns
            case "client.disconnected":
                went = message.clock_ns
            case "picture.forgotten" | "line.down" | "line.up":
                steps.append((message.clock_ns, message))
            case "session.started":
                started = message.clock_ns
            case "session.cancelled":
                went = went or message.clock_ns
    last = max((at for at, _ in steps), default=0)
    steps.append((came or started or 0, "connect"))
    steps.append((went or last + int(TAIL_SECS * 1e9), "hang up"))
    return sorted(steps, key=lambda step: (step[0], step[1] != "connect"))


def _picture(message: TapeMessage) -> UserImageRawFrame:
    """A picture as it was shown to models, or a frame as the door had passed it on."""
    taken = message.data.get("picture")
    if taken:
        image, size, form = message.bytes, tuple(taken["size"]), "JPEG"
    else:
        raw = Image.open(io.BytesIO(message.bytes)).convert("RGB")
        image, size, form = raw.tobytes(), raw.size, "RGB"
    frame = UserImageRawFrame(image=image, size=size, format=form, user_id="caller")
    frame.transport_source = "screenVideo" if message.topic == SCREEN else "camera"
    if taken:
        frame.metadata["picture"] = {**taken, "eye": message.data["frame_id"]}
    return frame


def _forgotten(eye: str) -> UserImageRawFrame:
    """Word that a picture had turned out to be old."""
    frame = UserImageRawFrame(image=b"", size=(0, 0), format="JPEG", user_id="caller")
    frame.transport_source = "screenVideo" if eye.startswith("screen") else "camera"
    frame.metadata["picture"] = {"eye": eye}
    return frame


__all__ = ["INPUTS", "PacedOutput", "ReplayRunnerArguments", "ReplayTransport"]

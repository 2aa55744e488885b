"""One participant of a room of ours: Pipecat's client for their connection, and what they hear."""

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
from av import AudioFrame, AudioResampler
from pipecat.frames.frames import InputAudioRawFrame, UserAudioRawFrame
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.transport import SmallWebRTCCallbacks, SmallWebRTCClient

from sessions.attendance import ParticipantMessageFrame
from sessions.leg import Blend

if TYPE_CHECKING:
    from sessions.peer_room import PeerRoom

CHUNK_SECS = 0.01
"""What a WebRTC track of Pipecat's takes at a time."""

LATEST_SECS = 0.06
"""Sound of a person that waits longer was held up on its way: three packets of Opus."""


class Peer:
    """One participant: their connection, and what they hear.

    Attributes:
        id: As whom the pipeline knows them.
        name: As they gave it; empty if they gave none.
        gone: Set when they have left, or were sent home.
        ears: What they are about to hear; there once they are connected.
    """

    def __init__(self, room: "PeerRoom", connection: SmallWebRTCConnection, *, id: str, name: str):
        """Wait for them to connect.

        Args:
            room: Told of what they do.
            connection: Theirs.
            id: See above.
            name: See above.
        """
        self.room, self.connection = room, connection
        self.id, self.name = id, name
        self.gone = asyncio.Event()
        self._tasks: list[asyncio.Task] = []
        self.client = SmallWebRTCClient(
            connection,
            SmallWebRTCCallbacks(
                on_app_message=self._on_message,
                on_client_connected=self._on_connected,
                on_client_disconnected=self._on_disconnected,
                on_track_status=self._on_track_status,
            ),
        )

    def listen(self) -> None:
        """Hear and see them from now on."""
        if self._tasks or self.gone.is_set():
            return
        create_task = self.room.input().create_task
        self._tasks.append(create_task(self._listen(), f"{self.id}::ears"))
        if gate := getattr(self.connection, "gate_pictures", None):
            gate(self._is_due)  # what is not wanted is not even converted
        for source, wanted in self.room.params.video_in_sources.items():
            self.room.samplers.capture(self.id, source, wanted.framerate)
            look = self._look(source, gated=bool(gate))
            self._tasks.append(create_task(look, f"{self.id}::{source}"))

    async def close(self) -> None:
        """Hang up on them; harmless when they have."""
        self.gone.set()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            await self.room.input().cancel_task(task)
        await self.client.disconnect()

    async def _listen(self) -> None:
        """Take their sound, 20 ms at a time, to the pipeline and to the others."""
        rate = self.room.output().sample_rate
        resampler = AudioResampler("s16", "mono", rate)  # Pipecat's own would hold back 70 ms
        async for frame in self.client.read_audio_frame():
            heard = UserAudioRawFrame(
                frame.audio, frame.sample_rate, frame.num_channels, user_id=self.id
            )
            heard.pts = frame.pts
            await self.room.input().push_audio_frame(heard)
            await self.room.spread(self.id, _resampled(resampler, frame))

    async def _look(self, source: str, *, gated: bool) -> None:
        """Take what they show to the pipeline, as often as it wants to see it."""
        async for frame in self.client.read_video_frame(source):
            if gated or self._is_due(source, frame):
                frame.user_id = self.id
                await self.room.input().push_video_frame(frame)

    def _is_due(self, source: str, _frame: Any) -> bool:
        return self.room.samplers.sample(self.id, source)[0]

    async def _on_connected(self, _connection: SmallWebRTCConnection) -> None:
        track: Any = self.client._audio_output_track
        self.ears = Blend(rate=track._sample_rate, step_secs=CHUNK_SECS, latest_secs=LATEST_SECS)
        track._chunk_queue = _Pulled(self.ears, silence=bytes(track._bytes_per_10ms))
        await self.room.arrived(self)

    async def _on_disconnected(self, _connection: SmallWebRTCConnection) -> None:
        await self.room.left(self)

    async def _on_message(self, message: Any, _sender: str) -> None:
        await self.room.input().broadcast_frame(
            ParticipantMessageFrame, message=message, participant_id=self.id
        )

    async def _on_track_status(self, _source: str, _enabled: bool) -> None:
        """A microphone that is off sends silence."""


class _Pulled:
    """Stands in for the queue of a track: what comes next is mixed when it is due, and not before."""

    def __init__(self, ears: Blend, *, silence: bytes):
        self._ears, self._silence = ears, silence

    def __bool__(self) -> bool:
        return True

    def popleft(self) -> tuple[bytes, None]:
        return self._ears.next() or self._silence, None


def _resampled(resampler: AudioResampler, frame: InputAudioRawFrame) -> bytes:
    sound = AudioFrame.from_ndarray(np.frombuffer(frame.audio, np.int16)[None], "s16", "mono")
    sound.sample_rate = frame.sample_rate
    return b"".join(part.to_ndarray().tobytes() for part in resampler.resample(sound))

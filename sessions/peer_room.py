"""A WebRTC room of our own: several browsers in one session, each on a track of their own.

Pipecat's SmallWebRTC is one peer. Here every participant has a `SmallWebRTCClient` of theirs; their
sound goes into the pipeline under their own id, and to all the others, who hear the bot too.
"""

import asyncio
import weakref

from pipecat.frames.frames import (
    CancelFrame,
    ClientConnectedFrame,
    EndFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
    StartFrame,
)
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.video_in_sampler import _VideoInSamplers

from sessions.doors import DoorError
from sessions.peer import CHUNK_SECS, Peer
from sessions.transcript import LINE

SEATS = 16
"""People in a room; as many are heard by ears of their own."""

_rooms: "weakref.WeakValueDictionary[str, PeerRoom]" = weakref.WeakValueDictionary()


def room_of(session_id: str) -> "PeerRoom | None":
    """The room of a session that runs in this process."""
    return _rooms.get(session_id)


class PeerRoom(BaseTransport):
    """One session's room. Who opened it is in it from the start; others :meth:`join`.

    The opener's id is the session's; without a name it is :data:`LINE`, as whoever sits at the one
    browser of a call is: its ears then tell voices apart, and name none.

    Event handlers available:

    - on_participant_joined(transport, participant): ``{"id": ..., "info": {"userName": ...}}``
    - on_participant_left(transport, participant, reason)
    - on_client_connected(transport, connection): of every participant
    - on_client_disconnected(transport, connection): the same
    """

    def __init__(
        self,
        connection: SmallWebRTCConnection,
        params: TransportParams,
        *,
        session_id: str,
        name: str = "",
    ):
        """Open the room.

        Args:
            connection: Of who opens it.
            params: The house's parameters.
            session_id: Under which others find it.
            name: The opener's, as they gave it.
        """
        super().__init__()
        self.params = params
        self.listening = False
        self._peers: dict[str, Peer] = {}
        self._coming: set[Peer] = set()
        self._silenced: set[str] = set()
        self.samplers = _VideoInSamplers()
        self._setup: asyncio.Future[FrameProcessorSetup] = asyncio.Future()
        self._over = False
        self.opener = session_id if name else LINE
        self._opener = Peer(self, connection, id=self.opener, name=name)
        self._input, self._output = _Input(self), _Output(self)
        # In order, and before anything that the participant sends: rights depend on who came.
        self._register_event_handler("on_participant_joined", sync=True)
        self._register_event_handler("on_participant_left", sync=True)
        self._register_event_handler("on_client_connected")
        self._register_event_handler("on_client_disconnected")
        _rooms[session_id] = self

    def input(self) -> "_Input":
        """What the participants say and send."""
        return self._input

    def output(self) -> "_Output":
        """What all of them hear of the bot, and are told."""
        return self._output

    def participants(self) -> dict[str, str]:
        """The names of those who are here, by their ids; empty where none was given."""
        return {id: peer.name for id, peer in self._peers.items()}

    async def join(self, connection: SmallWebRTCConnection, *, id: str, name: str) -> None:
        """Have somebody in the room until they leave, or the room is over.

        Args:
            connection: Theirs.
            id: As whom; who comes again under the same id takes their own place.
            name: As they gave it; nobody has verified it.

        Raises:
            DoorError: The room is over, or full.
        """
        if self._over:
            raise DoorError("This meeting is over.")
        if id not in self._peers and len(self._peers) + len(self._coming) >= SEATS:
            raise DoorError(f"This meeting has its {SEATS} people. Ask somebody to leave first.")
        peer = Peer(self, connection, id=id, name=name)
        try:
            await self._let_in(peer)
            await peer.gone.wait()
        finally:
            await peer.close()
            await self.left(peer)

    def silence(self, participant: str) -> bool:
        """Let nobody in the room hear a participant any more; whether they are here."""
        self._silenced.add(participant)
        return participant in self._peers

    async def capture_participant_video(
        self, participant_id: str, framerate: int | None = 30, video_source: str = "camera"
    ) -> None:
        """Pass on so many frames a second of a participant's source, as Pipecat's rooms do."""
        self.samplers.capture(participant_id, video_source, framerate)

    # Of the two ends

    async def open(self, setup: FrameProcessorSetup) -> None:
        """The pipeline is set up: let in who waits."""
        if not self._setup.done():
            self._setup.set_result(setup)
            await self._let_in(self._opener)

    def listen(self) -> None:
        """The pipeline has started: hear who is here."""
        self.listening = True
        for peer in self._peers.values():
            peer.listen()

    async def close(self) -> None:
        """Send everybody home."""
        self._over = True
        for peer in [*self._peers.values(), *self._coming]:
            await peer.close()

    async def tell(
        self, frame: OutputTransportMessageFrame | OutputTransportMessageUrgentFrame
    ) -> None:
        """Send everybody a message."""
        for peer in [*self._peers.values()]:
            await peer.client.send_message(frame)

    async def spread(self, source: str, sound: bytes) -> None:
        """Let everybody hear a source but who it is. 16-bit mono at the rate of the output."""
        if source not in self._silenced:
            for id, peer in [*self._peers.items()]:
                if id != source:
                    await peer.ears.hear(source, sound, self._output.sample_rate)

    # Of the peers

    async def _let_in(self, peer: Peer) -> None:
        self._coming.add(peer)
        setup = await asyncio.shield(self._setup)
        await peer.client.setup(self.params, setup)
        await peer.client.connect()

    async def arrived(self, peer: Peer) -> None:
        """A participant is connected, perhaps again after a restart of their line."""
        self._coming.discard(peer)
        known = self._peers.get(peer.id)
        self._peers[peer.id] = peer
        if self.listening:
            peer.listen()
        if known is None:
            someone = {"id": peer.id, "info": {"userId": peer.id, "userName": peer.name}}
            await self._call_event_handler("on_participant_joined", someone)
        elif known is not peer:
            await known.close()
        await self._call_event_handler("on_client_connected", peer.connection)
        await self._input.push_frame(ClientConnectedFrame())

    async def left(self, peer: Peer) -> None:
        """A participant has gone; once told, and not of one who has taken their own place."""
        self._coming.discard(peer)
        await peer.close()
        if self._peers.get(peer.id) is not peer:
            return
        del self._peers[peer.id]
        if not self._over:
            someone = {"id": peer.id, "info": {"userId": peer.id, "userName": peer.name}}
            await self._call_event_handler("on_participant_left", someone, "left")
            await self._call_event_handler("on_client_disconnected", peer.connection)


class _Input(BaseInputTransport):
    def __init__(self, room: PeerRoom):
        super().__init__(room.params)
        self._room = room

    async def start(self, frame: StartFrame):
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._room.listen()


class _Output(BaseOutputTransport):
    def __init__(self, room: PeerRoom):
        super().__init__(room.params)
        self._room = room
        self._until = 0.0

    async def setup(self, setup: FrameProcessorSetup):
        await super().setup(setup)
        await self._room.open(setup)

    async def start(self, frame: StartFrame):
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def stop(self, frame: EndFrame):
        await super().stop(frame)
        await self._room.close()

    async def cancel(self, frame: CancelFrame):
        await super().cancel(frame)
        await self._room.close()

    async def cleanup(self):
        await super().cleanup()
        await self._room.close()

    async def send_message(
        self, frame: OutputTransportMessageFrame | OutputTransportMessageUrgentFrame
    ):
        await self._room.tell(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Play a piece of sound, and take the time that it plays, but for its last 10 ms."""
        loop = asyncio.get_running_loop()
        begin = max(loop.time(), self._until)
        self._until = begin + len(frame.audio) / 2 / frame.num_channels / frame.sample_rate
        await self._room.spread("bot", frame.audio)
        await asyncio.sleep(max(0.0, self._until - CHUNK_SECS - loop.time()))
        return True

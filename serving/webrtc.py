"""SmallWebRTC with a short audio queue, and the caller's line over it."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import aioice.ice
from aiortc.jitterbuffer import JitterBuffer
from av.frame import Frame
from fastapi import HTTPException
from pipecat.transports.smallwebrtc.connection import (
    AUDIO_TRANSCEIVER_INDEX,
    SCREEN_VIDEO_TRANSCEIVER_INDEX,
    VIDEO_TRANSCEIVER_INDEX,
    SmallWebRTCConnection,
    SmallWebRTCTrack,
)
from pipecat.transports.smallwebrtc.request_handler import (
    SmallWebRTCRequest,
    SmallWebRTCRequestHandler,
)

GONE = "This connection is gone. POST /start opens a new session."

OF_A_SESSION = re.compile(r"[^@]+@([0-9A-Za-z-]{1,64})")

CHANNEL_WAIT = 5.0
"""Seconds a fault waits for the data channel: ICE and DTLS took at most 0.9 s on loopback."""

FLUSH = 0.2
"""Seconds for a last message to leave; closing the peer connection drops what is queued."""


def use_loopback_only() -> None:
    """Offer 127.0.0.1 alone as a way in, for every connection of this process.

    aioice skips loopback addresses otherwise, so a machine without a network could not call
    itself; with it, no media can leave this machine.
    """
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class CallerAudioTrack(SmallWebRTCTrack):
    """Caller audio whose jitter buffer stays shallow.

    aiortc holds 16 packets and releases one per packet received: one lost packet keeps 280 ms of
    audio waiting for the rest of the call, and so does a gap while the receiver is off. Four
    packets, and a fresh buffer each time the receiver is switched on, bound that to 80 ms.
    """

    async def recv(self) -> Frame | None:
        """The next 20 ms of caller audio."""
        if not self._receiver._enabled:
            self._receiver._RTCRtpReceiver__jitter_buffer = JitterBuffer(capacity=4, prefetch=1)
        return await super().recv()


def session_in(pc_id: object) -> str:
    """The session that a connection's id bears; empty when it is no such id."""
    found = OF_A_SESSION.fullmatch(pc_id) if isinstance(pc_id, str) else None
    return found[1] if found else ""


Wants = Callable[[str, Any], bool]
"""Given ``"camera"`` or ``"screenVideo"`` and a decoded ``av.VideoFrame``: is it worth converting?"""

SOURCES = {VIDEO_TRANSCEIVER_INDEX: "camera", SCREEN_VIDEO_TRANSCEIVER_INDEX: "screenVideo"}


class CallerVideoTrack(SmallWebRTCTrack):
    """Caller video that hands on only the frames that are wanted.

    Pipecat converts every frame to RGB on the event loop, and then throws most of them away. Here
    they are looked at as they come from the decoder.
    """

    UNWANTED_SECS = 1.0
    """None tells the transport that there is nothing. It warns of a track that is silent for 2 s, and
    the track takes a reader that waits so long for gone: the key frame that comes then is lost."""

    def __init__(self, receiver: Any, *, source: str, connection: "CallerConnection"):
        """Wrap the receiver of a source."""
        super().__init__(receiver)
        self._source, self._connection = source, connection

    async def recv(self) -> Frame | None:
        """The next wanted frame; None if the track is off, or nothing wanted came for a while."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            try:
                async with asyncio.timeout(self.UNWANTED_SECS):
                    frame = await super().recv()
            except TimeoutError:
                return None
            wants = self._connection.wants
            if frame is None or wants is None or wants(self._source, frame):
                return frame
            if loop.time() - began > self.UNWANTED_SECS:
                return None


class CallerConnection(SmallWebRTCConnection):
    """A caller's peer connection: Pipecat's, with our tracks, usable as a `Line`."""

    wants: Wants | None = None

    def belong_to(self, session: str) -> None:
        """Bear the session in the connection's id: any server then knows whose it is."""
        self._pc_id = f"{self._pc_id}@{session}"

    def _initialize(self):
        super()._initialize()
        self._channel_opened = asyncio.Event()

    def _flush_message_queue(self):
        super()._flush_message_queue()
        self._channel_opened.set()

    def audio_input_track(self) -> SmallWebRTCTrack | None:
        """The caller's audio, wrapped once per peer connection."""
        known = self._track_map.get(AUDIO_TRANSCEIVER_INDEX)
        track = super().audio_input_track()
        if track is known or track is None:
            return track
        track = self._track_map[AUDIO_TRANSCEIVER_INDEX] = CallerAudioTrack(track._receiver)
        return track

    def video_input_track(self) -> SmallWebRTCTrack | None:
        """The caller's camera, wrapped once per peer connection."""
        return self._video(VIDEO_TRANSCEIVER_INDEX, super().video_input_track)

    def screen_video_input_track(self) -> SmallWebRTCTrack | None:
        """The caller's shared screen, wrapped once per peer connection."""
        return self._video(SCREEN_VIDEO_TRANSCEIVER_INDEX, super().screen_video_input_track)

    def gate_pictures(self, wants: Wants | None) -> None:
        """Convert only the frames that are wanted, from now on; all of them for None."""
        self.wants = wants

    def _video(self, index: int, wrapped: Callable) -> SmallWebRTCTrack | None:
        known = self._track_map.get(index)
        track = wrapped()
        if track is known or track is None:
            return track
        track = self._track_map[index] = CallerVideoTrack(
            track._receiver, source=SOURCES[index], connection=self
        )
        return track

    async def tell(self, fault: str) -> None:
        """Send an RTVI error over the data channel, waiting for it to open if it has not yet."""
        try:
            await asyncio.wait_for(self._channel_opened.wait(), CHANNEL_WAIT)
        except TimeoutError:
            return
        data = {"error": fault or "The bot had a fault.", "fatal": True}
        self.send_app_message(
            {"label": "rtvi-ai", "type": "error", "id": uuid4().hex[:8], "data": data}
        )
        await asyncio.sleep(FLUSH)

    async def hang_up(self) -> None:
        """Say goodbye and close."""
        await self.disconnect()


class CallerRequestHandler(SmallWebRTCRequestHandler):
    """Pipecat's offer handling, making `CallerConnection`s."""

    async def handle_web_request(
        self,
        request: SmallWebRTCRequest,
        webrtc_connection_callback: Callable[[Any], Awaitable[None]],
    ) -> dict[str, str]:
        """Answer an offer: a new caller's, or one renegotiating or restarting by its `pc_id`.

        Raises:
            HTTPException: 404 for a `pc_id` that is gone, 400 for an offer that is none.
        """
        connection = self._pcs_map.get(request.pc_id) if request.pc_id else None
        if request.pc_id and not connection:
            raise HTTPException(404, GONE)
        try:
            if "\nm=" not in request.sdp:
                raise ValueError("it offers no media")
            if connection:
                restart = bool(request.restart_pc)
                await connection.renegotiate(request.sdp, request.type, restart_pc=restart)
            else:
                connection = CallerConnection(ice_servers=self._ice_servers)
                await connection.initialize(request.sdp, request.type)
        except Exception as error:  # aiortc asserts, splits and indexes its way through an SDP
            raise HTTPException(400, f"The offer's SDP cannot be used: {error}")
        if request.pc_id:
            self._pcs_map.pop(request.pc_id, None)
        else:
            await self._put_through(connection, webrtc_connection_callback)
        answer = connection.get_answer()
        assert answer, "an initialized connection has an answer"
        self._pcs_map[connection.pc_id] = connection
        return answer

    async def _put_through(
        self, connection: SmallWebRTCConnection, callback: Callable[[Any], Awaitable[None]]
    ) -> None:
        @connection.event_handler("closed")
        async def forget(connection: SmallWebRTCConnection):
            self._pcs_map.pop(connection.pc_id, None)

        try:
            await callback(connection)
        except HTTPException:
            await connection.disconnect()
            raise

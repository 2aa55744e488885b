"""The caller's connection: `/start`, the WebRTC offer, the audio, the data channel."""

import asyncio
import contextlib
import json
import os
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import aioice.ice
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.jitterbuffer import JitterBuffer
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtcconfiguration import RTCBundlePolicy

from sessions import tokens

DIAL_S = 30.0
"""Longest wait for each of the server, the media and the bot."""

CLIENT = {"version": "2.2.0", "about": {"library": "vivace-call"}}
"""RTVI protocol 2.2.0: the first with `user-input`."""


class CallFailed(Exception):
    """The call cannot be placed; the message says why in one breath."""


def use_loopback_only() -> None:
    """Offer 127.0.0.1 and no other address, in the whole process.

    aioice leaves the loopback interface out, so without this no call connects on a machine
    that has no other.
    """
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class Wire:
    """One SmallWebRTC connection to a bot.

    Args:
        url: The server's address.
        microphone: The track that is sent.
        pictures: The tracks of the camera and the screen; none for a call without.
        on_step: Called as dialling gets on, with "server", "media", "bot".
        on_audio: Called with each received frame: int16 mono samples at 48 kHz.
        on_message: Called with each RTVI message, a dict.
        on_closed: Called with the reason when the other side is gone.
    """

    def __init__(
        self,
        url: str,
        *,
        microphone: MediaStreamTrack,
        pictures: Sequence[MediaStreamTrack] = (),
        on_step: Callable[[str], None],
        on_audio: Callable[[np.ndarray], None],
        on_message: Callable[[dict[str, Any]], None],
        on_closed: Callable[[str], None],
    ):
        self._url = url.rstrip("/")
        self._on_step = on_step
        self._on_audio = on_audio
        self._on_message = on_message
        self._on_closed = on_closed
        self._open = asyncio.Event()
        self._ready = asyncio.Event()
        self._gone = asyncio.Event()
        self._tasks: list[asyncio.Task] = []
        self.session_id = ""
        self._headers = {}
        if os.environ.get(tokens.VARIABLE):  # our own server's, which asks for a token then
            self._headers["Authorization"] = f"Bearer {tokens.start_token()}"

        self._pc = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._pc.addTransceiver(microphone, direction="sendrecv")
        for track in pictures:
            self._pc.addTransceiver(track, direction="sendonly")
        self._pictures = len(pictures)
        self._channel = self._pc.createDataChannel("chat", ordered=True)
        self._channel.on("open", self._open.set)
        self._channel.on("close", lambda: self._lost("the bot hung up"))
        self._channel.on("message", self._hear)
        self._pc.on("track", self._on_track)
        self._pc.on("connectionstatechange", self._on_state)

    async def dial(self, body: dict[str, Any]) -> None:
        """Place the call and return when the bot is ready.

        Args:
            body: The body of `/start`.

        Raises:
            CallFailed: The server or the bot does not answer, or refuses.
        """
        self._on_step("server")
        started = await self._post("/start", json={"transport": "webrtc", "body": body})
        self.session_id = str(started.get("sessionId", ""))
        self._on_step("media")
        await self._pc.setLocalDescription(await self._pc.createOffer())
        offer = {"sdp": self._pc.localDescription.sdp, "type": "offer"}
        answer = await self._post(f"/sessions/{self.session_id}/api/offer", json=offer)
        await self._pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        await self._within(self._open, "the media connection did not come up")
        self._on_step("bot")
        for index in range(1 + self._pictures):
            self.switch(index, on=index == 0)
        self._tasks.append(asyncio.create_task(self._ping()))
        self.send("client-ready", CLIENT)
        await self._within(self._ready, "the bot did not get ready")

    def switch(self, index: int, *, on: bool) -> None:
        """Tell the bot whether a track is sent: 0 the microphone, 1 the camera, 2 the screen."""
        if self._channel.readyState == "open":
            status = {"type": "trackStatus", "receiver_index": index, "enabled": on}
            self._channel.send(json.dumps({"type": "signalling", "message": status}))

    def send(self, kind: str, data: dict[str, Any]) -> None:
        """Send one RTVI message."""
        if self._channel.readyState == "open":
            message = {"label": "rtvi-ai", "type": kind, "id": uuid.uuid4().hex[:8], "data": data}
            self._channel.send(json.dumps(message))

    async def show(self, document: Path) -> None:
        """Hand a file to the bot, which reads it with the caller's next turn.

        Raises:
            CallFailed: The server does not take it.
            OSError: It cannot be read.
        """
        form = aiohttp.FormData()
        content = await asyncio.to_thread(document.read_bytes)
        form.add_field("file", content, filename=document.name)
        file = await self._post(f"/sessions/{self.session_id}/files", data=form)
        later = {"run_immediately": False}
        self.send("send-file", {"content": document.name, "file": file, "options": later})

    async def close(self) -> None:
        """Leave; the other side sees it at once."""
        self._gone.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._pc.close(), 5)

    async def _post(self, path: str, **content: Any) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=DIAL_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=self._headers) as http,
                http.post(self._url + path, **content) as response,
            ):
                text = await response.text()
                if response.status < 400:
                    return json.loads(text)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            why = str(error) or f"no answer within {DIAL_S:.0f} s"
            raise CallFailed(f"No bot answers at {self._url}: {why}. Is the server up?") from None
        with contextlib.suppress(ValueError, AttributeError):
            text = json.loads(text).get("detail") or text
        raise CallFailed(f"The server refused ({response.status}): {text}")

    async def _within(self, event: asyncio.Event, problem: str) -> None:
        waits = [asyncio.create_task(e.wait()) for e in (event, self._gone)]
        await asyncio.wait(waits, timeout=DIAL_S, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if not event.is_set():
            why = "it hung up" if self._gone.is_set() else f"waited {DIAL_S:.0f} s"
            raise CallFailed(f"The bot did not take the call: {problem} ({why}).")

    async def _ping(self) -> None:
        """Say each second that the caller is there; the server waits for three."""
        while self._channel.readyState == "open":
            self._channel.send("ping")
            await asyncio.sleep(1)

    def _on_track(self, track: MediaStreamTrack) -> None:
        if track.kind != "audio":
            return
        receiver = self._pc.getTransceivers()[0].receiver
        # aiortc's stock audio buffer holds 16 packets: one lost packet delays the rest of the
        # call by 200 ms. There is no setting for it.
        receiver._RTCRtpReceiver__jitter_buffer = JitterBuffer(capacity=4, prefetch=1)  # pyright: ignore
        self._tasks.append(asyncio.create_task(self._listen(track)))

    async def _listen(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                self._on_audio(frame.to_ndarray()[0, :: len(frame.layout.channels)])

    def _on_state(self) -> None:
        if self._pc.connectionState in ("failed", "closed"):
            self._lost("the connection was lost")

    def _lost(self, reason: str) -> None:
        if not self._gone.is_set():
            self._gone.set()
            self._on_closed(reason)

    def _hear(self, raw: str | bytes) -> None:
        with contextlib.suppress(ValueError):
            message = json.loads(raw)
            if message.get("type") == "signalling":
                if (message.get("message") or {}).get("type") == "peerLeft":
                    self._lost("the bot hung up")
            elif message.get("label") == "rtvi-ai":
                if message.get("type") == "bot-ready":
                    self._ready.set()
                self._on_message(message)

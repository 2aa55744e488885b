"""A whole warm transfer: a caller over WebRTC or a phone, and a person at the desk, over WebRTC."""

import asyncio
import contextlib
import json
import time
from contextlib import asynccontextmanager

import httpx
import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription

import bots
from serving.app import create_app
from serving.cards import BotCard
from serving.desk import desk_router
from serving.server import listening
from tests.doubles.browser_call import Microphone
from tests.doubles.heard import Heard, chunks

KEY = "desk-key"
CARD = BotCard(name="consultation", about="A clinic.")


@asynccontextmanager
async def house(tmp_path, *, bot=bots.bot, cards=(CARD,)):
    """The app with its desk; yields its URL and the app."""
    app = create_app(
        bot=bot,
        catalogue=lambda: [*cards],
        uploads=tmp_path / "uploads",
        loopback=True,
        candid=True,
    )
    app.include_router(desk_router(key=KEY))
    async with listening(app) as (url, _):
        yield url, app


class Desk:
    """A person with the desk's page open."""

    def __init__(self, http: httpx.AsyncClient):
        self.http = http

    async def calls(self) -> list[dict]:
        return (await self.http.get("/desk/calls")).raise_for_status().json()

    async def ringing(self, *, within: float = 10.0) -> dict:
        async with asyncio.timeout(within):
            while True:
                for call in await self.calls():
                    if call["state"] == "ringing":
                        return call
                await asyncio.sleep(0.05)

    async def refuse(self, session: str) -> httpx.Response:
        return await self.http.post(f"/desk/calls/{session}/refuse")


@asynccontextmanager
async def at_desk(url: str, *, key: str = KEY):
    async with httpx.AsyncClient(base_url=url, follow_redirects=True) as http:
        (await http.get("/desk", params={"key": key})).raise_for_status()
        yield Desk(http)


class Person:
    """Somebody on a caller's line."""

    def __init__(self):
        self.heard = Heard()
        self.shown: list[dict] = []
        self.came_at = 0.0
        self._pc = RTCPeerConnection()
        self._microphone = Microphone()
        self._tasks: list[asyncio.Task] = []

    async def come(self, desk: Desk, session: str, *, listen: bool = False, who: str = "Kim"):
        self.came_at = time.monotonic()
        self._pc.addTrack(self._microphone)
        self._channel = self._pc.createDataChannel("desk")
        self._channel.on("message", lambda text: self.shown.append(json.loads(text)))

        @self._pc.on("track")
        def on_track(track):
            self._tasks.append(asyncio.ensure_future(self._listen(track)))

        await self._pc.setLocalDescription(await self._pc.createOffer())
        offer = {"sdp": self._pc.localDescription.sdp, "listen": listen, "who": who}
        answer = await desk.http.post(f"/desk/calls/{session}/offer", json=offer)
        answer = answer.raise_for_status().json()
        await self._pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))

    async def say(self, pcm: bytes):
        for chunk in chunks(pcm):
            self._microphone.queue.put_nowait(chunk)

    def order(self, **order):
        self._channel.send(json.dumps(order))

    async def until_shown(self, type: str, *, within: float = 10.0, **fields) -> dict:
        async with asyncio.timeout(within):
            while True:
                for message in self.shown:
                    if message["type"] == type and fields.items() <= message.items():
                        return message
                await asyncio.sleep(0.02)

    async def leave(self):
        for task in self._tasks:
            task.cancel()
        await self._pc.close()

    async def _listen(self, track):
        with contextlib.suppress(Exception):
            while True:
                frame = await track.recv()
                mono = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0]
                self.heard.add(mono.astype(np.int16).tobytes(), frame.sample_rate)


@asynccontextmanager
async def a_person(desk: Desk, session: str, **how):
    person = Person()
    try:
        await person.come(desk, session, **how)
        yield person
    finally:
        await person.leave()

"""The vendors of the leak test: the rehearsal's own doubles, in memory, with an ear that is told."""

import asyncio
import json
from pathlib import Path

import numpy as np
from aiohttp import web

from qa.cassettes.house import open_house
from services.rehearsal import wire_deepgram
from services.rehearsal.latency import profile_named
from services.rehearsal.mouth import Speech

SCRIPTS = Path(__file__).parent


class Blip:
    """A voice that needs 50 ms for anything, and still reports its words."""

    def say(self, text, *, rate, voice="", speed=1.0, stop=lambda: False) -> Speech:
        """Speak."""
        words = text.split() or ["."]
        step = 0.05 / len(words)
        pcm = (np.sin(np.arange(int(rate * 0.05)) / 9) * 8000).astype("<i2").tobytes()
        return Speech(pcm, rate, [(w, i * step, (i + 1) * step) for i, w in enumerate(words)])


class Ear:
    """Deepgram's end of one session's socket: hears what it is told to have heard."""

    def __init__(self):
        """Begin before the session has connected."""
        self.socket: web.WebSocketResponse | None = None
        self.connected = asyncio.Event()

    async def hear(self, text: str, *, final: bool, speech_final: bool = False) -> None:
        """Send a result, as Deepgram's listen v1 does."""
        await asyncio.wait_for(self.connected.wait(), 30)
        assert self.socket is not None
        words = [
            {"word": w, "start": i * 0.3, "end": i * 0.3 + 0.2, "confidence": 0.9}
            for i, w in enumerate(text.split())
        ]
        result = {
            "type": "Results",
            "channel_index": [0, 1],
            "duration": 1.0,
            "start": 0.0,
            "is_final": final,
            "speech_final": speech_final,
            "from_finalize": False,
            "metadata": {
                "request_id": "r",
                "model_info": {"name": "n", "version": "v", "arch": "a"},
                "model_uuid": "m",
            },
            "channel": {"alternatives": [{"transcript": text, "confidence": 0.9, "words": words}]},
        }
        await self.socket.send_str(json.dumps(result))


class House:
    """All doubles of one run.

    Attributes:
        ears: By session id.
        rehearsal: The doubles' shared state, with each session's journal.
    """

    def __init__(self):
        """Begin with nobody connected."""
        self.ears: dict[str, Ear] = {}

    def ear(self, session: str) -> Ear:
        """The ear of a session."""
        return self.ears.setdefault(session, Ear())

    async def open(self, loop) -> None:
        """Serve. Speech recognition is told; the model and the voice are the rehearsal's."""
        own, wire_deepgram.listen = wire_deepgram.listen, self._listen
        try:
            self.rehearsal = await open_house(
                loop, seed=1, profile=profile_named("instant"), scripts=SCRIPTS, voice="tone"
            )
        finally:
            wire_deepgram.listen = own
        self.rehearsal.mouth = Blip()

    def journal(self, session: str) -> list[dict]:
        """What the doubles were told by a session."""
        return self.rehearsal.visit_of(session).journal.entries()

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        visit = await wire_deepgram.admit(request, "r")
        assert not isinstance(visit, web.Response)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        ear = self.ear(visit.session)
        ear.socket = socket
        ear.connected.set()
        async for message in socket:
            if message.type == web.WSMsgType.TEXT and "CloseStream" in message.data:
                await socket.close()
        return socket

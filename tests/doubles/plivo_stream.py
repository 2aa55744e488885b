"""A double of Plivo: a media stream, μ-law at 8 kHz, and the call resource of its API."""

from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from tests.doubles.phone_stream import RATE, StreamCaller, carrier_rest
from tests.doubles.twilio_stream import Calls

AUTH_ID, AUTH_TOKEN = "MAXXXXXXXXXXXXXXXXXX", "plivo-token"


class PlivoCaller(StreamCaller):
    """One call, as Plivo forwards it. It names nobody's number on the stream."""

    clear = "clearAudio"

    async def emit(self, message: dict):
        await super().emit({**message, "sequenceNumber": self._sequence, "streamId": self.stream})

    def opening(self, numbers):
        start = {
            "streamId": self.stream,
            "callId": self.call,
            "accountId": "1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": RATE},
        }
        started = {"event": "start", "start": start, "extra_headers": "{}"}
        return [started, self.media("", 0)]

    def media(self, payload, number):
        media = {"track": "inbound", "chunk": number, "timestamp": str(20 * number)}
        return {"event": "media", "media": media | {"payload": payload}}

    def key(self, digit):
        return {"event": "dtmf", "dtmf": {"track": "inbound", "digit": digit, "timestamp": "1"}}

    def goodbye(self):
        return {"event": "stop", "reason": "call ended"}

    def sound(self, message):
        if message["event"] != "playAudio":
            return None
        assert message["media"]["contentType"] == "audio/x-mulaw"
        assert message["media"]["sampleRate"] == RATE
        return self.decoded(message["media"]["payload"])


@asynccontextmanager
async def plivo_rest(monkeypatch):
    """Plivo's call resource: yields the calls that were ended, and where legs were sent on to."""
    calls = Calls()

    def authorized(request):
        login = aiohttp.BasicAuth.decode(request.headers["Authorization"])
        assert (login.login, login.password) == (AUTH_ID, AUTH_TOKEN)

    async def hang_up(request):
        authorized(request)
        calls.append(request.match_info["call"])
        return web.Response(status=204)

    async def transfer(request):
        authorized(request)
        asked = await request.json()
        if calls.fails:
            return web.json_response({"error": "no"}, status=401)
        assert asked["legs"] == "aleg" and asked["aleg_method"] == "POST"
        calls.redirected.append((request.match_info["call"], asked["aleg_url"]))
        return web.json_response({"message": "call transferred"}, status=202)

    path = "/v1/Account/{auth}/Call/{call}/"
    routes = web.delete(path, hang_up), web.post(path, transfer)
    async with carrier_rest(monkeypatch, "https://api.plivo.com", *routes):
        yield calls

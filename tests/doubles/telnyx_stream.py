"""A double of Telnyx: a media stream in PCMU, and the call commands of its API."""

from contextlib import asynccontextmanager

from aiohttp import web

from tests.doubles.phone_stream import RATE, StreamCaller, carrier_rest
from tests.doubles.twilio_stream import Calls

API_KEY = "telnyx-key"


class TelnyxCaller(StreamCaller):
    """One call, as Telnyx forwards it."""

    async def emit(self, message: dict):
        sid = {} if message["event"] == "connected" else {"stream_id": self.stream}
        await super().emit({**message, **sid, "sequence_number": str(self._sequence)})

    def opening(self, numbers):
        start = {
            "user_id": "u1",
            "call_control_id": self.call,
            "client_state": "",
            "media_format": {"encoding": "PCMU", "sample_rate": RATE, "channels": 1},
            "from": numbers.get("from_number", ""),
            "to": numbers.get("to_number", ""),
        }
        return [{"event": "connected", "version": "1.0.0"}, {"event": "start", "start": start}]

    def media(self, payload, number):
        media = {"track": "inbound", "chunk": str(number), "timestamp": str(20 * number)}
        return {"event": "media", "media": media | {"payload": payload}}

    def key(self, digit):
        return {"event": "dtmf", "occurred_at": "2026-01-01T00:00:00Z", "dtmf": {"digit": digit}}

    def goodbye(self):
        return {"event": "stop", "stop": {"user_id": "u1", "call_control_id": self.call}}

    def sound(self, message):
        return self.decoded(message["media"]["payload"]) if message["event"] == "media" else None


@asynccontextmanager
async def telnyx_rest(monkeypatch):
    """Telnyx's call commands: yields the calls that were ended, and those sent on."""
    calls = Calls()

    async def command(request):
        assert request.headers["Authorization"] == f"Bearer {API_KEY}"
        call, what = request.match_info["call"], request.match_info["what"]
        if calls.fails:
            return web.json_response({"errors": [{"code": "10009"}]}, status=401)
        if what == "transfer":
            calls.redirected.append((call, (await request.json())["to"]))
        else:
            assert what == "hangup"
            calls.append(call)
        return web.json_response({"data": {"result": "ok"}})

    route = web.post("/v2/calls/{call}/actions/{what}", command)
    async with carrier_rest(monkeypatch, "https://api.telnyx.com", route):
        yield calls

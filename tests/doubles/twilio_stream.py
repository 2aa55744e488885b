"""A double of Twilio: a media stream, μ-law at 8 kHz, and the call resource of its REST API."""

import asyncio
import time
import uuid
from contextlib import asynccontextmanager
from functools import partial
from xml.etree import ElementTree

import aiohttp
import httpx
from aiohttp import web

from serving.phone import twilio_signature
from tests.doubles.phone_stream import RATE, StreamCaller, carrier_rest, stream_call

ACCOUNT = "AC" + "0" * 32


class TwilioCaller(StreamCaller):
    """One call, as Twilio forwards it; a ``mark`` comes back once all before it has been played."""

    @property
    def stream_sid(self) -> str:
        return f"MZ{self.stream}"

    @property
    def call_sid(self) -> str:
        return f"CA{self.call}"

    async def emit(self, message: dict):
        sid = {} if message["event"] == "connected" else {"streamSid": self.stream_sid}
        await super().emit({**message, **sid, "sequenceNumber": str(self._sequence)})

    def opening(self, numbers):
        start = {
            "accountSid": ACCOUNT,
            "streamSid": self.stream_sid,
            "callSid": self.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1},
            "customParameters": numbers,
        }
        connected = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        return [connected, {"event": "start", "start": start}]

    def media(self, payload, number):
        media = {"track": "inbound", "chunk": str(number), "timestamp": str(20 * number)}
        return {"event": "media", "media": media | {"payload": payload}}

    def key(self, digit):
        return {"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": digit}}

    def goodbye(self):
        return {"event": "stop", "stop": {"callSid": self.call_sid}}

    def sound(self, message):
        assert message["streamSid"] == self.stream_sid
        return self.decoded(message["media"]["payload"]) if message["event"] == "media" else None

    async def other(self, message):
        if message["event"] != "mark":
            return await super().other(message)
        await asyncio.sleep(max(0.0, self._ends - time.monotonic()))
        await self.emit({"event": "mark", "mark": message["mark"]})


twilio_call = partial(stream_call, TwilioCaller)


@asynccontextmanager
async def twilio_rest(monkeypatch):
    """Twilio's call resource: yields the SIDs of calls that were ended, and has their TwiML.

    Ended calls are in the list itself; ``.redirected`` holds ``(sid, twiml)``, ``.placed`` the phones
    that ring.
    """
    ended = Calls()

    async def place(request):
        form = await request.post()
        if ended.fails:
            return web.json_response({"code": 21216, "message": "no"}, status=400)
        ended.placed.append(RungPhone(dict(form)))
        return web.json_response({"sid": ended.placed[-1].sid, "status": "queued"}, status=201)

    async def look(request):
        (phone,) = [p for p in ended.placed if p.sid == request.match_info["sid"]]
        return web.json_response({"sid": phone.sid, "status": phone.status})

    async def update(request):
        assert aiohttp.BasicAuth.decode(request.headers["Authorization"]).login.startswith("AC")
        form, sid = await request.post(), request.match_info["sid"]
        if ended.fails:
            return web.json_response({"code": 20003, "message": "no"}, status=401)
        if "Twiml" in form:
            ended.redirected.append((sid, form["Twiml"]))
        else:
            assert form["Status"] == "completed"
            ended.append(sid)
            for phone in ended.placed:
                phone.status = "completed" if phone.sid == sid else phone.status
        return web.json_response({"sid": sid, "status": "in-progress"})

    at = "/2010-04-01/Accounts/{account}/Calls"
    routes = (
        web.post(at + ".json", place),
        web.get(at + "/{sid}.json", look),
        web.post(at + "/{sid}.json", update),
    )
    async with carrier_rest(monkeypatch, "https://api.twilio.com", *routes):
        yield ended


class RungPhone:
    """A telephone that Twilio rings on somebody's order: what it was told, and what they do."""

    def __init__(self, order: dict[str, str]):
        assert order["From"] and int(order["Timeout"]) > 0
        self.number, self.status, self.sid = order["To"], "ringing", f"CA{uuid.uuid4().hex}"
        response = ElementTree.fromstring(order["Twiml"])
        assert [verb.tag for verb in response] == ["Gather", "Hangup"]
        self.said = response.findtext("Gather/Say") or ""
        self.where = response[0].attrib["action"]

    async def press(self, key: str, *, token: str) -> str:
        """Pick up and press a key; returns where the sound goes, or that it is hung up."""
        self.status = "in-progress"
        form = {"CallSid": self.sid, "Digits": key}
        headers = {"X-Twilio-Signature": twilio_signature(self.where, form, token)}
        async with httpx.AsyncClient() as http:
            answer = (await http.post(self.where, data=form, headers=headers)).raise_for_status()
        stream = ElementTree.fromstring(answer.text).find("Connect/Stream")
        if stream is None:
            self.status = "completed"
            return ""
        return stream.attrib["url"]


class Calls(list):
    """Ended calls, and those that were sent on: ``(call, where)``."""

    def __init__(self):
        super().__init__()
        self.redirected: list[tuple[str, str]] = []
        self.placed: list[RungPhone] = []
        self.fails = False

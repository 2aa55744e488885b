"""Dials a bot through each door of the real serving app, on doubles of the vendors' side."""

import asyncio
import re
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from serving.app import create_app
from serving.phone import twilio_signature
from serving.server import listening
from tests.doors import parrot
from tests.doubles import daily_sdk, livekit_sdk
from tests.doubles.browser_call import browser_call
from tests.doubles.daily_rest import KEY, daily_rest
from tests.doubles.sockets import eval_call, plain_call
from tests.doubles.twilio_stream import twilio_call, twilio_rest

DOORS = ("webrtc", "daily", "livekit", "twilio", "websocket", "eval")


def doors(*, fast):
    """All doors as test parameters; those not in `fast` are marked slow."""
    return [door if door in fast else pytest.param(door, marks=pytest.mark.slow) for door in DOORS]


@dataclass
class Line:
    """A call that is up.

    Parameters:
        caller: Says, hears, sends RTVI messages and hangs up.
        sessions: The app's switchboard.
        url: Where the app is.
        vendor: The double of whoever carries the call, if any.
    """

    caller: Any
    sessions: Any
    url: str = ""
    vendor: Any = None

    async def over(self, *, within: float = 5.0):
        """Wait until the server has no session left."""
        await until(lambda: not len(self.sessions), within=within)


@asynccontextmanager
async def dialed(door, *, monkeypatch, tmp_path, bot=parrot.bot, card=parrot.CARD, body=None):
    """Serve `bot`, dial it through `door`, and hang up at the end."""
    app = create_app(
        bot=bot, catalogue=lambda: [card], uploads=tmp_path / "uploads", loopback=True, candid=True
    )
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        vendor = await enter(_vendor(door, monkeypatch))
        url, _ = await enter(listening(app))
        caller = await enter(_call(door, url, card.name, body or {}, monkeypatch))
        yield Line(caller, app.state.switchboard, url, vendor)


@asynccontextmanager
async def _vendor(door, monkeypatch):
    if door == "daily":
        daily_sdk.install(monkeypatch)
        async with daily_rest() as rest:
            monkeypatch.setenv("DAILY_API_KEY", KEY)
            monkeypatch.setenv("DAILY_API_URL", rest.url)
            yield rest
    elif door == "livekit":
        async with livekit_sdk.livekit(monkeypatch) as server:
            monkeypatch.setenv("LIVEKIT_URL", server.url)
            monkeypatch.setenv("LIVEKIT_API_KEY", livekit_sdk.KEY)
            monkeypatch.setenv("LIVEKIT_API_SECRET", livekit_sdk.SECRET)
            yield server
    elif door == "twilio":
        monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC" + "0" * 32)
        monkeypatch.setenv("TWILIO_AUTH_TOKEN", "twilio-token")
        async with twilio_rest(monkeypatch) as ended:
            yield ended
    else:
        yield None


@asynccontextmanager
async def _call(door, url, bot, body, monkeypatch):
    socket = url.replace("http", "ws", 1)
    match door:
        case "webrtc":
            async with browser_call(url, body | {"bot": bot}) as caller:
                yield caller
        case "daily" | "livekit":
            async with httpx.AsyncClient(base_url=url) as http:
                asked = {"transport": door, "body": body | {"bot": bot}}
                answer = (await http.post("/start", json=asked)).raise_for_status().json()
            if door == "daily":
                room = daily_sdk.CLOUD.room(answer["dailyRoom"])
                await until(lambda: room.bots)
                caller = room.enter()
                await until(lambda: caller.is_heard)
            else:
                server = livekit_sdk.SERVER
                await until(lambda: any(server.inside.values()))
                caller = server.enter(answer["token"])
                await until(lambda: caller.is_heard)
            yield caller
            await caller.hang_up()
        case "twilio":
            stream = await _answer_of_twilio_webhook(url, bot, monkeypatch)
            async with twilio_call(stream, from_number="+15550001") as caller:
                yield caller
        case "websocket":
            async with plain_call(f"{socket}/ws-client/{bot}") as caller:
                yield caller
        case "eval":
            async with eval_call(f"{socket}/ws/{bot}") as caller:
                yield caller


async def _answer_of_twilio_webhook(url, bot, monkeypatch) -> str:
    monkeypatch.setenv("VIVACE_PUBLIC_URL", url)
    form = {"CallSid": "CA1", "From": "+15550001", "To": "+15550002"}
    hook = f"{url}/phone/twilio/{bot}"
    signed = {"X-Twilio-Signature": twilio_signature(hook, form, "twilio-token")}
    async with httpx.AsyncClient() as http:
        twiml = (await http.post(hook, data=form, headers=signed)).raise_for_status().text
    return re.search(r'<Stream url="([^"]+)"', twiml)[1]


async def until(condition, *, within: float = 5.0):
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.02)

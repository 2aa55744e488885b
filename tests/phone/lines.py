"""A phone line of each carrier: its webhook answered, its media stream up, its API doubled."""

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from services.rehearsal.process import ADDRESS, start
from serving.phone import twilio_signature
from tests.doubles.exotel_stream import ExotelCaller
from tests.doubles.phone_stream import stream_call
from tests.doubles.plivo_stream import AUTH_ID, AUTH_TOKEN, PlivoCaller, plivo_rest
from tests.doubles.telnyx_stream import API_KEY, TelnyxCaller, telnyx_rest
from tests.doubles.twilio_stream import ACCOUNT, Calls, TwilioCaller, twilio_rest
from tests.phone import clinic
from tests.transfer.desk import house

CALLERS = {
    "twilio": TwilioCaller,
    "telnyx": TelnyxCaller,
    "plivo": PlivoCaller,
    "exotel": ExotelCaller,
}
NUMBER = "+15552174098"
KEYS = {
    "TWILIO_ACCOUNT_SID": ACCOUNT,
    "TWILIO_AUTH_TOKEN": "twilio-token",
    "TELNYX_API_KEY": API_KEY,
    "PLIVO_AUTH_ID": AUTH_ID,
    "VIVACE_STORE": "off",
}


@dataclass
class PhoneLine:
    """A call that is up.

    Parameters:
        caller: Says, presses, hears and hangs up.
        carrier: What the carrier's API was asked; Exotel has none.
        url: Where the app is.
        app: The app.
        rehearsal: What the vendors were asked.
    """

    caller: Any
    carrier: Calls
    url: str
    app: Any
    rehearsal: Any

    @property
    def session(self) -> str:
        """The caller's session, whoever else is on the line."""
        return self.app.state.switchboard.calls[0].id

    def asked(self, vendor: str, what: str = "") -> list[dict]:
        """What the session has asked of a vendor."""
        journal = self.rehearsal.journal(self.session)
        return [e for e in journal if e["vendor"] == vendor and (not what or e["what"] == what)]


@asynccontextmanager
async def on_the_phone(carrier, *, monkeypatch, tmp_path, bot=clinic.bot, card=clinic.CARD):
    """Ring a bot through a carrier's double; hang up at the end."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    if carrier == "plivo":
        monkeypatch.setenv("PLIVO_AUTH_TOKEN", AUTH_TOKEN)
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path / "tapes"))
    rehearsal = start(scripts=Path(__file__).parent)
    monkeypatch.setenv(ADDRESS, rehearsal.address)
    try:
        async with house(tmp_path, bot=bot, cards=[card]) as (url, app):
            monkeypatch.setenv("VIVACE_PUBLIC_URL", url)
            async with _rest(carrier, monkeypatch) as calls:
                stream = await _webhook(carrier, url, card.name)
                numbers = {"from_number": NUMBER, "to_number": "+15550002"}
                async with stream_call(CALLERS[carrier], stream, **numbers) as caller:
                    yield PhoneLine(caller, calls, url, app, rehearsal)
    finally:
        rehearsal.stop()


@asynccontextmanager
async def _rest(carrier, monkeypatch):
    rests = {"twilio": twilio_rest, "telnyx": telnyx_rest, "plivo": plivo_rest}
    if carrier not in rests:
        yield Calls()
        return
    async with rests[carrier](monkeypatch) as calls:
        yield calls


async def _webhook(carrier: str, url: str, bot: str) -> str:
    """What the carrier is told when the number rings: the address of the stream."""
    hook = f"{url}/phone/{carrier}/{bot}"
    form = {"CallSid": "CA1", "From": NUMBER, "To": "+15550002"}
    headers = {}
    if carrier == "twilio":
        headers["X-Twilio-Signature"] = twilio_signature(hook, form, KEYS["TWILIO_AUTH_TOKEN"])
    if carrier == "plivo":
        from serving.phone import plivo_signature

        headers["X-Plivo-Signature-V3-Nonce"] = "n"
        headers["X-Plivo-Signature-V3"] = plivo_signature(hook, form, "n", AUTH_TOKEN)
    async with httpx.AsyncClient() as http:
        answer = (await http.post(hook, data=form, headers=headers)).raise_for_status()
    return (
        answer.json()["url"] if carrier == "exotel" else re.search(r"ws://[^\"<]+", answer.text)[0]
    )

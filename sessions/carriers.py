"""Sending a phone call on to another number, at whoever carries it. The bot then leaves the call.

Each carrier does it in its own way: Twilio is given new instructions for the call, Telnyx a command,
and Plivo an address where instructions are (this server's, see ``serving/phone.py``). Exotel goes on
with the next applet of its flow when the stream ends: put a Connect applet behind the Voicebot. Daily
transfers a caller who dialed in.
"""

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast
from xml.sax.saxutils import escape

import aiohttp

from sessions import tokens
from sessions.doors import PHONES

if TYPE_CHECKING:
    from sessions.session import Session

REQUEST_SECS = 10
PURPOSE, TOKEN_SECS = "dial", 60.0


class TransferFailed(RuntimeError):
    """The call was not sent on. The message holds no number."""


def can_redirect(session: "Session") -> bool:
    """Whether a session's caller can be sent on."""
    return session.cost.door in (*PHONES, "daily")


def caller_number(session: "Session") -> str:
    """The number that a carrier says the call comes from; empty if it says none."""
    return (call := _call_data(session)) and call.from_number or ""


def _call_data(session: "Session") -> Any:
    return getattr(session.runner_args, "call_data", None)


async def redirect(session: "Session", *, to: str) -> None:
    """Send a session's caller on to a number or a SIP address.

    Args:
        session: The call.
        to: ``+15550001`` or ``sip:nurse@example.org``.

    Raises:
        TransferFailed: The carrier refuses, or there is no way from this door.
    """
    door, transport, call = session.cost.door, cast(Any, session.transport), _call_data(session)
    if not can_redirect(session):
        raise TransferFailed("A caller at this door cannot be sent on: ring the desk instead.")
    if door == "daily":
        if error := await transport.sip_call_transfer({"toEndPoint": to}):
            raise TransferFailed(f"Daily has refused the transfer: {type(error).__name__}.")
    elif door != "exotel":
        await ask(door, *_request(door, call.call_id, to))
        # The carrier ends the stream now; a hang-up of ours would end the call itself.
        transport._params.serializer._params.auto_hang_up = False


def dial_instructions(to: str) -> str:
    """What Twilio and Plivo read: dial this."""
    tag = "Sip" if to.startswith("sip:") else "Number"  # Plivo calls a SIP endpoint User
    return f"<Response><Dial><{tag}>{escape(to)}</{tag}></Dial></Response>"


def _request(door: str, call_id: str, to: str) -> tuple[str, dict[str, Any]]:
    env = os.environ
    if door == "twilio":
        account = env.get("TWILIO_ACCOUNT_SID", "")
        url = f"https://api.twilio.com/2010-04-01/Accounts/{account}/Calls/{call_id}.json"
        login = aiohttp.BasicAuth(account, env.get("TWILIO_AUTH_TOKEN", ""))
        return url, {"auth": login, "data": {"Twiml": dial_instructions(to)}}
    if door == "telnyx":
        url = f"https://api.telnyx.com/v2/calls/{call_id}/actions/transfer"
        bearer = {"Authorization": f"Bearer {env.get('TELNYX_API_KEY', '')}"}
        return url, {"headers": bearer, "json": {"to": to}}
    account = env.get("PLIVO_AUTH_ID", "")
    public = env.get("VIVACE_PUBLIC_URL", "")
    if not public:
        raise TransferFailed(
            "Plivo asks this server where to send the call: set VIVACE_PUBLIC_URL."
        )
    where = f"{public}/phone/plivo-dial/{tokens.sign(to, TOKEN_SECS, purpose=PURPOSE)}"
    login = aiohttp.BasicAuth(account, env.get("PLIVO_AUTH_TOKEN", ""))
    order = {"legs": "aleg", "aleg_url": where, "aleg_method": "POST"}
    return f"https://api.plivo.com/v1/Account/{account}/Call/{call_id}/", {
        "auth": login,
        "json": order,
    }


async def ask(
    carrier: str, url: str, options: dict[str, Any], *, method: str = "POST"
) -> dict[str, Any]:
    """Ask a carrier's API.

    Args:
        carrier: Its name, for the message.
        url: What of it.
        options: The request's, as aiohttp takes them.
        method: The request's.

    Returns:
        The JSON of its answer; empty for one with none.

    Raises:
        TransferFailed: It refuses, or is out of reach.
    """
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http:
            async with http.request(method, url, **options) as answer:
                if answer.status >= 300:
                    raise TransferFailed(f"{carrier} has refused the transfer ({answer.status}).")
                raw = await answer.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise TransferFailed(f"{carrier} cannot be reached: {type(error).__name__}.") from None
    with suppress(ValueError):
        return json.loads(raw)
    return {}

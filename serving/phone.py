"""Phone webhooks: a carrier asks what to do with a call, and is sent to a server's ``/ws``.

That is this server, or among several hosts the one that has most room.

A carrier that can sign its requests must: Twilio (``TWILIO_AUTH_TOKEN``), Telnyx
(``TELNYX_PUBLIC_KEY``), Plivo (``PLIVO_AUTH_TOKEN``). Exotel signs nothing and is asked for a
password instead (``EXOTEL_WEBHOOK_PASSWORD``). Without its secret a webhook answers only to this
machine.
"""

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import quoteattr

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import APIRouter, HTTPException, Request, Response
from starlette.requests import HTTPConnection

from serving.cards import Catalogue, choose
from serving.engine.placement import wishes
from sessions import tokens
from sessions.carriers import PURPOSE, dial_instructions
from sessions.doors import DoorError
from sessions.locality import is_local
from sessions.person import joined
from sessions.ringing import CARRIER, TAKES

SIGNATURE_SECS = 300
"""How old a webhook with a signed time may be."""


def twilio_signature(url: str, form: Mapping[str, str], token: str) -> str:
    """The ``X-Twilio-Signature`` of a request: HMAC-SHA1 of the URL and the sorted form."""
    text = url + "".join(f"{key}{form[key]}" for key in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def plivo_signature(url: str, form: Mapping[str, str], nonce: str, token: str) -> str:
    """The ``X-Plivo-Signature-V3`` of a POST to a URL without a query."""
    fields = "?" + "".join(f"{key}{form[key]}" for key in sorted(form)) if form else ""
    text = f"{url}{fields}.{nonce}"
    signed = hmac.new(token.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(signed).decode()


def _by_twilio(
    url: str, form: Mapping[str, str], request: HTTPConnection, raw: bytes, key: str
) -> bool:
    signature = request.headers.get("x-twilio-signature", "")
    return hmac.compare_digest(twilio_signature(url, form, key).encode(), signature.encode())


def _by_plivo(
    url: str, form: Mapping[str, str], request: HTTPConnection, raw: bytes, key: str
) -> bool:
    nonce = request.headers.get("x-plivo-signature-v3-nonce", "")
    expected = plivo_signature(url, form, nonce, key)
    given = request.headers.get("x-plivo-signature-v3", "").split(",")
    return any(hmac.compare_digest(expected.encode(), one.strip().encode()) for one in given)


def _by_telnyx(
    url: str, form: Mapping[str, str], request: HTTPConnection, raw: bytes, key: str
) -> bool:
    stamp = request.headers.get("telnyx-timestamp", "")
    try:
        signature = base64.b64decode(request.headers.get("telnyx-signature-ed25519", ""))
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))
        public.verify(signature, stamp.encode() + b"|" + raw)
        return abs(time.time() - float(stamp)) < SIGNATURE_SECS
    except (InvalidSignature, ValueError):
        return False


def _by_password(
    url: str, form: Mapping[str, str], request: HTTPConnection, raw: bytes, key: str
) -> bool:
    expected = "Basic " + base64.b64encode(f"exotel:{key}".encode()).decode()
    return hmac.compare_digest(expected.encode(), request.headers.get("authorization", "").encode())


SECRETS = {
    "twilio": ("TWILIO_AUTH_TOKEN", _by_twilio),
    "telnyx": ("TELNYX_PUBLIC_KEY", _by_telnyx),
    "plivo": ("PLIVO_AUTH_TOKEN", _by_plivo),
    "exotel": ("EXOTEL_WEBHOOK_PASSWORD", _by_password),
}


def _answer(carrier: str, stream: str, form: Mapping[str, str]) -> Response:
    match carrier:
        case "twilio":  # Pipecat reads the two numbers from these parameters
            numbers = "".join(
                f"<Parameter name={quoteattr(name)} value={quoteattr(form[field])}/>"
                for name, field in (("from_number", "From"), ("to_number", "To"))
                if form.get(field)
            )
            verb = f"<Connect><Stream url={quoteattr(stream)}>{numbers}</Stream></Connect>"
        case "telnyx":
            verb = f'<Connect><Stream url={quoteattr(stream)} bidirectionalMode="rtp"/></Connect>'
        case "plivo":
            verb = (
                '<Stream bidirectional="true" keepCallAlive="true"'
                f' contentType="audio/x-mulaw;rate=8000">{stream}</Stream>'
            )
        case _:
            return Response(json.dumps({"url": stream}), media_type="application/json")
    xml = f'<?xml version="1.0" encoding="UTF-8"?>\n<Response>{verb}</Response>'
    return Response(xml, media_type="application/xml")


def phone_router(
    catalogue: Catalogue,
    *,
    media_url: Callable[[Mapping[str, Any]], str] = lambda _wishes: "",
    stream_path: Callable[[str], str] = "/ws/{}".format,
    public_url: str | None = None,
) -> APIRouter:
    """The webhooks of all carriers.

    Args:
        catalogue: The bots there are.
        media_url: The server that is to have a new call, as `serving.switchboard.Switchboard` says;
            empty for this one. ``?region=`` in the webhook's URL is asked for.
        stream_path: Where on this server the call's media goes, given the bot's name; the place
            to put a one-time token.
        public_url: What the carriers call this server, such as ``https://voice.example.org``.
            Defaults to ``VIVACE_PUBLIC_URL``, then to what the request says.

    Routes:
        ``POST /phone/{twilio|telnyx|plivo}/{bot}`` → XML; ``GET /phone/exotel/{bot}`` → JSON.
        ``POST /phone/plivo-dial/{token}`` → XML: where a caller is put through to.
        ``POST /sessions/{id}/phone/{ticket}`` → XML: a person who was rung has pressed a key.
    """
    routes = APIRouter()

    async def signed(carrier: str, request: Request) -> tuple[dict[str, str], str]:
        """The form of a carrier's request, and where this server is."""
        raw = await request.body()
        form = dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))
        origin = public_url or os.environ.get("VIVACE_PUBLIC_URL") or _origin(request)
        query = f"?{request.url.query}" if request.url.query else ""
        _check(carrier, origin + request.url.path + query, form, request, raw)
        return form, origin

    @routes.post("/phone/plivo-dial/{token}")
    async def dial(token: str, request: Request) -> Response:
        await signed("plivo", request)
        try:
            to = tokens.verify(token, purpose=PURPOSE)
        except tokens.TokenError as error:
            raise HTTPException(403, str(error))
        return Response(dial_instructions(to), media_type="application/xml")

    @routes.api_route("/phone/{carrier}/{bot}", methods=["GET", "POST"])
    async def answer(carrier: str, bot: str, request: Request) -> Response:
        if carrier not in SECRETS:
            known = ", ".join(SECRETS)
            raise HTTPException(404, f"There is no carrier {carrier!r}. Use one of: {known}.")
        choose(catalogue, bot)
        form, origin = await signed(carrier, request)
        there = media_url(wishes(request.query_params))
        if not there or origin.startswith("https:") > there.startswith("https:"):
            there = origin  # a carrier comes to no address without TLS
        stream = "ws" + there.removeprefix("http") + stream_path(bot)
        return _answer(carrier, stream, form)

    @routes.post("/sessions/{session_id}/phone/{ticket}")
    async def person(session_id: str, ticket: str, request: Request) -> Response:
        form, origin = await signed(CARRIER, request)
        try:
            named, _ = joined(ticket)
        except DoorError as error:
            raise HTTPException(403, str(error))
        if named != session_id:
            raise HTTPException(403, "This ticket opens another call.")
        if form.get("Digits") != TAKES:
            return Response("<Response><Hangup/></Response>", media_type="application/xml")
        here = request.app.state.switchboard.url or origin
        return _answer(CARRIER, f"ws{here.removeprefix('http')}/ws-person/{ticket}", {})

    return routes


def is_signed_handshake(websocket: HTTPConnection) -> bool:
    """Whether a carrier has signed the handshake of a media socket, as a GET of its ``wss`` URL."""
    origin = os.environ.get("VIVACE_PUBLIC_URL") or _origin(websocket)
    query = f"?{websocket.url.query}" if websocket.url.query else ""
    url = "ws" + origin.removeprefix("http").removeprefix("ws") + websocket.url.path + query
    return any(
        is_signed(url, {}, websocket, b"", os.environ[name])
        for name, is_signed in SECRETS.values()
        if os.environ.get(name)
    )


def _check(carrier: str, url: str, form: Mapping[str, str], request: Request, raw: bytes) -> None:
    name, is_signed = SECRETS[carrier]
    if secret := os.environ.get(name):
        if not is_signed(url, form, request, raw, secret):
            raise HTTPException(
                403,
                f"Not signed by {carrier} for {url}. If that is not the URL that {carrier} calls,"
                " set VIVACE_PUBLIC_URL.",
            )
    elif not is_local(request):
        raise HTTPException(403, f"The {carrier} line is closed: set {name} in .env to open it.")


def _origin(request: HTTPConnection) -> str:
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    host = request.headers.get("x-forwarded-host", request.headers.get("host", ""))
    return f"{scheme}://{host}"

"""A carrier's media socket opens for its one-time token or its signature, and for nobody else."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time

import httpx
import pytest
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from serving.phone import plivo_signature, twilio_signature
from serving.server import listening

KEY = Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


@pytest.fixture
async def served(make_app, monkeypatch):
    """A guarded server whose bot waits; gives its URL."""
    for name, secret in [
        ("TWILIO_AUTH_TOKEN", "twilio secret"),
        ("PLIVO_AUTH_TOKEN", "plivo secret"),
        ("TELNYX_PUBLIC_KEY", PUBLIC),
    ]:
        monkeypatch.setenv(name, secret)

    async def bot(runner_args):
        await asyncio.Event().wait()

    async with listening(make_app(bot)) as (url, _):
        monkeypatch.setenv("VIVACE_PUBLIC_URL", url)
        yield url


async def opens(url: str, headers=None) -> bool:
    try:
        async with websockets.connect(url.replace("http", "ws"), additional_headers=headers):
            return True
    except websockets.InvalidStatus:
        return False


async def test_the_stream_that_twiml_names_opens_once(served):
    form, hook = {"CallSid": "CA1"}, f"{served}/phone/twilio/echo"
    signed = {"X-Twilio-Signature": twilio_signature(hook, form, "twilio secret")}
    async with httpx.AsyncClient() as http:
        assert (await http.post(hook, data=form)).status_code == 403
        twiml = (await http.post(hook, data=form, headers=signed)).text
    stream = re.search(r'<Stream url="([^"]+)"', twiml)[1]
    assert re.fullmatch(r"ws://[^/]+/ws/echo/[\w.-]+", stream)
    assert await opens(stream)
    assert not await opens(stream)
    assert not await opens(stream.rpartition("/")[0])


def signed_by(carrier: str, url: str, at: float | None = None) -> dict[str, str]:
    url = url.replace("http", "ws")
    match carrier:
        case "twilio":
            return {"X-Twilio-Signature": twilio_signature(url, {}, "twilio secret")}
        case "plivo":
            signature = plivo_signature(url, {}, "nonce", "plivo secret")
            return {"X-Plivo-Signature-V3-Nonce": "nonce", "X-Plivo-Signature-V3": signature}
    stamp = str(int(at or time.time()))
    signature = base64.b64encode(KEY.sign(stamp.encode() + b"|")).decode()
    return {"telnyx-timestamp": stamp, "telnyx-signature-ed25519": signature}


@pytest.mark.parametrize("carrier", ["twilio", "plivo", "telnyx"])
async def test_a_handshake_that_its_carrier_signed_is_let_in(served, carrier):
    url = f"{served}/ws/echo"
    assert await opens(url, signed_by(carrier, url))
    changed = {k: v.replace("A", "B", 1) + "A" for k, v in signed_by(carrier, url).items()}
    assert not await opens(url, changed)
    assert not await opens(f"{served}/ws-client/echo", signed_by(carrier, url))


async def test_a_signature_for_another_url_or_time_is_none(served):
    url = f"{served}/ws/echo"
    assert not await opens(url, signed_by("twilio", f"{served}/ws/other"))
    assert not await opens(url, signed_by("telnyx", url, at=time.time() - 3600))


async def test_dailys_dial_in_is_taken_signed_fresh_and_once(make_app, monkeypatch):
    secret = base64.b64encode(b"daily secret").decode()
    monkeypatch.setenv("DAILY_PINLESS_HMAC", secret)
    monkeypatch.delenv("DAILY_API_KEY", raising=False)
    raw = json.dumps({"From": "+1", "To": "+2", "callId": "c", "callDomain": "d"}).encode()

    def signed(at: float, content: bytes = raw):
        stamp = str(int(at * 1000))
        digest = hmac.new(b"daily secret", stamp.encode() + b"." + content, hashlib.sha256)
        signature = base64.b64encode(digest.digest()).decode()
        return {"x-pinless-timestamp": stamp, "x-pinless-signature": signature}

    app = make_app()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:

        async def ring(headers, content=raw):
            path = "/daily/dial-in/echo"
            return (await http.post(path, content=content, headers=headers)).status_code

        fresh = signed(time.time())
        assert await ring(fresh) == 503  # let in; and there is no Daily key here
        assert await ring(fresh) == 403
        assert await ring(signed(time.time() - 3600)) == 403
        assert await ring(signed(time.time(), b"other")) == 403
        assert await ring({}) == 403
        odd = {"x-pinless-timestamp": "é", "x-pinless-signature": "é"}
        assert await ring([(k.encode(), v.encode("latin-1")) for k, v in odd.items()]) == 403
    await app.state.switchboard.close()
    assert len(app.state.switchboard) == 0

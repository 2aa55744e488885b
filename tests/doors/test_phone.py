"""Carriers are answered with the way to this server's media socket, if they prove who they are."""

import base64
import hashlib
import hmac
import json
import time

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI

from serving.phone import SECRETS, phone_router, plivo_signature, twilio_signature
from sessions import tokens
from tests.doors import parrot
from tests.doors.dialing import dialed, until
from tests.doubles import daily_sdk
from tests.doubles.heard import silence, tone

PUBLIC = "https://voice.example.org"
FORM = {"CallSid": "CA1", "From": "+15550001", "To": "+1555&002"}


@pytest.fixture
def secrets(monkeypatch):
    """Set the carriers' secrets; none are set otherwise."""
    for name, _ in SECRETS.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VIVACE_PUBLIC_URL", PUBLIC)
    return lambda **names: [monkeypatch.setenv(name, value) for name, value in names.items()]


async def ring(carrier, *, headers=None, bot="parrot", client="203.0.113.9", form=FORM):
    app = FastAPI()
    app.include_router(phone_router(lambda: [parrot.CARD]))
    transport = httpx.ASGITransport(app, client=(client, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://internal") as http:
        return await http.post(f"/phone/{carrier}/{bot}", data=form, headers=headers or {})


def hook(carrier):
    return f"{PUBLIC}/phone/{carrier}/parrot"


def test_the_twilio_signature_is_that_of_their_documentation():
    # https://www.twilio.com/docs/usage/security#validating-requests
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert twilio_signature(url, form, "12345") == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


async def test_a_signed_twilio_call_is_sent_to_the_bots_stream_with_both_numbers(secrets):
    secrets(TWILIO_AUTH_TOKEN="token")
    signature = twilio_signature(hook("twilio"), FORM, "token")
    answer = await ring("twilio", headers={"X-Twilio-Signature": signature})
    assert answer.headers["content-type"].startswith("application/xml")
    assert '<Stream url="wss://voice.example.org/ws/parrot">' in answer.text
    assert '<Parameter name="from_number" value="+15550001"/>' in answer.text
    assert '<Parameter name="to_number" value="+1555&amp;002"/>' in answer.text


@pytest.mark.parametrize(
    ("host", "where"),
    [("https://b.example.org", "wss://b.example.org"), ("http://10.0.0.2:7860", "wss://voice.")],
)
async def test_a_call_is_sent_to_the_host_that_is_to_have_it_if_a_carrier_can_reach_it(
    secrets, host, where
):
    secrets(EXOTEL_WEBHOOK_PASSWORD="word")
    asked = []

    def media_url(wishes):
        asked.append(wishes["region"])
        return host

    app = FastAPI()
    app.include_router(phone_router(lambda: [parrot.CARD], media_url=media_url))
    transport = httpx.ASGITransport(app, client=("203.0.113.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://internal") as http:
        answer = await http.get("/phone/exotel/parrot?region=eu", auth=("exotel", "word"))
    assert answer.json()["url"].startswith(where) and asked == ["eu"]


async def test_a_call_that_twilio_did_not_sign_is_refused(secrets):
    secrets(TWILIO_AUTH_TOKEN="token")
    for signature in ("", twilio_signature(hook("twilio"), FORM, "another")):
        answer = await ring("twilio", headers={"X-Twilio-Signature": signature})
        assert answer.status_code == 403
        assert "VIVACE_PUBLIC_URL" in answer.json()["detail"]


async def test_a_signed_telnyx_call_is_answered_and_an_old_or_changed_one_refused(secrets):
    key = Ed25519PrivateKey.generate()
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    secrets(TELNYX_PUBLIC_KEY=base64.b64encode(raw).decode())
    body = httpx.Request("POST", PUBLIC, data=FORM).content

    def signed(at: float, content: bytes):
        stamp = str(int(at))
        signature = base64.b64encode(key.sign(stamp.encode() + b"|" + content)).decode()
        return {"telnyx-timestamp": stamp, "telnyx-signature-ed25519": signature}

    answer = await ring("telnyx", headers=signed(time.time(), body))
    assert 'bidirectionalMode="rtp"' in answer.text
    for headers in (signed(time.time() - 3600, body), signed(time.time(), b"other"), {}):
        assert (await ring("telnyx", headers=headers)).status_code == 403


async def test_a_signed_plivo_call_is_answered(secrets):
    secrets(PLIVO_AUTH_TOKEN="token")
    good = plivo_signature(hook("plivo"), FORM, "nonce", "token")
    headers = {"X-Plivo-Signature-V3-Nonce": "nonce", "X-Plivo-Signature-V3": f"old,{good}"}
    answer = await ring("plivo", headers=headers)
    assert ">wss://voice.example.org/ws/parrot</Stream>" in answer.text
    assert (await ring("plivo", headers=headers, form={"From": "x"})).status_code == 403


async def test_exotel_gets_json_for_its_password(secrets):
    secrets(EXOTEL_WEBHOOK_PASSWORD="word")
    login = {"Authorization": "Basic " + base64.b64encode(b"exotel:word").decode()}
    answer = await ring("exotel", headers=login)
    assert answer.json() == {"url": "wss://voice.example.org/ws/parrot"}
    assert (await ring("exotel")).status_code == 403


@pytest.mark.parametrize("carrier", SECRETS)
async def test_without_a_secret_a_line_answers_only_this_machine(carrier, secrets):
    assert (await ring(carrier, client="127.0.0.1")).status_code == 200
    outside = await ring(carrier)
    assert outside.status_code == 403
    assert f"set {SECRETS[carrier][0]} in .env" in outside.json()["detail"]
    proxied = await ring(carrier, client="127.0.0.1", headers={"X-Forwarded-For": "203.0.113.9"})
    assert proxied.status_code == 403


async def test_an_unknown_carrier_or_bot_is_refused_with_those_there_are(secrets):
    assert "twilio, telnyx" in (await ring("bell", client="::1")).json()["detail"]
    assert "parrot" in (await ring("twilio", bot="cat", client="::1")).json()["detail"]


async def test_plivo_is_told_where_to_put_a_caller_through_and_nobody_else(secrets):
    secrets(PLIVO_AUTH_TOKEN="token")
    token = tokens.sign("+15550009", 60, purpose="dial")
    path = f"/phone/plivo-dial/{token}"
    app = FastAPI()
    app.include_router(phone_router(lambda: [parrot.CARD]))
    transport = httpx.ASGITransport(app, client=("203.0.113.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://internal") as http:
        assert (await http.post(path, data=FORM)).status_code == 403
        signature = plivo_signature(PUBLIC + path, FORM, "nonce", "token")
        signed = {"X-Plivo-Signature-V3-Nonce": "nonce", "X-Plivo-Signature-V3": signature}
        answer = await http.post(path, data=FORM, headers=signed)
    assert "<Dial><Number>+15550009</Number></Dial>" in answer.text


async def test_the_bots_hang_up_ends_the_phone_call_too(monkeypatch, tmp_path):
    async with dialed("twilio", monkeypatch=monkeypatch, tmp_path=tmp_path) as line:
        await line.caller.say(tone(0.2) + silence(0.3))
        await line.caller.heard.sound(0.2)
        await line.sessions.close()
        assert line.vendor == [line.caller.call_sid]


@pytest.mark.parametrize("stamp_unit", [1, 1000])
async def test_a_number_dialed_at_daily_rings_a_bot_in_a_room_of_its_own(
    stamp_unit, monkeypatch, tmp_path
):
    secret = b"pinless-secret"
    call = {"From": "+15550001", "To": "+15550002", "callId": "c1", "callDomain": "d1"}
    raw = json.dumps(call).encode()

    def signed(at: float):
        stamp = str(int(at * stamp_unit))
        digest = hmac.new(secret, stamp.encode() + b"." + raw, hashlib.sha256).digest()
        signature = base64.b64encode(digest).decode()
        return {"X-Pinless-Timestamp": stamp, "X-Pinless-Signature": signature}

    async with dialed("daily", monkeypatch=monkeypatch, tmp_path=tmp_path) as line:
        rest, hook = line.vendor, f"{line.url}/daily/dial-in/parrot"
        async with httpx.AsyncClient() as http:
            closed = await http.post(hook, content=raw, headers=signed(time.time()))
            assert "DAILY_PINLESS_HMAC" in closed.json()["detail"]
            monkeypatch.setenv("DAILY_PINLESS_HMAC", base64.b64encode(secret).decode())
            for headers in ({}, signed(time.time() - 3600)):
                assert (await http.post(hook, content=raw, headers=headers)).status_code == 403
            answer = await http.post(hook, content=raw, headers=signed(time.time()))
        assert answer.json()["sessionId"]
        (made,) = [room for room in rest.rooms.values() if room["config"].get("sip")]
        assert made["config"]["sip"]["display_name"] == "+15550001"
        room = daily_sdk.CLOUD.room(made["url"])
        await until(lambda: room.bots)
        room.tell("on_dialin_ready", "sip:c1@daily.example")
        await until(lambda: rest.put_through)
        assert rest.put_through == [
            {"callId": "c1", "callDomain": "d1", "sipUri": "sip:c1@daily.example"}
        ]

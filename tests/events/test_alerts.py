"""Alerts reach real local HTTP and SMTP servers, and nobody else."""

import asyncio
import base64
import hashlib
import hmac
import json

import pytest
from aiohttp import web
from pipecat.runner.types import RunnerArguments

from sessions import EU, HIPAA, OPEN, Session
from sessions.evidence import Evidence
from sessions.tool_boundary import guard_tools
from tools.alerts import MOST_A_MINUTE, AlertError, Alerts, Destination, PublicResolver

JPEG = b"\xff\xd8\xff\xe0 a picture"
LOCAL = frozenset({"127.0.0.1"})


class Receiver:
    """A webhook that answers as it is told."""

    def __init__(self):
        self.answers: list[int] = []
        self.got: list[tuple[dict, bytes]] = []

    async def take(self, request: web.Request):
        self.got.append((dict(request.headers), await request.read()))
        status = self.answers.pop(0) if self.answers else 204
        if status == 302:
            raise web.HTTPFound("http://127.0.0.1:1/elsewhere")
        return web.Response(status=status)

    async def __aenter__(self):
        app = web.Application()
        app.router.add_post("/hook", self.take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hook"
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("tools.alerts.BACKOFF_SECS", 0.01)


def session(policy=OPEN) -> Session:
    return Session(RunnerArguments(session_id="a1"), policy=policy)


def picture(**more) -> Evidence:
    return Evidence("camera-1", "camera", 1_500_000_000, image=JPEG, **more)


def hook(url: str) -> Destination:
    return Destination(webhook=url, secret="s3cret", hosts=LOCAL)


async def test_a_webhook_gets_the_alert_signed_and_with_its_frame():
    async with Receiver() as receiver:
        alerts = Alerts(session(), to=hook(receiver.url))
        assert await alerts.send("smoke in bay 2", severity="critical", evidence=picture())
    ((headers, body),) = receiver.got
    told = json.loads(body)
    assert (told["text"], told["severity"]) == ("smoke in bay 2", "critical")
    assert base64.b64decode(told["frame"]) == JPEG and told["source"] == "camera"
    headers = {name.lower(): value for name, value in headers.items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(b"s3cret", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"


@pytest.mark.parametrize(
    ("answers", "arrives", "tries"),
    [
        ([503, 429, 204], True, 3),
        ([500, 500, 500], False, 3),
        ([404], False, 1),
        ([302], False, 1),
    ],
)
async def test_a_webhook_is_tried_again_where_that_may_help(answers, arrives, tries):
    async with Receiver() as receiver:
        receiver.answers = list(answers)
        assert await Alerts(session(), to=hook(receiver.url)).send("x") is arrives
        ids = {headers["webhook-id"] for headers, _ in receiver.got}
        assert len(receiver.got) == tries and len(ids) == 1


async def test_a_webhook_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr("tools.alerts.TIMEOUT_SECS", 0.05)
    server = await asyncio.start_server(lambda r, w: asyncio.sleep(5), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert not await Alerts(session(), to=hook(f"http://127.0.0.1:{port}/")).send("x")
    server.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/hook",
        "https://localhost/hook",
        "ftp://example.com/",
    ],
)
def test_an_address_that_is_not_public_or_not_secure_is_refused_with_the_cure(url):
    with pytest.raises(AlertError, match="VIVACE_ALERT_HOSTS"):
        Destination(webhook=url, secret="s")


async def test_a_name_that_leads_to_a_private_address_is_not_called():
    with pytest.raises(OSError, match="private"):
        await PublicResolver().resolve("localhost")
    assert await PublicResolver(allowed=("localhost",)).resolve("localhost")


async def test_an_e_mail_brings_the_alert_with_its_frame():
    smtp = pytest.importorskip("aiosmtpd.controller")
    got = []

    class Keep:
        async def handle_DATA(self, server, smtp_session, envelope):
            got.append(envelope)
            return "250 OK"

    # Port 0 would not tell aiosmtpd's own check where to knock.
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = smtp.Controller(Keep(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        to = Destination(email="ops@example.com", smtp=f"smtp://127.0.0.1:{port}")
        assert await Alerts(session(), to=to).send("a person at the gate", evidence=picture())
    finally:
        controller.stop()
    from email import message_from_bytes

    (envelope,) = got
    message = message_from_bytes(envelope.content)
    text, frame = message.get_payload()
    assert envelope.rcpt_tos == ["ops@example.com"] and "[warning]" in message["Subject"]
    assert "a person at the gate" in text.get_payload()
    assert frame.get_payload(decode=True) == JPEG


async def test_a_mail_server_that_is_away_is_told_and_not_raised():
    to = Destination(email="ops@example.com", smtp="smtp://127.0.0.1:1")
    assert not await Alerts(session(), to=to).send("x")


async def test_where_the_policy_blurs_faces_only_a_cleared_frame_goes():
    async with Receiver() as receiver:
        alerts = Alerts(session(EU), to=hook(receiver.url))
        await alerts.send("x", evidence=picture())
    assert json.loads(receiver.got[0][1])["frame"] is None


async def test_a_rehearsal_for_which_nothing_is_set_says_that_nobody_was_told(monkeypatch):
    for name in ("VIVACE_ALERT_WEBHOOK", "VIVACE_ALERT_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    rehearsed, told = session(), []
    rehearsed.rehearsal.add("anthropic")
    rehearsed.client.notify = lambda type, **data: told.append(data) or asyncio.sleep(0)
    assert await Alerts(rehearsed).send("x")
    assert told == [{"severity": "warning", "sent": False, "rehearsed": True}]


async def test_where_the_policy_redacts_text_is_redacted_and_only_a_cleared_frame_goes():
    async with Receiver() as receiver:
        alerts = Alerts(session(HIPAA), to=hook(receiver.url))
        await alerts.send("my name is jordan miller", evidence=picture())
        await alerts.send("again", evidence=picture(cleared=True))
    raw, cleared = (json.loads(body) for _, body in receiver.got)
    assert "miller" not in raw["text"].lower() and raw["frame"] is None
    assert cleared["frame"]


async def test_more_alerts_than_anyone_reads_are_not_sent():
    async with Receiver() as receiver:
        alerts = Alerts(session(), to=hook(receiver.url))
        sent = [await alerts.send("x") for _ in range(MOST_A_MINUTE + 2)]
    assert sent.count(True) == MOST_A_MINUTE == len(receiver.got)


async def test_the_models_tool_has_a_destination_that_is_not_the_models():
    (schema,) = guard_tools(session(), [Alerts(session(), to=hook("https://example.com")).tool()])
    assert set(schema.properties) == {"text", "severity"}


def test_without_a_destination_it_says_what_to_set(monkeypatch):
    for name in ("VIVACE_ALERT_WEBHOOK", "VIVACE_ALERT_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(AlertError, match="VIVACE_ALERT_WEBHOOK"):
        Alerts(session())

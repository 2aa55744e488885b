"""Nobody can cost the server more than their share: time, bytes, requests."""

import asyncio
import time

import httpx
import pytest

from serving import limits
from serving.limits import Bucket
from serving.server import listening
from tests.security.conftest import bearer


def test_a_bucket_lets_a_burst_through_and_then_fills_again():
    now = [0.0]
    bucket = Bucket(6, now=lambda: now[0])
    assert [bucket.take("a") for _ in range(6)] == [0.0] * 6
    assert bucket.take("a") == pytest.approx(10)
    assert bucket.take("b") == 0.0
    now[0] = 10.0
    assert bucket.take("a") == 0.0 and bucket.take("a") > 0


def test_a_bucket_forgets_the_oldest_keys():
    bucket = Bucket(1)
    for number in range(limits.MOST_KEYS + 10):
        bucket.take(str(number))
    assert len(bucket._levels) == limits.MOST_KEYS


async def test_requests_of_one_address_are_counted_and_those_of_another_are_not(
    make_app, monkeypatch
):
    monkeypatch.setattr(limits, "ASKS_PER_MINUTE", 10)
    app = make_app()
    codes = {}
    for host in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"):
        transport = httpx.ASGITransport(app=app, client=(host, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            asks = limits.ASKS_PER_MINUTE + 1 if host.endswith("1") else 1
            for _ in range(asks):
                codes[host] = (await http.get("/healthz")).status_code
    assert codes == {
        "192.0.2.1": 429, "192.0.2.2": 200, "2001:db8::1": 429, "2001:db8::2": 429
    }  # fmt: skip


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(limits, "HEADER_SECS", 0.4)
    monkeypatch.setattr(limits, "BODY_SECS", 0.4)


async def dribble(url: str, head: bytes, drop: bytes) -> tuple[float, bytes]:
    """Send a byte at a time until the server has enough of it; seconds, and what it said."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head)
    began = time.monotonic()

    async def feed():
        while True:
            writer.write(drop)
            await asyncio.sleep(0.05)

    feeding, said = asyncio.create_task(feed()), b""
    try:
        async with asyncio.timeout(5):
            while more := await reader.read(1000):
                said += more
    except ConnectionResetError:
        pass  # what was sent after the answer
    finally:
        feeding.cancel()
        writer.close()
    return time.monotonic() - began, said


@pytest.mark.parametrize(
    ("head", "drop", "answer"),
    [
        (b"", b"", b""),
        (b"POST /start HTTP/1.1\r\n", b"X: y\r\n", b""),
        (b"POST /start HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n", b"{", b"408"),
        (
            b"POST /start HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1\r\n{\r\n",
            b"408",
        ),
        (
            b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
            b"X: y\r\n",
            b"",
        ),
        (b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /", b"x", b"200"),
    ],
    ids=["silence", "headers", "body", "chunks", "handshake", "second request"],
)
async def test_who_dribbles_is_sent_away(make_app, hurried, head, drop, answer):
    async with listening(make_app()) as (url, _):
        secs, said = await dribble(url, head, drop)
        assert secs < 3
        assert answer in said.partition(b"\r\n")[0]
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{url}/healthz")).status_code == 200


async def test_a_connection_that_asks_in_time_is_kept(make_app, hurried):
    async with listening(make_app()) as (url, _), httpx.AsyncClient(base_url=url) as http:
        for _ in range(4):
            assert (await http.get("/healthz")).status_code == 200
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
async def test_too_long_a_body_is_refused_whatever_it_calls_itself(client, kind):
    async def chunks():
        for _ in range(40):
            yield b"x" * 2**16

    for path in ("/start", "/start/token", "/api/offer", "/phone/twilio/echo"):
        headers = {"Content-Type": kind, **bearer()}
        answer = await client.post(path, content=chunks(), headers=headers)
        assert answer.status_code == 413, path

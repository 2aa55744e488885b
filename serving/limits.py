"""What one caller can cost: how often they ask, how long they take, how much they send."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from uvicorn.protocols.http.h11_impl import H11Protocol

LONGEST_BODY = 2**20
"""Bytes of a request that is no upload; an offer has some 10 kB."""

FORM_ALLOWANCE = 16 * 1024
"""Bytes a multipart form may add around its file."""

HEADER_SECS = 10.0
"""A connection has so long to say what it wants, from its opening or its last answer."""

BODY_SECS = 30.0
"""A request has so long to be sent: 10 MB at 2.7 Mbit/s."""

MOST_UPLOADS = 4
"""Documents being received at a time; the next waits."""

MOST_KEYS = 10_000
ASKS_PER_MINUTE = 1200
TOO_OFTEN = 4029


class Bucket:
    """Lets each key through so often a minute, and a burst at once.

    Args:
        per_minute: How often in the long run, and at once after a silence.
        now: The clock, seconds.
    """

    def __init__(self, per_minute: float, *, now: Callable[[], float] = time.monotonic):
        """Initialize with every key's bucket full."""
        self._size, self._now = per_minute, now
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Take one for this key.

        Returns:
            Seconds until there is one; 0 when it was taken.
        """
        now = self._now()
        level, at = self._levels.pop(key, (self._size, now))
        level = min(self._size, level + (now - at) * self._size / 60)
        taken = level >= 1
        self._levels[key] = (level - 1 if taken else level, now)
        if len(self._levels) > MOST_KEYS:
            self._levels.popitem(last=False)
        return 0.0 if taken else max(0.1, (1 - level) * 60 / self._size)


def address(connection: HTTPConnection) -> str:
    """Where a caller is: their address, or the network of a house where it is IPv6."""
    host = connection.client.host if connection.client else ""
    try:
        ip = ip_address(host)
    except ValueError:
        return host
    return host if ip.version == 4 else str(ip_network(f"{ip}/64", strict=False))


class Turnstile:
    """Reads a request whole, within bounds, before anything hears of it; refuses who asks too often.

    Args:
        app: What it stands in front of.
        counted: Whether requests are counted by address.
        upload_limit: Most bytes of a document.
    """

    def __init__(self, app: ASGIApp, *, counted: bool, upload_limit: int):
        """Initialize the turnstile."""
        self._app = app
        self._asks = Bucket(ASKS_PER_MINUTE) if counted else None
        self._upload_limit = upload_limit + FORM_ALLOWANCE
        self._uploads = asyncio.Semaphore(MOST_UPLOADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        wait = self._asks.take(address(HTTPConnection(scope))) if self._asks else 0.0
        if scope["type"] == "websocket":
            if wait:
                return await WebSocket(scope, receive, send).close(TOO_OFTEN)
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        refusal = None
        if wait:
            refusal = JSONResponse(
                {"detail": f"Too many requests. Ask again in {wait:.0f} s."},
                429,
                {"Retry-After": f"{wait:.0f}"},
            )
        elif headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            upload = scope["path"].startswith("/sessions/") and scope["path"].endswith("/files")
            try:
                async with asyncio.timeout(BODY_SECS):
                    if upload:
                        async with self._uploads:
                            body = await _read(receive, headers, self._upload_limit)
                    else:
                        body = await _read(receive, headers, LONGEST_BODY)
            except TimeoutError:
                detail = f"The request took more than {BODY_SECS:.0f} s to arrive. Send it again."
                refusal = JSONResponse({"detail": detail}, 408, {"Connection": "close"})
            else:
                if body is None:
                    most = (self._upload_limit if upload else LONGEST_BODY) // 2**20
                    detail = f"The request is over {most} MB. Send less of it."
                    refusal = JSONResponse({"detail": detail}, 413, {"Connection": "close"})
                else:
                    receive = read_again(body, receive)
        await (refusal or self._app)(scope, receive, send)


async def _read(receive: Receive, headers: Headers, most: int) -> bytes | None:
    """The body; None when there is more of it than is taken."""
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > most:
        return None
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            return None
        more = message.get("more_body", False) and message["type"] == "http.request"
    return bytes(body)


def read_again(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read already."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


class PunctualProtocol(H11Protocol):
    """uvicorn's HTTP, but a connection that is slow to say what it wants is closed.

    uvicorn waits for ever for the first request's headers, and for the rest of headers begun.
    """

    _unsaid: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A caller has connected."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """They have gone."""
        self._said()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Bytes have come."""
        cycle = self.cycle
        super().handle_events()
        if self.cycle is not cycle or self.transport.get_protocol() is not self:
            self._said()  # a request, or a WebSocket whose handshake is whole

    def on_response_complete(self) -> None:
        """The answer is out; the next request may come."""
        self._wait()
        super().on_response_complete()

    def _wait(self) -> None:
        self._said()
        self._unsaid = self.loop.call_later(HEADER_SECS, self._give_up)

    def _said(self) -> None:
        if self._unsaid:
            self._unsaid.cancel()
            self._unsaid = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()

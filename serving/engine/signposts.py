"""Shows callers the way between hosts: whichever they ask, the one that has their session answers.

What belongs to a session (offers, ICE candidates, documents, its tape) is asked of its host. A new
caller is sent to the host that serves them best. A session whose caller comes by a WebSocket to
another host comes over to it: sound goes through no second machine. While a lost host's sessions
find a new one, who asks for them waits.

``GET /hosts`` names the hosts, for callers who measure the round trips themselves, as the page
does, and tell them in ``/start``, or in the ``request_data`` of an offer that opens a session by
itself: ``{"region": "eu", "roundTrips": {"https://a.example.org": 12.5}}``.
"""

import asyncio
import contextlib
import json
import re
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.engine.placement import wishes
from serving.engine.seats import Host
from serving.handover import HOP_HEADERS
from serving.limits import read_again
from serving.shield import CONTENT_SECURITY_POLICY
from serving.start import TELEPHONY
from serving.webrtc import session_in
from sessions import tokens
from sessions.person import FIELD, invited
from sessions.store import StoreError

if TYPE_CHECKING:
    from serving.engine.hosts import Hosts

OF_A_SESSION = re.compile(r"/(?:sessions|desk/calls)/([^/]+)/.+")
ORIGIN = re.compile(r"https?://[\w.\-:\[\]]+")
OWN = "connect-src 'self'"
CLAIM = re.compile(r"/hosts/claim/([^/]+)")
OPENING = ("/start", "/api/offer")
"""Where a new caller asks. An offer that goes on with a connection bears its session."""

SOCKETS = ("websocket", *TELEPHONY)

SENT = "x-vivace-sent"
PURPOSE, TOKEN_SECS = "hosts", 30.0

CONNECT_SECS = 1.0
READ_SECS = 10.0
FOUND_SECS = 8.0
"""A caller waits so long for a session between two hosts. It takes 2 s, and on a busy machine more."""

AGAIN_SECS = 0.1
MEASURE_SECS = 5.0
MEASURED = 5
"""Round trips to a host of which the shortest counts."""


class Signposts:
    """Asks the host that has a session, before this one says that there is none.

    Args:
        app: What it stands in front of.
        hosts: This host's sessions.
    """

    def __init__(self, app: ASGIApp, *, hosts: "Hosts"):
        """Initialize the signposts."""
        self._app = app
        self._hosts = hosts
        self._http: aiohttp.ClientSession

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            async with self._asking():
                return await self._app(scope, receive, send)
        sender = _sender(HTTPConnection(scope))
        if scope["type"] == "websocket":
            if session := HTTPConnection(scope).query_params.get("session"):
                await self._fetch(session)
        elif claimed := CLAIM.fullmatch(scope["path"]):
            answer = self._give_up(claimed[1]) if sender is not None else JSONResponse(None, 403)
            return await answer(scope, receive, send)
        elif scope["path"] == "/":
            send = self._with_hosts(send)
        elif scope["path"] == "/hosts":
            offers = [_public(host) for host in self._hosts.known]
            return await JSONResponse(offers)(scope, receive, send)
        elif sender is not None:  # another host asks for a caller, who is where it says
            scope, send = {**scope, "client": (sender, 0)}, self._settled(scope, send)
        elif scope["path"] in OPENING or OF_A_SESSION.fullmatch(scope["path"]):
            request = Request(scope, receive)
            async for url in self._ways(request, await request.body()):
                if answer := await self._send_on(url, request):
                    return await answer(scope, receive, send)
            receive, send = read_again(await request.body(), receive), self._settled(scope, send)
        await self._app(scope, receive, send)

    async def _ways(self, request: Request, body: bytes) -> AsyncIterator[str]:
        """URLs of the hosts to ask, one after the other; none when it is this one."""
        if found := OF_A_SESSION.fullmatch(request.url.path):
            async for url in self._ways_to(found[1]):
                yield url
            return
        asked = _read(body)
        if session := session_in(asked.get("pc_id")) or _meeting_in(asked):
            async for url in self._ways_to(session):
                yield url
        elif request.method == "POST" and not asked.get("pc_id"):
            known = {urlsplit(host.url).netloc for host in self._hosts.known}
            # The caller of a socket who came by a load balancer would come back by it.
            if asked.get("transport") not in SOCKETS or request.headers.get("host") in known:
                if url := self._hosts.place(wishes({**_told(asked), **asked})):
                    yield url

    async def _ways_to(self, session: str) -> AsyncIterator[str]:
        until = time.monotonic() + FOUND_SECS
        while not self._hosts.get(session):
            try:
                about = await self._hosts.seats.find(session)
            except StoreError:
                return
            if not about:
                return
            if about["url"] and about["url"] != self._hosts.url:
                yield about["url"]
            if about.get("over") or time.monotonic() > until:
                return
            await asyncio.sleep(AGAIN_SECS)

    async def _fetch(self, session: str) -> None:
        """Have a session without a caller come over."""
        async for url in self._ways_to(session):
            headers = {SENT: tokens.sign("", TOKEN_SECS, purpose=PURPOSE)}
            found = await self._ask("POST", f"{url}/hosts/claim/{session}", headers=headers)
            if found and found.status_code == 200:
                return await self._hosts.take(session, json.loads(bytes(found.body)))
            if found and found.status_code == 409:
                return

    def _give_up(self, session: str) -> Response:
        """The session's body; 409 when its caller is here, 404 when it is not, or will not stay."""
        if not self._hosts.get(session):
            return JSONResponse(None, 404)
        body = self._hosts.give_up(session)
        here = 404 if self._hosts.refusal else 409
        return JSONResponse(body, here if body is None else 200)

    async def _send_on(self, url: str, request: Request) -> Response | None:
        """The answer of another host; None when it is not there."""
        caller = request.client.host if request.client else ""
        left_out = HOP_HEADERS | {"host", "origin"}
        headers = {k: v for k, v in request.headers.items() if k not in left_out}
        headers[SENT] = tokens.sign(caller, TOKEN_SECS, purpose=PURPOSE)
        where = url + request.url.path + (f"?{request.url.query}" if request.url.query else "")
        body = await request.body()
        return await self._ask(request.method, where, headers=headers, data=body)

    async def _ask(self, method: str, url: str, **content: Any) -> Response | None:
        try:
            async with self._http.request(method, url, **content) as answer:
                got = {k: v for k, v in answer.headers.items() if k.lower() not in HOP_HEADERS}
                return Response(await answer.read(), answer.status, got)
        except (aiohttp.ClientError, TimeoutError):
            return None

    def _with_hosts(self, send: Send) -> Send:
        """Answers with the page, which may then time its way to every host."""

        async def allowing(message: Message) -> None:
            if message["type"] == "http.response.start":
                urls = " ".join(h.url for h in self._hosts.known if ORIGIN.fullmatch(h.url))
                policy = CONTENT_SECURITY_POLICY.replace(OWN, f"{OWN} {urls}")
                MutableHeaders(scope=message)["Content-Security-Policy"] = policy
            await send(message)

        return allowing

    def _settled(self, scope: Scope, send: Send) -> Send:
        """Answers a new caller when they may go on with any host."""

        async def once_settled(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._hosts.settle()
            await send(message)

        return once_settled if scope["path"] in OPENING else send

    @contextlib.asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        patience = aiohttp.ClientTimeout(None, connect=CONNECT_SECS, sock_read=READ_SECS)
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(timeout=patience, cookie_jar=jar) as self._http:
            measuring = asyncio.create_task(self._measure(), name="round trips")
            try:
                yield
            finally:
                measuring.cancel()

    async def _measure(self) -> None:
        trips: Mapping[str, deque[float]] = defaultdict(lambda: deque(maxlen=MEASURED))

        async def trip(url: str) -> None:
            await self._ask("GET", f"{url}/healthz")  # the connection is open from here on
            began = time.perf_counter()
            if await self._ask("GET", f"{url}/healthz"):
                trips[url].append((time.perf_counter() - began) * 1000)
                self._hosts.trips[url] = min(trips[url])
            else:
                self._hosts.trips.pop(url, None)

        while True:
            others = [host.url for host in self._hosts.known if host.url != self._hosts.url]
            await asyncio.gather(*map(trip, others))
            await asyncio.sleep(MEASURE_SECS if others else 1.0)


def _sender(connection: HTTPConnection) -> str | None:
    """The caller's address, where another host asks for them; else None."""
    with contextlib.suppress(tokens.TokenError):
        return str(tokens.verify(connection.headers.get(SENT, ""), purpose=PURPOSE))
    return None


def _public(host: Host) -> dict[str, Any]:
    return {"url": host.url, "region": host.region, "load": host.load}


def _told(offer: Mapping[str, Any]) -> dict[str, Any]:
    """What a client sends with an offer besides it."""
    told = offer.get("request_data") or offer.get("requestData")
    return told if isinstance(told, dict) else {}


def _meeting_in(asked: Mapping[str, Any]) -> str:
    """The session whose meeting is to be joined; empty for a caller."""
    body = asked.get("body")
    guest = invited(body.get(FIELD)) if isinstance(body, dict) else None
    return guest[0] if guest else ""


def _read(body: bytes) -> dict[str, Any]:
    with contextlib.suppress(ValueError, RecursionError):
        asked = json.loads(body)
        return asked if isinstance(asked, dict) else {}
    return {}

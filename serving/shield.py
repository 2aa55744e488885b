"""What every answer carries, and who may ask: headers, and a closed door to other origins."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "media-src 'self' blob: mediastream:",
        "img-src 'self' data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Permissions-Policy": "camera=(self), display-capture=(self), microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
LOOPBACK = ("127.0.0.1", "::1", "localhost")
REFUSED = 4003
"""WebSocket close code of Pipecat's runner for an origin that is not allowed."""


class Shield:
    """Adds the security headers, and refuses pages of other origins.

    A browser names the page's origin on every WebSocket and every request that changes something;
    callers that are no browsers (providers, evals, apps) name none and are let through.

    A name that leads to this server and is not its own (DNS rebinding) is refused too: on this
    machine only loopback names and the host of ``VIVACE_PUBLIC_URL`` are its own.

    Args:
        app: What it stands in front of.
        allowed: Origins let in besides our own (``https://example.com``).
        hosts: Names of this server besides those of loopback; ``None`` takes any, for a server
            that listens to the network and cannot know by which name it is called.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed: Collection[str] = (),
        hosts: Collection[str] | None = (),
    ):
        self._app = app
        self._allowed = {origin.lower().rstrip("/") for origin in allowed}
        self._hosts = None if hosts is None else {*LOOPBACK, *(name.lower() for name in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if not self._is_ours(scope):
            if scope["type"] == "websocket":
                return await WebSocket(scope, receive, send).close(REFUSED)
            refusal = JSONResponse(
                {"detail": "This server has another name. Set VIVACE_PUBLIC_URL to this one."}, 421
            )
            return await refusal(scope, receive, send_with_headers)
        origin = Headers(scope=scope).get("origin", "").lower()
        if not self._is_welcome(origin, scope):
            if scope["type"] == "websocket":
                return await WebSocket(scope, receive, send).close(REFUSED)
            refusal = JSONResponse(
                {
                    "detail": f"Pages of {origin} may not call this server. Allow the origin in its settings."
                },
                403,
            )
            return await refusal(scope, receive, send_with_headers)
        await self._app(scope, receive, send_with_headers)

    def _is_ours(self, scope: Scope) -> bool:
        host = urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname
        return self._hosts is None or host is None or host in self._hosts

    def _is_welcome(self, origin: str, scope: Scope) -> bool:
        if not origin or scope.get("method") in ("GET", "HEAD", "OPTIONS"):
            return True
        own = Headers(scope=scope).get("host", "").lower()
        return origin in self._allowed or origin.partition("://")[2] == own

"""Who may ask: requests without a good bearer token go no further."""

import hmac
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class Bearer:
    """ASGI middleware that lets requests with a good token through, and open paths."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        good: Callable[[str], bool],
        is_open: Callable[[str], bool] | None = None,
    ):
        """Guard an app.

        Args:
            app: What is guarded.
            good: Whether a token is good.
            is_open: Whether a path needs none, such as an agent's card.
        """
        self._app, self._good, self._is_open = app, good, is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] == "http" and not (self._is_open and self._is_open(scope["path"])):
            scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not self._good(token.strip()):
                refusal = JSONResponse(
                    {"error": "This needs a token. Send it as Authorization: Bearer."},
                    status_code=401,
                    headers={"WWW-Authenticate": 'Bearer realm="vivace"'},
                )
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def one_of(*tokens: str) -> Callable[[str], bool]:
    """Whether a token is one of these; compared in constant time, and an empty one is none."""
    known = [token.encode() for token in tokens if token]
    return lambda token: any([hmac.compare_digest(token.encode(), one) for one in known])

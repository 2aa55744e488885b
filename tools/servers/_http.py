"""MCP over streamable HTTP: where it listens, and for whom."""

import argparse
import os
import sys
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mcp.server import MCPServer
from mcp.server.auth.settings import AuthSettings
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp

from tools.bearer import Bearer, one_of

TOKEN = "VIVACE_MCP_TOKEN"
ISSUER = "VIVACE_MCP_ISSUER"
URL = "VIVACE_MCP_URL"
SCOPES = "VIVACE_MCP_SCOPES"
LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Access:
    """Whom a server lets in: who has the house's token, or one that an authorization server signed.

    Without either it lets everybody in.

    Parameters:
        token: The house's own, sent as ``Authorization: Bearer``.
        issuer: The authorization server; what it signs for ``url`` is good too.
        url: Where clients know the server, such as ``https://tools.example.com/mcp``.
        scopes: What a token has to allow.
    """

    token: str | None = None
    issuer: str | None = None
    url: str | None = None
    scopes: tuple[str, ...] = ()

    def __post_init__(self):
        if self.issuer and not self.url:
            raise ValueError(
                f"With {ISSUER}, {URL} is needed: the address for which tokens are issued, "
                "such as https://tools.example.com/mcp."
            )


def http_app(
    server: MCPServer | Server, *, access: Access, host: str = "127.0.0.1", **how: Any
) -> ASGIApp:
    """A server over streamable HTTP, at ``/mcp``, for those who have access.

    Where there is an authorization server, those without a token are told which: its address is at
    ``/.well-known/oauth-protected-resource`` (RFC 9728).

    Args:
        server: What is served.
        access: Whom it lets in.
        host: Where it listens; on this machine only, other ``Host`` headers are refused than this
            machine's and that of ``access.url``.
        **how: As :meth:`mcp.server.lowlevel.Server.streamable_http_app` takes it.
    """
    plain = server._lowlevel_server if isinstance(server, MCPServer) else server
    if access.url and host in LOCAL:
        how["transport_security"] = _expecting(access.url)
    if access.issuer is None:
        app = plain.streamable_http_app(host=host, **how)
        return app if access.token is None else Bearer(app, good=one_of(access.token))
    from tools.servers._verifier import Verifier

    return plain.streamable_http_app(
        host=host,
        # Validated from text: a URL made before would gain a slash, and be another issuer.
        auth=AuthSettings.model_validate(
            {
                "issuer_url": access.issuer,
                "resource_server_url": access.url,
                "required_scopes": [*access.scopes] or None,
                "validate_token_resource": True,
            }
        ),
        token_verifier=Verifier(access),
        **how,
    )


def _expecting(url: str) -> TransportSecuritySettings:
    """The ``Host`` headers of this machine, and of a proxy's at an address."""
    public = urlsplit(url)
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=["127.0.0.1:*", "localhost:*", "[::1]:*", public.netloc],
        allowed_origins=[
            *(f"http://{host}:*" for host in ("127.0.0.1", "localhost", "[::1]")),
            f"{public.scheme}://{public.netloc}",
        ],
    )


def add_http_arguments(parser: argparse.ArgumentParser, *, port: int | None) -> None:
    """Where a server listens, and whether it asks who is there."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument(
        "--open", action="store_true", help="ask nobody for a token, on this machine only"
    )


def access_for(args: argparse.Namespace) -> Access:
    """Whom a server lets in, by the environment; everybody with ``--open``.

    Raises:
        SystemExit: Nobody could come, or the server would be open to other machines.
    """
    if args.open:
        if args.host not in LOCAL:
            sys.exit("--open is for this machine only. Leave out --host, or --open.")
        return Access()
    token, issuer, url, scopes = (os.environ.get(name) for name in (TOKEN, ISSUER, URL, SCOPES))
    if not token and not issuer:
        sys.exit(
            f"{TOKEN} is not set. Set it to a secret that clients send; or set {ISSUER} and {URL} "
            "to let in those to whom an authorization server gives tokens."
        )
    try:
        return Access(token or None, issuer or None, url or None, tuple((scopes or "").split()))
    except ValueError as error:
        sys.exit(str(error))

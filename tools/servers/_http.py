"""MCP over streamable HTTP: where it listens, and for whom."""

import argparse
import os
import sys

from starlette.types import ASGIApp

from tools.bearer import Bearer, one_of

VARIABLE = "VIVACE_MCP_TOKEN"
LOCAL = ("127.0.0.1", "localhost", "::1")


def guarded(app: ASGIApp, *, token: str | None) -> ASGIApp:
    """The same app, for those who have the token; None asks nobody for one."""
    return app if token is None else Bearer(app, good=one_of(token))


def add_http_arguments(parser: argparse.ArgumentParser, *, port: int | None) -> None:
    """Where a server listens, and whom it asks for a token."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument(
        "--open", action="store_true", help="ask nobody for a token, on this machine only"
    )


def token_for(args: argparse.Namespace) -> str | None:
    """The token that clients send; None with ``--open``.

    Raises:
        SystemExit: There is none, or the server would be open to other machines.
    """
    if args.open:
        if args.host not in LOCAL:
            sys.exit("--open is for this machine only. Leave out --host, or --open.")
        return None
    return os.environ.get(VARIABLE) or sys.exit(
        f"{VARIABLE} is not set. Set it to a secret that clients send."
    )

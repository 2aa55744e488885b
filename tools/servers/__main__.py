"""Serve one of our MCP servers over streamable HTTP, for whoever has a token.

    VIVACE_MCP_TOKEN=... python -m tools.servers catalog --port 8931

or, beside that token or without, for those to whom an authorization server gives one that is signed
for this server, with

    VIVACE_MCP_ISSUER=https://auth.example.com VIVACE_MCP_URL=https://tools.example.com/mcp

Over standard input and output, run the server itself: ``python -m tools.servers.catalog``.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from tools.servers._http import Access, access_for, add_http_arguments, http_app


def app_of(name: str, *, access: Access, host: str = "127.0.0.1") -> ASGIApp:
    """The ASGI app of a server, at ``/mcp``.

    Args:
        name: A module in ``tools/servers``.
        access: Whom it lets in.
        host: Where it listens.
    """
    server = import_module(f"tools.servers.{name}").server
    return http_app(server, access=access, host=host)


def main(argv: list[str]) -> int:
    """Serve until Ctrl-C."""
    there = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
    parser = argparse.ArgumentParser(prog="python -m tools.servers", description=__doc__)
    parser.add_argument("server", choices=there)
    add_http_arguments(parser, port=8931)
    args = parser.parse_args(argv)
    app = app_of(args.server, access=access_for(args), host=args.host)
    uvicorn.run(app, host=args.host, port=args.port, log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

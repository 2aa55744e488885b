"""Sign in to an MCP server once, at a browser, so that bots may go on in your name.

    export VIVACE_MCP_CRM_TOKENS=state/crm.json
    python -m tools.mcp_login crm https://crm.example.com/mcp

The file it leaves holds a refresh token and is for its owner only; bots that ask
``served_at(..., name="crm", oauth=True)`` use it, and keep it new.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
)
from pydantic import AnyUrl

from tools.mcp_client import QuietMCPClient
from tools.mcp_http import SignedParameters, check_private
from tools.mcp_oauth import Settings, SignInError, Signing
from tools.mcp_tokens import Tokens

PORT = 8765
THANKS = "You can close this page."


@asynccontextmanager
async def signed_in(
    name: str,
    url: str,
    *,
    show: Callable[[str], Awaitable[None]],
    port: int = PORT,
    metadata_url: str | None = None,
) -> AsyncIterator[QuietMCPClient]:
    """A server that a person lets us in to; keeps what it takes to come again.

    Args:
        name: What the server is called here.
        url: Its address.
        show: Gets the address of the page where the person agrees.
        port: Of this machine, where that page leads back to; any, if 0.
        metadata_url: Where this client describes itself, for authorization servers that want to
            read it there; it is registered otherwise, unless ``_CLIENT_ID`` is set.

    Raises:
        ConnectionError: It does not let us in.
    """
    settings = Settings(name, url)
    check_private(url, name)
    path = settings.get("TOKENS")
    if not path:
        raise SignInError(f"{settings.variable('TOKENS')} is not set. Set it to a file's path.")
    Path(path).unlink(missing_ok=True)
    tokens = Tokens(Path(path))
    back: asyncio.Queue[AuthorizationCodeResult] = asyncio.Queue()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readline()).decode("latin-1").split(" ")[1:2]
        asked = urlsplit(target[0] if target else "")
        if asked.path == "/callback":
            said = {key: values[0] for key, values in parse_qs(asked.query).items()}
            back.put_nowait(
                AuthorizationCodeResult(
                    code=said.get("code", ""), state=said.get("state"), iss=said.get("iss")
                )
            )
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(THANKS), THANKS.encode())
        )
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port) as listening:
        leads_to = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/callback"
        redirects = [AnyUrl(leads_to)]
        if client_id := settings.get("CLIENT_ID"):
            secret, issuer = settings.get("CLIENT_SECRET"), settings.get("ISSUER")
            if not issuer:
                raise settings.missing(settings.variable("ISSUER"))
            await tokens.set_client_info(
                OAuthClientInformationFull(
                    client_id=client_id,
                    client_secret=secret or None,
                    token_endpoint_auth_method="client_secret_basic" if secret else "none",
                    redirect_uris=redirects,
                    issuer=issuer,
                )
            )
        provider = OAuthClientProvider(
            url,
            OAuthClientMetadata(redirect_uris=redirects, client_name="Vivace"),
            tokens,
            redirect_handler=show,
            callback_handler=back.get,
            client_metadata_url=metadata_url,
        )
        params = SignedParameters(url=url, signing=Signing(provider, settings))
        client = QuietMCPClient(params, name=name)
        try:
            await client.tools()
            yield client
        finally:
            await client.close()


async def main(argv: list[str]) -> int:
    """Sign in, and say which tools there are."""
    parser = argparse.ArgumentParser(prog="python -m tools.mcp_login", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("url")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--metadata-url")
    args = parser.parse_args(argv)

    async def show(page: str) -> None:
        print(f"Open this page and agree:\n\n{page}\n")

    try:
        async with signed_in(
            args.name, args.url, show=show, port=args.port, metadata_url=args.metadata_url
        ) as client:
            names = ", ".join(schema.name for schema in client.schemas)
    except (ConnectionError, ValueError) as error:
        sys.exit(str(error))
    print(f"{args.name} lets us in. Its tools: {names or 'none'}.")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))

"""Streamable HTTP to MCP servers whose requests are signed; Pipecat's has no place for that."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
from mcp.client.session_group import StreamableHttpParameters
from mcp.client.streamable_http import streamable_http_client
from pipecat.services import mcp_service
from pydantic import Field, SkipValidation

if TYPE_CHECKING:
    from tools.mcp_oauth import Signing
else:
    Signing = Any

LOCAL = ("127.0.0.1", "::1", "localhost")
pipecats = mcp_service._streamable_http_transport  # pyright: ignore[reportPrivateUsage]


class SignedParameters(StreamableHttpParameters):
    """Where a server is, and how requests to it are signed, if they are."""

    signing: SkipValidation[Signing | None] = Field(default=None, repr=False)


@asynccontextmanager
async def transport(params: StreamableHttpParameters) -> AsyncIterator[Any]:
    """Pipecat's transport, or the same with signed requests.

    Args:
        params: Where the server is.
    """
    if not isinstance(params, SignedParameters) or params.signing is None:
        async with pipecats(params) as streams:
            yield streams
        return
    timeout = httpx2.Timeout(params.timeout, read=params.sse_read_timeout)
    async with httpx2.AsyncClient(auth=params.signing, timeout=timeout) as http:
        async with streamable_http_client(params.url, http_client=http) as streams:
            yield streams


mcp_service._streamable_http_transport = transport  # pyright: ignore[reportPrivateUsage]


def is_private(url: str) -> bool:
    """Whether nobody on the way reads what is sent there."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOCAL


def check_private(url: str, name: str) -> None:
    """Refuse a server that would be asked in clear.

    Args:
        url: Its address.
        name: What it is called here.

    Raises:
        ValueError: It would.
    """
    if not is_private(url):
        raise ValueError(
            f"What is asked of {name} would cross the network in clear. Use an https:// address, "
            "or a server on this machine."
        )

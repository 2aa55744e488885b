"""What our MCP servers are: the SDK's, quiet, and with what it leaves to servers done."""

import logging
from typing import Any, get_args
from weakref import WeakSet

from mcp.server import MCPServer
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.types import (
    EmptyResult,
    LoggingLevel,
    SetLevelRequestParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)

# The SDK logs what a tool raised, which may name whom it was asked about.
logging.getLogger("mcp.server.mcpserver").setLevel(logging.CRITICAL + 1)

LEVELS: tuple[LoggingLevel, ...] = get_args(LoggingLevel)
LEVEL, FOLLOWED = "vivace.level", "vivace.followed"


class HouseServer(MCPServer):
    """A server that logs nothing of what its tools are asked and return.

    Tools, resources, prompts and completions are declared as with the SDK's ``MCPServer``; tools
    report progress, send log messages and ask back through its ``Context``. Beyond that, a client
    gets no log messages below the level it has chosen, and is told of resources it follows.
    """

    def __init__(self, name: str, **more: Any):
        """Initialize the server.

        Args:
            name: What it is called.
            **more: As :class:`mcp.server.MCPServer` takes it.
        """
        super().__init__(name, log_level="CRITICAL", **more)
        self._following: WeakSet[Connection] = WeakSet()
        plain: Server = self._lowlevel_server
        plain.middleware.append(self._at_level)
        plain.add_request_handler("logging/setLevel", SetLevelRequestParams, self._set_level)
        plain.add_request_handler("resources/subscribe", SubscribeRequestParams, self._follow)
        plain.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, self._leave)

    async def updated(self, uri: str) -> None:
        """Tell those who follow a resource that it has changed.

        Args:
            uri: Its address.
        """
        for connection in [*self._following]:
            if uri in connection.state[FOLLOWED]:
                await connection.send_resource_updated(uri)

    async def _at_level(self, ctx: Any, call_next: Any) -> Any:
        if level := _connection(ctx).state.get(LEVEL):
            ctx.session._allowed_log_levels = frozenset(LEVELS[LEVELS.index(level) :])
        return await call_next(ctx)

    async def _set_level(self, ctx: Any, params: SetLevelRequestParams) -> EmptyResult:
        _connection(ctx).state[LEVEL] = params.level
        return EmptyResult()

    async def _follow(self, ctx: Any, params: SubscribeRequestParams) -> EmptyResult:
        connection = _connection(ctx)
        connection.state.setdefault(FOLLOWED, set()).add(str(params.uri))
        self._following.add(connection)
        return EmptyResult()

    async def _leave(self, ctx: Any, params: UnsubscribeRequestParams) -> EmptyResult:
        _connection(ctx).state.setdefault(FOLLOWED, set()).discard(str(params.uri))
        return EmptyResult()


def _connection(ctx: Any) -> Connection:
    """One client's, which stays from request to request."""
    return ctx.session._connection

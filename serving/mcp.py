"""A bot's own abilities as an MCP server: its guarded tools, for other agents.

    python -m serving.mcp BOT                  over standard input and output
    python -m serving.mcp BOT --port 8932      over streamable HTTP; VIVACE_MCP_TOKEN guards it,
                                               or VIVACE_MCP_ISSUER and VIVACE_MCP_URL

Each client has a session of the bot's, with its policy: what a redacting bot's tools return comes
as surrogates, which stand for the originals when that client passes them to its tools.
"""

import argparse
import asyncio
import json
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from loguru import logger
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    TextContent,
    Tool,
    ToolAnnotations,
)
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from starlette.types import ASGIApp

import bots
from serving.desks import Desks
from tools.servers._http import Access, access_for, add_http_arguments, http_app

ALONE = "stdio"


def server_of(bot: str) -> Server:
    """The MCP server of a bot.

    Raises:
        bots.UnknownBot: There is none of that name.
    """
    bots.load(bot)
    desks = Desks(bot)

    @asynccontextmanager
    async def lifespan(_server):
        async with AsyncExitStack() as stack:
            stack.push_async_callback(desks.close)
            yield {}

    async def list_tools(ctx, _params) -> ListToolsResult:
        async with desks.at(_client(ctx)) as abilities:
            return ListToolsResult(tools=[_listed(tool) for tool in abilities.tools])

    async def call_tool(ctx, params: CallToolRequestParams) -> CallToolResult:
        async with desks.at(_client(ctx)) as abilities:
            if params.name not in {tool.name for tool in abilities.tools}:
                return _result({"error": "There is no such tool. List the tools first."})
            try:
                return _result(await abilities.call(params.name, dict(params.arguments or {})))
            except Exception as error:
                logger.error(f"Tool {params.name!r} of {bot} failed: {type(error).__name__}")
                return _result({"error": f"{params.name} failed."})

    return Server(
        f"vivace-{bot}",
        instructions=bots.about(bot),
        lifespan=lifespan,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _client(ctx: Any) -> str:
    """Who asks: an MCP session over HTTP if there is one, or the process at our standard input."""
    headers = getattr(ctx.request, "headers", None)
    return ALONE if headers is None else headers.get("mcp-session-id", "")


def _listed(schema: FunctionSchema) -> Tool:
    effects = getattr(schema.handler, "_vivace_side_effects", None)
    return Tool(
        name=schema.name,
        description=schema.description,
        input_schema={
            "type": "object",
            "properties": schema.properties,
            "required": schema.required,
            "additionalProperties": False,
        },
        annotations=ToolAnnotations(read_only_hint=effects is False),
    )


def _result(data: Any) -> CallToolResult:
    failed = isinstance(data, dict) and "error" in data
    return CallToolResult(
        content=[TextContent(type="text", text=json.dumps(data, ensure_ascii=False, default=str))],
        structured_content=data if isinstance(data, dict) and not failed else None,
        is_error=failed,
    )


def app_of(bot: str, *, access: Access, host: str = "127.0.0.1") -> ASGIApp:
    """The same over streamable HTTP, at ``/mcp``.

    Args:
        bot: The bot's name.
        access: Whom it lets in.
        host: Where it listens.
    """
    return http_app(server_of(bot), access=access, host=host)


async def over_stdio(bot: str) -> None:
    """Serve the one who has started this process."""
    server = server_of(bot)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def main(argv: list[str]) -> int:
    """Serve a bot's tools until Ctrl-C, or the end of the input."""
    parser = argparse.ArgumentParser(prog="python -m serving.mcp", description=__doc__)
    parser.add_argument("bot", choices=bots.names())
    add_http_arguments(parser, port=None)
    args = parser.parse_args(argv)
    logger.remove()
    logger.add(sys.stderr, level="WARNING", diagnose=False, backtrace=False)
    if args.port is None:
        asyncio.run(over_stdio(args.bot))
        return 0
    import uvicorn

    app = app_of(args.bot, access=access_for(args), host=args.host)
    uvicorn.run(app, host=args.host, port=args.port, log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Tools that other processes offer over MCP."""

import json
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from loguru import logger
from mcp import StdioServerParameters
from mcp.client.stdio import stdio_client
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.services import mcp_service
from pipecat.services.mcp_service import MCPClient

ROOT = Path(__file__).parents[1]

# A server receives identifiers in clear: what it writes to its standard error is shown nowhere.
mcp_service.stdio_client = partial(  # pyright: ignore[reportPrivateImportUsage]
    stdio_client, errlog=open(os.devnull, "w")
)


class QuietMCPClient(MCPClient):
    """Pipecat's MCP client, which never logs what a tool returned and calls an error one."""

    reads_only: dict[str, bool | None]

    async def _list_tools_helper(self, session, attach_handlers: bool = False):
        listed = (await session.list_tools()).tools
        self.reads_only = {
            tool.name: tool.annotations.read_only_hint for tool in listed if tool.annotations
        }
        return await super()._list_tools_helper(session, attach_handlers)

    async def _call_tool(self, function_name, arguments, result_callback):
        pinned = self._tools_arguments.get(function_name, {})
        session = None
        try:
            session = await self._open_session(as_owner=False)
            answer = await session.call_tool(function_name, arguments={**arguments, **pinned})
        except Exception as error:
            logger.error(f"MCP tool {function_name!r} failed: {type(error).__name__}")
            if session is not None:
                await self._drop_session(session)
            await result_callback({"error": f"{function_name} is out of reach. Say so, and go on."})
            return
        text = "".join(part.text for part in answer.content if part.type == "text")
        if answer.is_error:
            await result_callback({"error": text})
        else:
            await result_callback(_parsed(text))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


async def served_by(
    server: str,
    *,
    needs: Mapping[str, frozenset[str]] | None = None,
    pinned: Mapping[str, dict[str, Any]] | None = None,
) -> list[FunctionSchema]:
    """The tools of one of our servers, started as a process of its own for this session.

    The process ends with the session's language model. A tool that its server annotates as
    read-only counts as declared ``side_effect_free``, and as not, ``side_effects``.

    Args:
        server: A module in ``tools/servers``, such as ``"records"``.
        needs: Kinds of identifiers each tool needs in clear, by tool name. A tool that is
            not named sees surrogates.
        pinned: Arguments the model neither sees nor chooses, by tool name.

    Raises:
        ValueError: If there is no such server.
    """
    if not (ROOT / "tools" / "servers" / f"{server}.py").exists():
        there = sorted(p.stem for p in (ROOT / "tools" / "servers").glob("[!_]*.py"))
        raise ValueError(f"No server {server!r} in tools/servers. There are: {', '.join(there)}.")
    client = QuietMCPClient(
        StdioServerParameters(
            command=sys.executable, args=["-m", f"tools.servers.{server}"], cwd=str(ROOT)
        ),
        tools_arguments=dict(pinned or {}),
    )
    schemas = (await client.tools()).standard_tools
    for schema in schemas:
        schema._handler = _declared(
            schema.handler,
            kinds=(needs or {}).get(schema.name, frozenset()),
            reads_only=client.reads_only.get(schema.name),
        )
    return schemas


def _declared(handler, *, kinds: frozenset[str], reads_only: bool | None):
    async def call(params):
        await handler(params)

    call.__dict__.update(handler.__dict__, _vivace_needs=kinds)
    if reads_only is not None:
        call.__dict__["_vivace_side_effects"] = not reads_only
    return call

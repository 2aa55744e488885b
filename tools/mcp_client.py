"""Tools that other processes offer over MCP."""

import asyncio
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger
from mcp import StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import PaginatedRequestParams, Tool, ToolListChangedNotification
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services import mcp_service
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.mcp_service import MCPClient, ServerParameters

from sessions.evidence import Evidence
from tools.mcp_http import SignedParameters, check_private
from tools.mcp_results import contents
from tools.mcp_schema import inlined

if TYPE_CHECKING:
    from sessions.session import Session

ROOT = Path(__file__).parents[1]

MOST_PAGES = 50
PICTURE_SECS = 60.0
"""A picture that a tool returned is shown to the model for so long."""

BEGUN_SECS = 1.0
"""A call has begun by then, and its disclosure is being said; a process takes half a second."""

# A server receives identifiers in clear: what it writes to its standard error is shown nowhere.
mcp_service.stdio_client = partial(  # pyright: ignore[reportPrivateImportUsage]
    stdio_client, errlog=open(os.devnull, "w")
)


class QuietMCPClient(MCPClient):
    """Pipecat's MCP client, of which nothing that a tool returned is ever logged.

    Beyond Pipecat's: lists of several pages, schemas with references, errors as errors, structured
    content, pictures as evidence, and tools that come and go.
    """

    def __init__(
        self,
        params: ServerParameters,
        *,
        name: str = "server",
        only: Iterable[str] | None = None,
        pinned: Mapping[str, dict[str, Any]] | None = None,
        needs: Mapping[str, frozenset[str]] | None = None,
        timeouts: Mapping[str, float] | None = None,
        vouched: bool | frozenset[str] = False,
    ):
        """Initialize the client; it connects on :meth:`tools`.

        Args:
            params: Where the server is.
            name: What it is called here.
            only: Names of the tools that may be offered; all, if None.
            pinned: Arguments the model neither sees nor chooses, by tool name.
            needs: Kinds of identifiers each tool needs in clear, by tool name.
            timeouts: Seconds a tool may take, by tool name.
            vouched: Whether what the server says of its tools is believed (what only reads, whose
                data is the house's own); or the names of tools of which the house knows by itself
                that they only read.
        """
        super().__init__(params, tools_arguments=dict(pinned or {}))
        self.title = name
        self.schemas: list[FunctionSchema] = []
        self.on_change: Callable[[], object] | None = None
        self._only = None if only is None else frozenset(only)
        self._needs, self._timeouts = needs or {}, timeouts or {}
        self._vouched = vouched
        self._signing = params.signing if isinstance(params, SignedParameters) else None
        self._pictures: deque[Evidence] = deque(maxlen=2)
        self._shown_to: Any = None
        self._number = 0
        self._relisting: asyncio.Task | None = None
        self._connecting: asyncio.Task | None = None

    def begin(self, tools: Iterable[Tool]) -> None:
        """Offer tools that are known already; connect when the call has begun, or one is called."""
        self.schemas = self._offers(tools)
        self._connecting = asyncio.create_task(self._connect(), name=f"{self.title} connects")

    async def close(self) -> None:
        """Let go of the server, also of one that is still on its way."""
        connecting, self._connecting = self._connecting, None
        if connecting:
            connecting.cancel()
        await super().close()

    async def _connect(self) -> None:
        await asyncio.sleep(BEGUN_SECS)
        try:
            await self.tools()
        except Exception as error:  # a call tries once more, and says so if it cannot
            logger.error(f"MCP server {self.title!r} did not start: {type(error).__name__}")

    async def _open_session(self, *, as_owner: bool):
        try:
            session = await super()._open_session(as_owner=as_owner)
        except Exception:
            if self._signing and self._signing.failure:
                raise ConnectionError(self._signing.failure) from None
            raise
        session._message_handler = self._on_message
        return session

    async def _list_tools_helper(self, session, attach_handlers: bool = False) -> ToolsSchema:
        listed: dict[str, Tool] = {}
        cursor = None
        for _ in range(MOST_PAGES):
            page = await session.list_tools(params=PaginatedRequestParams(cursor=cursor))
            listed.update((tool.name, tool) for tool in page.tools)
            cursor = page.next_cursor
            if cursor is None:
                break
        self.schemas = self._offers(listed.values())
        return ToolsSchema(standard_tools=[*self.schemas])

    def _offers(self, listed: Iterable[Tool]) -> list[FunctionSchema]:
        return [self._schema(t) for t in listed if self._only is None or t.name in self._only]

    def _schema(self, tool: Tool) -> FunctionSchema:
        schema = inlined(tool.input_schema)
        pinned = self._tools_arguments.get(tool.name, {})
        properties = schema.get("properties", {})
        return FunctionSchema(
            tool.name,
            tool.description or "",
            {key: value for key, value in properties.items() if key not in pinned},
            [key for key in schema.get("required", ()) if key not in pinned],
            self._handler(tool),
        )

    def _handler(self, tool: Tool):
        async def call(params: FunctionCallParams):
            await params.result_callback(await self._answer(tool.name, params))

        hints = tool.annotations if self._vouched is True else None
        reads = hints and hints.read_only_hint
        if isinstance(self._vouched, frozenset) and tool.name in self._vouched:
            reads = True
        marks: dict[str, Any] = {
            "_pipecat_cleanup": self.close,
            "_vivace_mcp": self,
            "_vivace_needs": self._needs.get(tool.name, frozenset()),
            "_vivace_records": bool(hints and hints.open_world_hint is False),
        }
        if reads is not None:
            marks["_vivace_side_effects"] = not reads
        if tool.name in self._timeouts:
            marks["_pipecat_timeout_secs"] = self._timeouts[tool.name]
        call.__dict__.update(marks)
        return call

    async def _answer(self, name: str, params: FunctionCallParams) -> Any:
        session = None
        try:
            session = await self._open_session(as_owner=self._connecting is not None)
            arguments = {**params.arguments, **self._tools_arguments.get(name, {})}
            answer = await session.call_tool(name, arguments=arguments)
        except Exception as error:
            why = self._signing.failure if self._signing else ""
            logger.error(f"MCP tool {name!r} failed: {why or type(error).__name__}")
            if session is not None:
                await self._drop_session(session)
            return {"error": f"{name} is out of reach. Say so, and go on."}
        data, pictures = contents(answer)
        for picture in pictures:
            self._show(picture, to=params.app_resources, source=f"tool {name}")
        return data

    def _show(self, picture: bytes, *, to: "Session | None", source: str) -> None:
        if to is None:
            return
        if self._shown_to is not to:
            self._shown_to = to
            self._pictures.clear()
            to.evidence.add(lambda _now_ns: [*self._pictures])
        self._number += 1
        self._pictures.append(
            Evidence(
                f"{self.title}-picture-{self._number}",
                source,
                to.clock.now_ns(),
                image=picture,
                max_age=PICTURE_SECS,
            )
        )

    async def _on_message(self, message) -> None:
        if isinstance(message, ToolListChangedNotification) and self.on_change:
            # Not awaited: the answer comes in on the very stream that is being read here.
            self._relisting = asyncio.create_task(self._relist())

    async def _relist(self) -> None:
        try:
            await self._list_tools_helper(await self._open_session(as_owner=False))
        except Exception as error:
            logger.warning(f"MCP server {self.title!r} did not list: {type(error).__name__}")
            return
        if self.on_change:
            self.on_change()


async def served_by(
    server: str,
    *,
    only: Iterable[str] | None = None,
    needs: Mapping[str, frozenset[str]] | None = None,
    pinned: Mapping[str, dict[str, Any]] | None = None,
    timeouts: Mapping[str, float] | None = None,
) -> list[FunctionSchema]:
    """The tools of one of our servers, started as a process of its own for this session.

    No call waits for it: what it lists is read from its module, and the process starts while the
    disclosure is said. It ends with the session's language model. A tool that its server annotates as
    read-only counts as declared ``side_effect_free``, and as not, ``side_effects``; one that it
    annotates as of a closed world returns ``records``, and any other what nobody vouches for.

    Args:
        server: A module in ``tools/servers``, such as ``"records"``, whose ``server`` is an
            ``MCPServer`` and which does nothing else on import.
        only: Names of the tools that may be offered; all, if None.
        needs: Kinds of identifiers each tool needs in clear, by tool name. A tool that is
            not named sees surrogates.
        pinned: Arguments the model neither sees nor chooses, by tool name.
        timeouts: Seconds a tool may take, by tool name; the house's otherwise.

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
        name=server,
        only=only,
        needs=needs,
        pinned=pinned,
        timeouts=timeouts,
        vouched=True,
    )
    client.begin(await import_module(f"tools.servers.{server}").server.list_tools())
    return client.schemas


async def served_at(
    url: str,
    *,
    name: str,
    token: str | None = None,
    oauth: bool = False,
    ours: bool = False,
    reads: Iterable[str] = (),
    only: Iterable[str] | None = None,
    needs: Mapping[str, frozenset[str]] | None = None,
    pinned: Mapping[str, dict[str, Any]] | None = None,
    timeouts: Mapping[str, float] | None = None,
) -> list[FunctionSchema]:
    """The tools of a server that runs elsewhere, over streamable HTTP.

    Args:
        url: Its address, such as ``https://tools.example.com/mcp``.
        name: What to call it here; goes before the names of tools that two servers have.
        token: Sent as ``Authorization: Bearer``.
        oauth: Whether its authorization server is asked for one instead, with what the environment
            holds for this name: see :mod:`tools.mcp_oauth`.
        ours: Whether it is one of the house, and believed in what it says of its tools. Of any
            other, every tool is privileged that ``reads`` does not name.
        reads: Tools of which the house knows that they change nothing.
        only: Names of the tools that may be offered; all, if None.
        needs: Kinds of identifiers each tool needs in clear, by tool name.
        pinned: Arguments the model neither sees nor chooses, by tool name.
        timeouts: Seconds a tool may take, by tool name; the house's otherwise.

    Raises:
        ValueError: A token would go over the network unencrypted.
        ConnectionError: OAuth did not let us in. The message says what to do.
    """
    check_private(url, name)
    headers = {"Authorization": f"Bearer {token}"} if token else None
    params = SignedParameters(url=url, headers=headers)
    if oauth:
        from tools.mcp_oauth import signing

        params.signing = signing(name, url)
    client = QuietMCPClient(
        params,
        name=name,
        only=only,
        needs=needs,
        pinned=pinned,
        timeouts=timeouts,
        vouched=True if ours else frozenset(reads),
    )
    await client.tools()
    return client.schemas


def apart(*served: list[FunctionSchema]) -> list[FunctionSchema]:
    """The tools of several servers; a name that two have gets its server's before it.

    Args:
        *served: What :func:`served_by` or :func:`served_at` returned.
    """
    return [
        _renamed(schema)
        if any(
            schema.name == other.name for others in served if others is not own for other in others
        )
        else schema
        for own in served
        for schema in own
    ]


def follow(session: "Session", context: LLMContext) -> None:
    """Let a context offer what its servers offer, whenever that changes during the call.

    Args:
        session: Whose boundary the tools are behind.
        context: Holds tools of servers.
    """
    clients = {_client(s) for s in _offered(context)} - {None}
    for client in clients:
        client.on_change = partial(_offer, session, context, client)


def _offer(session: "Session", context: LLMContext, client: QuietMCPClient) -> None:
    others = [schema for schema in _offered(context) if _client(schema) is not client]
    taken = {schema.name for schema in others}
    own = [_renamed(s) if s.name in taken else s for s in client.schemas]
    context.set_tools(ToolsSchema(standard_tools=[*others, *session.tools(*own)]))


def _offered(context: LLMContext) -> list[FunctionSchema]:
    tools = context.tools
    return [*tools.standard_tools] if isinstance(tools, ToolsSchema) else []  # type: ignore[list-item]


def _client(schema: Any) -> Any:
    return getattr(getattr(schema, "handler", None), "_vivace_mcp", None)


def _renamed(schema: FunctionSchema) -> FunctionSchema:
    return FunctionSchema(
        f"{_client(schema).title}_{schema.name}",
        schema.description,
        schema.properties,
        schema.required,
        schema.handler,
    )

"""The MCP client: what servers of all kinds list and return, and what of it is believed."""

import asyncio
import base64
import io
from types import SimpleNamespace

import pytest
from loguru import logger
from mcp.client.session_group import StreamableHttpParameters
from mcp.server.lowlevel import Server
from mcp.types import (
    CallToolResult,
    ImageContent,
    ListToolsResult,
    TextContent,
    Tool,
    ToolAnnotations,
)
from PIL import Image
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.processors.aggregators.llm_context import LLMContext

from tests.support.peer import served
from tests.support.tool_call import Stage, call_tool
from tools.bearer import Bearer, one_of
from tools.mcp_client import QuietMCPClient, apart, follow, served_at, served_by
from tools.mcp_schema import inlined

TREE = {
    "type": "object",
    "properties": {"to": {"$ref": "#/$defs/Address"}, "root": {"$ref": "#/$defs/Node"}},
    "required": ["to"],
    "$defs": {
        "Address": {
            "type": "object",
            "properties": {"city": {"$ref": "#/$defs/City", "description": "Which."}},
        },
        "City": {"type": "string", "enum": ["Basel", "Bern"]},
        "Node": {"properties": {"child": {"$ref": "#/$defs/Node"}}},
    },
}


def picture() -> str:
    out = io.BytesIO()
    Image.new("RGBA", (3000, 40), "red").save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


class House:
    """A server of several pages, whose tools can change."""

    def __init__(self):
        self.names = ["send", "fail", "draw", "structured", "slow"]
        self.server = Server("house", on_list_tools=self.listed, on_call_tool=self.called)
        self.sessions = []

    async def listed(self, ctx, params):
        self.sessions.append(ctx.session)
        at = int(params.cursor or 0) if params else 0
        hints = ToolAnnotations(read_only_hint=True, open_world_hint=False)
        page = [
            Tool(name=name, description=name, input_schema=TREE, annotations=hints)
            for name in self.names[at : at + 2]
        ]
        more = str(at + 2) if at + 2 < len(self.names) else None
        return ListToolsResult(tools=page, next_cursor=more)

    async def called(self, ctx, params):
        text = [TextContent(type="text", text="the secret of Rosalind Okafor")]
        match params.name:
            case "fail":
                return CallToolResult(content=text, is_error=True)
            case "draw":
                drawn = ImageContent(type="image", data=picture(), mime_type="image/png")
                return CallToolResult(content=[*text, drawn])
            case "structured":
                return CallToolResult(content=text, structured_content={"count": 3})
        return CallToolResult(content=text)

    def app(self, _url):
        return Bearer(self.server.streamable_http_app(), good=one_of("secret"))


async def call(schema, session=None, **arguments):
    return await call_tool(schema, session or Stage(), **arguments)


@pytest.fixture
async def house():
    """The server, how to reach it, and its tools by name."""
    house = House()
    async with served(house.app) as url:
        tools = await served_at(f"{url}/mcp", name="house", token="secret")
        house.url, house.tools = url, {tool.name: tool for tool in tools}
        yield house
        await tools[0].handler._vivace_mcp.close()


def test_references_are_replaced_by_what_they_point_to():
    schema = inlined(TREE)
    city = schema["properties"]["to"]["properties"]["city"]
    assert city == {"type": "string", "enum": ["Basel", "Bern"], "description": "Which."}
    assert "$ref" not in str(schema) and "$defs" not in schema


def test_a_reference_that_leads_nowhere_or_to_everywhere_ends():
    assert inlined({"properties": {"a": {"$ref": "#/$defs/gone"}}}) == {"properties": {"a": {}}}
    assert inlined({"properties": {"a": {"$ref": "http://x/y"}}}) == {"properties": {"a": {}}}
    both = {"properties": {"l": {"$ref": "#/$defs/N"}, "r": {"$ref": "#/$defs/N"}}}
    assert len(str(inlined({**both, "$defs": {"N": both}}))) < 100_000


async def test_all_pages_are_listed_and_results_are_what_they_are(house):
    assert [*house.tools] == ["send", "fail", "draw", "structured", "slow"]
    assert house.tools["send"].properties["to"]["type"] == "object"
    assert await call(house.tools["structured"]) == {"count": 3}
    assert "Okafor" in (await call(house.tools["fail"]))["error"]
    assert await call(house.tools["send"]) == "the secret of Rosalind Okafor"


async def test_a_picture_is_shown_to_the_model_and_trusted_by_nobody(house):
    session = Stage()
    result = await call(house.tools["draw"], session)
    (shown,) = session.evidence.at(0)
    assert result["notes"] == ["Pictures shown to you now: 1."]
    assert shown.source == "tool draw" and not shown.trusted and not shown.cleared
    assert Image.open(io.BytesIO(shown.image)).format == "JPEG"
    assert max(Image.open(io.BytesIO(shown.image)).size) <= 1568


async def test_nothing_that_a_tool_returned_is_logged(house):
    lines = []
    sink = logger.add(lines.append, level=0)
    for tool in house.tools.values():
        await call(tool)
    logger.remove(sink)
    assert not [line for line in lines if "Okafor" in line]


async def test_a_foreign_servers_word_opens_nothing(house):
    marks = house.tools["send"].handler.__dict__
    assert "_vivace_side_effects" not in marks and not marks["_vivace_records"]
    (only,) = await served_at(
        f"{house.url}/mcp",
        name="house",
        token="secret",
        only=["send"],
        reads=["send"],
        timeouts={"send": 3.0},
    )
    assert only.handler._vivace_side_effects is False
    assert only.handler._pipecat_timeout_secs == 3.0
    await only.handler._vivace_mcp.close()


async def test_without_its_token_a_server_says_nothing(house):
    client = QuietMCPClient(StreamableHttpParameters(url=f"{house.url}/mcp"))
    with pytest.raises(Exception):  # noqa: B017 - which one depends on the transport
        await client.tools()
    with pytest.raises(ValueError, match="https"):
        await served_at("http://tools.example.com/mcp", name="far", token="secret")


async def test_names_that_two_servers_have_get_their_servers_before_them(house):
    other = await served_at(f"{house.url}/mcp", name="other", token="secret", only=["send"])
    names = [tool.name for tool in apart([*house.tools.values()], other)]
    assert names == ["house_send", "fail", "draw", "structured", "slow", "other_send"]
    await other[0].handler._vivace_mcp.close()


async def test_tools_that_come_and_go_during_a_call_are_followed(house):
    context = LLMContext(tools=ToolsSchema(standard_tools=[*house.tools.values()]))
    follow(SimpleNamespace(tools=lambda *tools: [*tools]), context)
    house.names = ["send", "new"]
    await house.sessions[0].send_tool_list_changed()
    async with asyncio.timeout(10):
        while len(context.tools.standard_tools) != 2:
            await asyncio.sleep(0.01)
    assert [tool.name for tool in context.tools.standard_tools] == ["send", "new"]


async def test_a_call_does_not_wait_for_a_server_of_the_house():
    tools = await served_by("catalog")
    client = tools[0].handler._vivace_mcp
    assert client._session_task is None and [tool.name for tool in tools][0] == "search_catalog"
    async with asyncio.timeout(30):
        while client._session_task is None:
            await asyncio.sleep(0.05)
        await client._connecting
    listed = [schema.to_default_dict() for schema in client.schemas]
    assert listed == [schema.to_default_dict() for schema in tools]  # as over the wire
    await client.close()


async def test_a_server_that_was_let_go_of_before_it_was_up_does_not_start():
    (tool,) = await served_by("catalog", only=["find_article"])
    await tool.handler._vivace_mcp.close()
    assert "out of reach" in str(await call(tool, sku="GA-05"))


@pytest.mark.parametrize(
    ("server", "name", "arguments", "says"),
    [
        ("catalog", "search_catalog", {"words": "leaking pumps"}, "GA-05"),
        ("sensors", "read_sensor", {"name": "boiler temperature"}, "'within_limits': False"),
        ("tickets", "open_ticket", {"title": "The hall is dark."}, "T-4"),
        ("appointments", "find_free_hours", {"day": "2026-12-01"}, "'11:00'"),
    ],
)
async def test_our_servers_answer(server, name, arguments, says):
    tools = {tool.name: tool for tool in await served_by(server)}
    assert says in str(await call(tools[name], **arguments))
    await tools[name].handler._vivace_mcp.close()

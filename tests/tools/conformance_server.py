"""What the public MCP conformance suite asks of a server, on the base that our servers stand on.

python -m tests.tools.conformance_server --port 8931 --open
"""

import argparse
import asyncio
import base64
import io
import json
import sys
import wave
from typing import Annotated, Literal

import uvicorn
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.types import (
    AudioContent,
    Completion,
    EmbeddedResource,
    ImageContent,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)
from PIL import Image
from pydantic import BaseModel, Field

from tools.servers._house import HouseServer
from tools.servers._http import access_for, add_http_arguments, http_app

server = HouseServer("conformance")


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (1, 1), "red").save(out, "PNG")
    return out.getvalue()


def wav() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(160))
    return out.getvalue()


def text(said: str) -> TextContent:
    return TextContent(type="text", text=said)


def picture() -> ImageContent:
    data = base64.b64encode(png()).decode()
    return ImageContent(type="image", data=data, mime_type="image/png")


def resource(uri: str, said: str, mime_type: str = "text/plain") -> EmbeddedResource:
    contents = TextResourceContents(uri=uri, mime_type=mime_type, text=said)
    return EmbeddedResource(type="resource", resource=contents)


@server.tool()
def test_simple_text() -> str:
    """Say something."""
    return "This is a simple text response for testing."


@server.tool()
def test_image_content() -> list[ImageContent]:
    """Show a picture."""
    return [picture()]


@server.tool()
def test_audio_content() -> list[AudioContent]:
    """Play a sound."""
    data = base64.b64encode(wav()).decode()
    return [AudioContent(type="audio", data=data, mime_type="audio/wav")]


@server.tool()
def test_embedded_resource() -> list[EmbeddedResource]:
    """Give a resource."""
    return [resource("test://embedded-resource", "This is an embedded resource content.")]


@server.tool()
def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    """Give a text, a picture and a resource."""
    data = resource("test://mixed-content-resource", '{"value": 123}', "application/json")
    return [text("Multiple content types test:"), picture(), data]


@server.tool()
async def test_tool_with_logging(ctx: Context) -> str:
    """Send log messages on the way."""
    for said in ("started", "processing data", "completed"):
        await ctx.info(f"Tool execution {said}")
        await asyncio.sleep(0.05)
    return "Done."


@server.tool()
async def test_tool_with_progress(ctx: Context) -> str:
    """Report progress on the way."""
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100)
        await asyncio.sleep(0.05)
    return "Done."


@server.tool()
def test_error_handling() -> str:
    """Fail."""
    raise RuntimeError("This tool intentionally returns an error for testing")


@server.tool()
async def test_sampling(prompt: str, ctx: Context) -> str:
    """Ask the client's model."""
    message = SamplingMessage(role="user", content=text(prompt))
    answer = await ctx.session.create_message(
        messages=[message], max_tokens=100, related_request_id=ctx.request_id
    )
    return f"LLM response: {getattr(answer.content, 'text', '')}"


class Person(BaseModel):
    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Literal["active", "inactive", "pending"] = "active"
    verified: bool = True


NUMBERS = ("One", "Two", "Three")
TITLED = [{"const": f"value{at}", "title": f"Option {n}"} for at, n in enumerate(NUMBERS, 1)]
OPTIONS = ["option1", "option2", "option3"]
LEGACY = {"enum": ["opt1", "opt2", "opt3"], "enumNames": [f"Option {n}" for n in NUMBERS]}


class Choices(BaseModel):
    untitledSingle: Annotated[str, Field(json_schema_extra={"enum": OPTIONS})]
    titledSingle: Annotated[str, Field(json_schema_extra={"oneOf": TITLED})]
    legacyEnum: Annotated[str, Field(json_schema_extra=LEGACY)]
    untitledMulti: Annotated[
        list[str], Field(json_schema_extra={"items": {"type": "string", "enum": OPTIONS}})
    ]
    titledMulti: Annotated[list[str], Field(json_schema_extra={"items": {"anyOf": TITLED}})]


async def asked(ctx: Context, message: str, schema: type[BaseModel]) -> str:
    answer = await ctx.elicit(message, schema)
    data = answer.data.model_dump_json() if answer.action == "accept" else "{}"
    return f"action={answer.action}, content={data}"


@server.tool()
async def test_elicitation(message: str, ctx: Context) -> str:
    """Ask the person for a name."""
    return await asked(ctx, message, Person)


@server.tool()
async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Ask with suggestions."""
    return await asked(ctx, "Who are you?", Defaults)


@server.tool()
async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Ask for choices."""
    return await asked(ctx, "Choose.", Choices)


@server.resource("test://static-text", mime_type="text/plain")
def static_text() -> str:
    return "This is the content of the static text resource."


@server.resource("test://static-binary", mime_type="image/png")
def static_binary() -> bytes:
    return png()


@server.resource("test://template/{id}/data", mime_type="application/json")
def template(id: str) -> str:
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


@server.resource("test://watched-resource")
def watched() -> str:
    return "Watched resource content"


@server.tool()
async def change_watched_resource() -> str:
    """Change the watched resource."""
    await server.updated("test://watched-resource")
    return "Changed."


@server.prompt()
def test_simple_prompt() -> list[UserMessage]:
    """A prompt."""
    return [UserMessage("This is a simple prompt for testing.")]


@server.prompt()
def test_prompt_with_arguments(arg1: str, arg2: str) -> list[UserMessage]:
    """A prompt with arguments."""
    return [UserMessage(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")]


@server.prompt()
def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
    """A prompt with a resource."""
    said = resource(resourceUri, "Embedded resource content for testing.")
    return [UserMessage(said), UserMessage("Please process the embedded resource above.")]


@server.prompt()
def test_prompt_with_image() -> list[UserMessage]:
    """A prompt with a picture."""
    return [UserMessage(picture()), UserMessage("Please analyze the image above.")]


@server.completion()
async def complete(ref, argument, context) -> Completion:
    places = [place for place in ("paris", "park", "party") if place.startswith(argument.value)]
    return Completion(values=places, total=len(places), has_more=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    add_http_arguments(parser, port=8931)
    args = parser.parse_args(sys.argv[1:])
    app = http_app(server, access=access_for(args), host=args.host)
    uvicorn.run(app, host=args.host, port=args.port, log_level="warning")

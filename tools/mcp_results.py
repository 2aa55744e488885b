"""What an MCP tool has returned: data for the model, and pictures for its eyes."""

import base64
import binascii
import io
import json
from typing import Any

from mcp.types import (
    AudioContent,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)
from PIL import Image, UnidentifiedImageError

LONGEST_SIDE = 1568
"""Pixels; what is larger is scaled down by the models that read it."""

LARGEST_BYTES = 8 * 2**20
MOST_PIXELS = 40_000_000
TEXT_LIMIT = 20_000
MOST_PICTURES = 4


def contents(answer: CallToolResult) -> tuple[Any, list[bytes]]:
    """What goes into the context, and what the model is shown beside it.

    Structured content counts before its rendering as text. Text that is JSON is taken for data.

    Returns:
        JSON data, ``{"error": ...}`` if the tool failed; and pictures, as JPEG.
    """
    texts, notes, pictures = [], [], []
    for part in answer.content:
        match part:
            case TextContent():
                texts.append(part.text)
            case ImageContent():
                if len(pictures) < MOST_PICTURES and (jpeg := _jpeg(part.data)):
                    pictures.append(jpeg)
                else:
                    notes.append("A picture could not be read.")
            case EmbeddedResource(resource=TextResourceContents() as resource):
                texts.append(resource.text)
            case ResourceLink():
                notes.append(f"There is more at {part.uri} ({part.name}).")
            case AudioContent() | EmbeddedResource():
                notes.append("There is a sound or a file that cannot be shown.")
    text = "".join(texts)[:TEXT_LIMIT]
    if answer.is_error:
        return {"error": text or "The tool failed and did not say why."}, []
    data = answer.structured_content if answer.structured_content is not None else _parsed(text)
    if pictures:
        notes.append(f"Pictures shown to you now: {len(pictures)}.")
    if notes:
        data = {"result": data, "notes": notes}
    return data, pictures


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _jpeg(data: str) -> bytes | None:
    """A picture as JPEG, no larger than models look at; None if it is none."""
    if len(data) > LARGEST_BYTES * 4 // 3:
        return None
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
        if picture.width * picture.height > MOST_PIXELS:
            return None
        picture = picture.convert("RGB")
    except (binascii.Error, UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return None
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()

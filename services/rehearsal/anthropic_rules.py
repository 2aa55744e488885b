"""Rules of the Anthropic Messages API that bots trip over, and its token counts, estimated."""

import base64
import io
import json
import re
from typing import Any

from services.rehearsal.mind import blocks

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
MAX_IMAGE = 5 << 20  # bytes
MAX_CACHE_BLOCKS = 4
# Models that accept a request ending with the assistant's words; later ones refuse it.
PREFILL = re.compile(r"claude-(2|instant|3|opus-4-[01]|sonnet-4-[05]|haiku-4-5)|rehearsal")
CHARACTERS_PER_TOKEN = 3.6
PIXELS_PER_TOKEN = 750


def misuse(body: dict[str, Any]) -> str:
    """Return the message of the 400 the real API would answer, or ""."""
    messages = body.get("messages") or []
    if not messages:
        return "messages: at least one message is required"
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        return "max_tokens: Field required"
    if not body.get("model"):
        return "model: Field required"
    if messages[0].get("role") != "user":
        return 'messages: first message must use the "user" role'
    if messages[-1].get("role") == "assistant" and not PREFILL.match(body["model"]):
        return (
            "This model does not support assistant message prefill. "
            "The conversation must end with a user message."
        )
    caches = json.dumps([body.get("system"), messages, body.get("tools")]).count('"cache_control"')
    if caches > MAX_CACHE_BLOCKS:
        return f"A maximum of 4 blocks with cache_control may be provided. Found {caches}."
    return tool_misuse(body.get("tools") or []) or message_misuse(messages)


def tool_misuse(tools: list[dict[str, Any]]) -> str:
    """Check the tools on offer."""
    names = [tool.get("name", "") for tool in tools]
    if len(set(names)) < len(names):
        return "tools: Tool names must be unique."
    for i, tool in enumerate(tools):
        if not TOOL_NAME.fullmatch(tool.get("name", "")):
            return f"tools.{i}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
        if str(tool.get("type", "custom")) != "custom":
            continue
        schema = tool.get("input_schema")
        if not isinstance(schema, dict) or schema.get("type") != "object":
            return f"tools.{i}.custom.input_schema.type: Field required"
        for path in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(schema)):
            place: Any = schema
            for part in path.split("/"):
                place = place.get(part) if isinstance(place, dict) else None
            if place is None:
                return f"tools.{i}.custom.input_schema: JSON schema is invalid: #/{path} is missing"
    return ""


def message_misuse(messages: list[dict[str, Any]]) -> str:
    """Check roles, blank texts, images, and that each tool use is answered at once."""
    open_calls: set[str] = set()
    for i, message in enumerate(messages):
        if message.get("role") not in ("user", "assistant"):
            return f"messages.{i}.role: Input should be 'user' or 'assistant'"
        content = [block for _, block in blocks([message])]
        if not content:
            return f"messages.{i}: all messages must have non-empty content"
        answered = {b.get("tool_use_id") for b in content if b.get("type") == "tool_result"}
        if missing := open_calls - answered:
            return (
                f"messages.{i}: `tool_use` ids were found without `tool_result` blocks immediately "
                f"after: {', '.join(sorted(missing))}. Each `tool_use` block must have a "
                "corresponding `tool_result` block in the next message."
            )
        if stray := answered - open_calls:
            return (
                f"messages.{i}: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{', '.join(sorted(map(str, stray)))}. Each `tool_result` block must have a "
                "corresponding `tool_use` block in the previous message."
            )
        open_calls = {b["id"] for b in content if b.get("type") == "tool_use"}
        for j, block in enumerate(content):
            if block.get("type") == "text" and not block.get("text", "").strip():
                return "messages: text content blocks must contain non-whitespace text"
            if block.get("type") == "image" and (reason := image_misuse(block)):
                return f"messages.{i}.content.{j}.image.source.base64: {reason}"
    if open_calls:
        last = len(messages) - 1
        return f"messages.{last}: `tool_use` ids were found without `tool_result` blocks after"
    return ""


def image_misuse(block: dict[str, Any]) -> str:
    """Check a base64 image: media type as declared, and not over 5 MB."""
    source = block.get("source") or {}
    if source.get("type") != "base64":
        return ""
    declared = source.get("media_type")
    if declared not in IMAGE_TYPES:
        return f"media_type: Input should be {', '.join(IMAGE_TYPES)}"
    data = source.get("data", "")
    if len(data) > MAX_IMAGE:
        return f"image exceeds 5 MB maximum: {len(data)} bytes > {MAX_IMAGE} bytes"
    try:
        head = base64.b64decode(data[:64] + "=" * (-len(data[:64]) % 4))
    except ValueError:
        return "data: invalid base64 data"
    actual = media_type(head)
    if actual != declared:
        return (
            f"The image was specified using the {declared} media type, but the image appears to "
            f"be a {actual} image"
        )
    return ""


def media_type(head: bytes) -> str:
    """Name an image's media type by its first bytes."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG"):
        return "image/png"
    if head.startswith(b"GIF8"):
        return "image/gif"
    return "image/webp" if head[8:12] == b"WEBP" else "unknown"


def tokens(value: Any) -> int:
    """Estimate the tokens of a request part: 3.6 characters each, images width times height / 750."""
    if isinstance(value, str):
        return max(1, round(len(value) / CHARACTERS_PER_TOKEN)) if value else 0
    if isinstance(value, list):
        return sum(map(tokens, value))
    if not isinstance(value, dict):
        return 0
    if value.get("type") == "image":
        return image_tokens(value.get("source") or {})
    return sum(tokens(v) for k, v in value.items() if k not in ("type", "id", "tool_use_id"))


def image_tokens(source: dict[str, Any]) -> int:
    """Count an image's tokens; long edges over 1568 pixels are scaled down first."""
    from PIL import Image

    try:
        width, height = Image.open(io.BytesIO(base64.b64decode(source.get("data", "")))).size
    except (OSError, ValueError):
        return 1600
    scale = min(1.0, 1568 / max(width, height))
    return round(width * height * scale * scale / PIXELS_PER_TOKEN)


def request_tokens(body: dict[str, Any]) -> int:
    """Estimate the input tokens of a request."""
    parts = [body.get("system") or "", body.get("messages") or [], body.get("tools") or []]
    return 8 + tokens(parts)

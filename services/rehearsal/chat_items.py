"""OpenAI chat messages and Gemini contents, translated into the Anthropic form the mind reads."""

import json
import re
from typing import Any

Message = dict[str, Any]
OPAQUE = ("args", "response", "parameters", "parametersJsonSchema")


def from_chat(body: Message) -> Message:
    """Return ``system``, ``tools`` and ``messages`` of a chat completions request."""
    system, messages = [], []
    for message in body.get("messages") or []:
        role = message.get("role")
        if role in ("system", "developer") and not messages:
            system.append(_text(message.get("content")))
        elif role == "tool":
            result = {
                "type": "tool_result",
                "tool_use_id": message.get("tool_call_id"),
                "content": _text(message.get("content")),
            }
            messages.append({"role": "user", "content": [result]})
        else:
            content = [_chat_block(part) for part in _parts(message.get("content"))]
            content += [
                {
                    "type": "tool_use",
                    "id": call["id"],
                    "name": call["function"]["name"],
                    "input": json.loads(call["function"].get("arguments") or "{}"),
                }
                for call in message.get("tool_calls") or []
            ]
            said_by = "assistant" if role == "assistant" else "user"
            messages.append({"role": said_by, "content": [block for block in content if block]})
    tools = [{"name": tool["function"]["name"]} for tool in body.get("tools") or []]
    return {"system": "\n".join(system), "tools": tools, "messages": messages}


def from_gemini(body: Message) -> Message:
    """Return ``system``, ``tools`` and ``messages`` of a Gemini request or Live session."""
    messages = []
    for content in body.get("contents") or []:
        role = "assistant" if content.get("role") == "model" else "user"
        blocks = [block for part in content.get("parts") or [] if (block := _gemini_block(part))]
        if blocks:
            messages.append({"role": role, "content": blocks})
    instruction = body.get("systemInstruction") or {}
    if isinstance(instruction, str):
        instruction = {"parts": [{"text": instruction}]}
    return {
        "system": " ".join(part.get("text", "") for part in instruction.get("parts") or []),
        "tools": [
            {"name": declaration["name"]}
            for tool in body.get("tools") or []
            for declaration in tool.get("functionDeclarations") or []
        ],
        "messages": messages,
    }


def camel(value: Any) -> Any:
    """Return a Gemini message with its fields in camelCase: the API takes both spellings.

    What belongs to a tool, its arguments and results, keeps its own names.
    """
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub(r"_([a-z])", lambda m: m[1].upper(), key): key for key in value}
    return {new: value[old] if new in OPAQUE else camel(value[old]) for new, old in named.items()}


def plain_base64(text: str) -> str:
    """Return base64 in the plain alphabet; Google's SDK sends the one that is safe in URLs."""
    return text.replace("-", "+").replace("_", "/")


def _parts(content: Any) -> list[Message]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def _text(content: Any) -> str:
    return " ".join(part.get("text", "") for part in _parts(content))


def _chat_block(part: Message) -> Message | None:
    if part.get("type") == "image_url":
        head, _, data = part["image_url"]["url"].partition(",")
        return _image(head.removeprefix("data:").partition(";")[0], data)
    return {"type": "text", "text": part["text"]} if part.get("text") else None


def _gemini_block(part: Message) -> Message | None:
    if inline := part.get("inlineData"):
        return _image(inline.get("mimeType", ""), plain_base64(inline.get("data", "")))
    if call := part.get("functionCall"):
        name = call["name"]
        return {
            "type": "tool_use",
            "id": call.get("id") or name,
            "name": name,
            "input": call.get("args") or {},
        }
    if result := part.get("functionResponse"):
        return {
            "type": "tool_result",
            "tool_use_id": result.get("id") or result["name"],
            "content": json.dumps(result.get("response") or {}),
        }
    return {"type": "text", "text": part["text"]} if part.get("text") else None


def _image(media_type: str, data: str) -> Message | None:
    if not media_type.startswith("image/"):
        return None
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}

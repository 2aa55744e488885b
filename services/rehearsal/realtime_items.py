"""Realtime conversation items, translated into the Anthropic form the mind reads."""

import json
from typing import Any

Item = dict[str, Any]
WORDS_PER_SECOND = 2.5  # espeak-ng at 165 words a minute


def as_conversation(session: Item, items: list[Item]) -> dict[str, Any]:
    """Return ``system``, ``tools`` and ``messages`` of a realtime conversation."""
    return {
        "system": session.get("instructions") or "",
        "tools": [{"name": tool.get("name", "")} for tool in session.get("tools") or []],
        "messages": [message for item in items if (message := as_message(item))],
    }


def as_message(item: Item) -> dict[str, Any] | None:
    """Translate one item; None if it says nothing."""
    if item.get("type") == "function_call":
        arguments = json.loads(item.get("arguments") or "{}")
        use = {"type": "tool_use", "id": item["call_id"], "name": item["name"], "input": arguments}
        return {"role": "assistant", "content": [use]}
    if item.get("type") == "function_call_output":
        result = {"type": "tool_result", "tool_use_id": item["call_id"], "content": item["output"]}
        return {"role": "user", "content": [result]}
    content = [block for part in item.get("content") or [] if (block := as_block(part))]
    role = "assistant" if item.get("role") == "assistant" else "user"
    return {"role": role, "content": content} if content else None


def as_block(part: Item) -> dict[str, Any] | None:
    """Translate one content part."""
    if part.get("type") == "input_image":
        head, _, data = (part.get("image_url") or "").partition(",")
        media_type = head.removeprefix("data:").partition(";")[0]
        source = {"type": "base64", "media_type": media_type, "data": data}
        return {"type": "image", "source": source}
    text = part.get("text") or part.get("transcript")
    return {"type": "text", "text": text} if text else None


def truncated(item: Item, seconds: float) -> Item:
    """Return an assistant item cut to the words that fit into the audio that was played."""
    content = []
    for part in item.get("content") or []:
        words = (part.get("transcript") or "").split()[: int(seconds * WORDS_PER_SECOND)]
        content.append({**part, "transcript": " ".join(words)} if "transcript" in part else part)
    return {**item, "content": content}

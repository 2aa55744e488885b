"""A tool's schema as a model can read it: every reference in its place."""

from collections.abc import Mapping
from typing import Any

DEEPEST = 12
"""So many references within each other are followed; a tree of more is one that never ends."""

LARGEST = 2_000
"""A schema of more parts than this, references in their place, says nothing of what is beyond."""


def inlined(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same JSON schema without ``$ref`` to its own ``$defs``.

    A model is given ``properties`` alone, where such a reference leads nowhere, and vendors refuse
    the whole request for it. What refers to itself is cut off, as is what leads nowhere or out of
    the document: from there on, anything fits. The tool's server still checks what it is sent.

    Args:
        schema: A tool's input schema, as its server lists it.
    """
    left = LARGEST

    def resolved(value: Any, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            return {}
        if isinstance(value, list):
            return [resolved(item, depth) for item in value]
        if not isinstance(value, Mapping):
            return value
        beside = {k: v for k, v in value.items() if k not in ("$ref", "$defs", "definitions")}
        own = {key: resolved(item, depth) for key, item in beside.items()}
        if not isinstance(ref := value.get("$ref"), str):
            return own
        target = _at(schema, ref) if depth < DEEPEST else None
        return {**(resolved(target, depth + 1) if isinstance(target, Mapping) else {}), **own}

    return resolved(schema, 0)


def _at(schema: Any, ref: str) -> Any:
    """What a reference such as ``#/$defs/Address`` points to, or None."""
    if not ref.startswith("#/"):
        return None
    for step in ref[2:].split("/"):
        if not isinstance(schema, Mapping):
            return None
        schema = schema.get(step.replace("~1", "/").replace("~0", "~"))
    return schema

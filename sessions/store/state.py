"""What is kept of a session from turn to turn: enough to go on with it in another process."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pipecat.processors.aggregators.llm_context import LLMSpecificMessage

NOT_KEPT = "(A picture, a sound or a file was here; it is not kept across a cut.)"
SPECIFIC = "vivace.specific"


@dataclass(kw_only=True)
class Kept:
    """The state of one session.

    Parameters:
        bot: The bot's name.
        policy: The name of the policy it runs under.
        body: What it was started with, consents as they stand now.
        at: Wall seconds at which this was true.
        part: How often the session has been resumed.
        disclosed: Whether the caller has heard the whole disclosure.
        over: Whether it came to its end: there is nothing to resume.
        contexts: The messages of each context of the pipeline, in its order, without media.
        facts: What is pinned in the context budget.
        handoff: What agents and people leave for who takes over; JSON.
        hearing: Said by the caller, and not in a context yet.
        heard: Heard of the bot, and not in a context yet.
        unheard: Handed to the bot's voice and not heard.
        vault: The sealed vault, base64; empty where nothing is redacted.
    """

    bot: str
    policy: str
    body: dict[str, Any]
    at: float
    part: int = 0
    disclosed: bool = False
    over: bool = False
    contexts: list[list[Any]] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    handoff: dict[str, Any] = field(default_factory=dict)
    hearing: str = ""
    heard: str = ""
    unheard: str = ""
    vault: str = ""

    def to_bytes(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self), default=str).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Kept":
        """What :meth:`to_bytes` made."""
        return cls.of(json.loads(data))

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Kept":
        """The state as it was stored by this version, or one that knew more or less."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})


def pack(messages: Iterable[Any]) -> list[Any]:
    """Messages of a context as JSON data, with a note in the place of media."""
    return [_packed(message) for message in messages]


def unpack(messages: Iterable[Any]) -> list[Any]:
    """The messages that :func:`pack` packed."""
    return [
        LLMSpecificMessage(message[SPECIFIC], message["message"])
        if SPECIFIC in message
        else message
        for message in messages
    ]


def _packed(message: Any) -> Any:
    if isinstance(message, LLMSpecificMessage):
        return {SPECIFIC: message.llm, "message": message.message}
    content = message.get("content")
    if not isinstance(content, list):
        return dict(message)
    parts = [p if p.get("type") == "text" else {"type": "text", "text": NOT_KEPT} for p in content]
    return {**message, "content": parts}

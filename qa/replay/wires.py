"""What a tape knows of the outside: its connections, each with what went over it and when."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal
from urllib.parse import urlsplit

from sessions.tape import Tape
from sessions.tape.schemas import WIRE

Kind = Literal["socket", "http", "process"]
_STAGES = (
    ("stt", ("/listen", "/transcri", "speech-to-text")),
    ("tts", ("/tts", "/speak", "text-to-speech", "/audio/speech")),
    ("speech", ("/realtime", "BidiGenerateContent")),
    ("llm", ("/messages", "/chat/completions", "/responses", "enerateContent")),
)


@dataclass(frozen=True)
class Said:
    """One message of a connection.

    Parameters:
        at: Session-clock seconds.
        sent: Whether this process sent it.
        kind: As in the wire schema: open, request, head, text, binary, end, close, error.
        text: The text, if it is one.
        data: The bytes, if received binary.
        length: Bytes of a sent binary message.
        status: HTTP status of a head, close code of a close.
        headers: Of a request or a head.
    """

    at: float
    sent: bool
    kind: str
    text: str | None = None
    data: bytes | None = None
    length: int = 0
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Connection:
    """One connection of the taped session.

    Parameters:
        number: Its number on the tape.
        kind: A WebSocket, one HTTP exchange, or a child process.
        url: Its address, without secrets.
        method: Of an HTTP exchange.
        said: What went over it, in order.
    """

    number: int
    kind: Kind
    url: str
    method: str = ""
    said: list[Said] = field(default_factory=list)

    @property
    def host(self) -> tuple[str, int]:
        """Host name and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (443 if parts.scheme in ("https", "wss") else 80)

    @property
    def path(self) -> str:
        """The path, without the query."""
        return urlsplit(self.url).path

    @property
    def stage(self) -> str:
        """Which part of the cast is at the other end."""
        return stage_of(self.url)

    @cached_property
    def asked(self) -> str:
        """The body of an HTTP request."""
        return "".join(s.text or "" for s in self.said if s.sent and s.kind == "text")

    @property
    def head(self) -> Said | None:
        """How the other end answered the opening."""
        return next((s for s in self.said if s.kind == "head"), None)


def stage_of(url: str) -> str:
    """``stt``, ``llm``, ``tts``, ``speech``, ``tools``, or the host of an address."""
    if url.startswith("process:"):
        return "tools"
    parts = urlsplit(url)
    for stage, marks in _STAGES:
        if any(mark in parts.path for mark in marks):
            return stage
    return parts.netloc


def connections(tape: Tape) -> list[Connection]:
    """The connections of a tape, in the order they were opened."""
    found: dict[int, Connection] = {}
    for message in tape.messages(WIRE):
        data = message.data
        number, kind = data["connection"], data["kind"]
        if kind in ("open", "request"):
            url = data["url"]
            form: Kind = "http" if kind == "request" else "socket"
            form = "process" if url.startswith("process:") else form
            found[number] = Connection(number, form, url, data.get("method", ""))
        if number in found:
            found[number].said.append(_said(message.clock_ns / 1e9, data, message))
    return list(found.values())


def _said(at: float, data: dict[str, Any], message) -> Said:
    return Said(
        at=at,
        sent=data["direction"] == "sent",
        kind=data["kind"],
        text=data.get("text"),
        data=message.bytes if "data" in data else None,
        length=data.get("length", 0),
        status=data.get("status", 0),
        headers=data.get("headers") or {},
    )

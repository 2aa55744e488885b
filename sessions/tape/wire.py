"""Wire taps: every message between a session and the vendors goes on its tape.

A :class:`WireTap` belongs to one session. It rides in a context variable, which every task of
the session inherits, so that concurrent sessions of one process tape their own messages and
nobody else's. What is recorded is what the client libraries sent and received, whole messages
with their times, without credentials.
"""

import itertools
import re
import zlib
from collections.abc import Callable, Iterable
from contextvars import ContextVar, Token
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sessions.tape.memory import MemoryTape
from sessions.tape.schemas import WIRE
from sessions.tape.writer import TapeWriter

_SECRET_NAME = re.compile(
    r"(^|[-_])(api-?key|key|token|secret|signature|password|auth|authorization|cookie"
    r"|credentials?)($|[-_])",
    re.IGNORECASE,
)
_SECRET_FIELD = re.compile(
    r'("[\w-]*(?:api[-_]?key|authorization|secret|password)"\s*:\s*")[^"]*"', re.IGNORECASE
)

current_tap: ContextVar["WireTap | None"] = ContextVar("vivace_wire_tap", default=None)


class WireTap:
    """Opens the taped connections of one session."""

    def __init__(self, writer: TapeWriter | MemoryTape, now_ns: Callable[[], int]):
        """Tape onto ``writer``, timed by ``now_ns`` (session-clock nanoseconds)."""
        self._writer = writer
        self._now_ns = now_ns
        self._numbers = itertools.count(1)

    def attach(self) -> Token:
        """Tape what this task, and the tasks it starts, exchange from now on."""
        from sessions.tape.taps import install

        install()
        return current_tap.set(self)

    def connection(self, url: str) -> "WireConnection":
        """Begin a connection (a WebSocket, one HTTP exchange or a child process)."""
        return WireConnection(self, next(self._numbers), url)

    def put(self, url: str, size: int, message: dict[str, Any]) -> None:
        """Put one message on the tape."""
        host = urlsplit(url).netloc or urlsplit(url).path or "unknown"
        self._writer.write(f"{WIRE}{host}", self._now_ns(), message, size=size)


class WireConnection:
    """One taped connection."""

    def __init__(self, tap: WireTap, number: int, url: str):
        """See :meth:`WireTap.connection`."""
        self.number = number
        self._tap = tap
        self._url = without_secrets(url)

    def event(self, direction: str, kind: str, **fields: Any) -> None:
        """Tape an opening, a head, an end or an error."""
        if "headers" in fields:
            fields["headers"] = public_headers(fields["headers"])
        message = {"connection": self.number, "direction": direction, "kind": kind} | fields
        self._tap.put(self._url, len(str(fields)), message)

    def opened(self, direction: str = "sent", kind: str = "open", **fields: Any) -> None:
        """Tape the opening, with the address."""
        self.event(direction, kind, url=self._url, **fields)

    def sent(self, data: str | bytes) -> None:
        """Tape a message to the vendor; binary is the caller's audio and kept as a checksum."""
        if isinstance(data, str):
            self._message("sent", data)
        else:
            self.event("sent", "binary", length=len(data), crc32=zlib.crc32(data))

    def received(self, data: str | bytes) -> None:
        """Tape a message from the vendor."""
        self._message("received", data)

    def body(self, direction: str, data: bytes) -> None:
        """Tape a piece of an HTTP body: as text when it is, else as bytes."""
        try:
            self._message(direction, data.decode())
        except UnicodeDecodeError:
            self._message(direction, data)

    def _message(self, direction: str, data: str | bytes) -> None:
        message: dict[str, Any] = {"connection": self.number, "direction": direction}
        if isinstance(data, str):
            message |= {"kind": "text", "text": _SECRET_FIELD.sub(r'\1***"', data)}
        else:
            message |= {"kind": "binary", "data": data}
        self._tap.put(self._url, len(data), message)


def without_secrets(url: str) -> str:
    """An address without user, password and secret query values."""
    parts = urlsplit(url)
    query = [
        (name, "***" if _SECRET_NAME.search(name) else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host, query=urlencode(query, safe="*/:,")))


def public_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers that carry no credential, by lower-case name."""
    return {n.lower(): v for n, v in headers if not _SECRET_NAME.search(n)}

"""The journal: what every double received and sent, per session, bounded."""

import hashlib
import json
import time
from collections import deque
from typing import Any

MAX_BYTES = 8 << 20  # of JSON text per session: hundreds of turns with their full requests


class Journal:
    """What one session exchanged with its doubles; past ``max_bytes`` the oldest entries go."""

    def __init__(self, session: str, *, max_bytes: int = MAX_BYTES):
        self.session = session
        self.dropped = 0
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: deque[tuple[int, dict[str, Any]]] = deque()

    def write(self, vendor: str, what: str, **data: Any) -> None:
        """Append ``{"t": seconds, "session", "vendor", "what", **data}``."""
        t = round(time.monotonic(), 4)
        entry = {"t": t, "session": self.session, "vendor": vendor, "what": what, **data}
        size = len(json.dumps(entry, default=str))
        self._entries.append((size, entry))
        self._bytes += size
        while self._bytes > self._max_bytes and len(self._entries) > 1:
            self._bytes -= self._entries.popleft()[0]
            self.dropped += 1

    def entries(self) -> list[dict[str, Any]]:
        """Return the entries, oldest first."""
        return [entry for _, entry in self._entries]


def without_binaries(value: Any) -> Any:
    """Copy a request body with each base64 payload replaced by its digest and size.

    All text stays: privacy tests read here what a model really received.
    """
    if isinstance(value, list):
        return [without_binaries(item) for item in value]
    if isinstance(value, dict):
        if value.get("type") == "base64" and isinstance(value.get("data"), str):
            return {**value, "data": digest(value["data"])}
        return {key: without_binaries(item) for key, item in value.items()}
    if isinstance(value, str) and value.startswith("data:") and ";base64," in value[:80]:
        head, _, payload = value.partition(",")
        return {"media": head, **digest(payload)}
    return value


def digest(payload: str) -> dict[str, Any]:
    """Name a base64 payload by the SHA-256 of its text and its decoded size in bytes."""
    return {
        "sha256": hashlib.sha256(payload.encode()).hexdigest(),
        "bytes": len(payload) * 3 // 4 - payload[-2:].count("="),
    }

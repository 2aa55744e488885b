"""What was redacted where: kinds and counts, never values."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from sessions.phi.vault import STRICT_SURROGATE


class Ledger:
    """Notes each redaction of a session on its tape, for whoever has to account for it."""

    def __init__(self, event: Callable[..., None]):
        """Write with ``event(name, **detail)``."""
        self._event = event
        self.kinds: Counter[tuple[str, str]] = Counter()

    def redacted(self, where: str, before: str, after: str) -> None:
        """Note what became a surrogate.

        Args:
            where: At which entrance: ``speech``, ``typed``, ``keypad``, ``tool``, ``model``,
                ``line`` (names and numbers that came with the call).
            before: The text that came.
            after: The text that went on.
        """
        if after == before:
            return
        kinds = _kinds(after) - _kinds(before)
        if blocked := after.count("[REDACTED]") - before.count("[REDACTED]"):
            kinds["blocked"] = blocked
        self.note(where, kinds)

    def note(self, where: str, kinds: Counter[str]) -> None:
        """Note kinds and how many of each."""
        if kinds:
            self.kinds.update({(where, kind): count for kind, count in kinds.items()})
            self._event("phi.redacted", where=where, kinds=dict(sorted(kinds.items())))

    def in_clear(self, tool: str, kinds: Counter[str]) -> None:
        """Note that a tool received originals, and of which kinds."""
        self._event("tool.in_clear", tool=tool, kinds=dict(sorted(kinds.items())))


def nowhere() -> Ledger:
    """A ledger that nobody reads, for guards used outside a session."""
    return Ledger(_ignore)


def _ignore(_name: str, **_detail: Any) -> None:
    pass


def _kinds(text: str) -> Counter[str]:
    return Counter(match[1] for match in STRICT_SURROGATE.finditer(text))

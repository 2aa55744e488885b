"""Faults a rehearsal can inject: what goes wrong, at whose wire, and how often."""

import random
from dataclasses import dataclass
from typing import Any

VENDORS = ("deepgram", "cartesia", "anthropic", "openai", "elevenlabs", "google")
# What each kind does; the part after the colon is its argument.
KINDS = {
    "status": "answer the request or the handshake with this HTTP status",
    "slow": "wait this many seconds before answering",
    "stall": "fall silent for this many seconds in mid-stream",
    "drop_after": "cut the TCP connection after this many messages",
    "close_after": "close the stream cleanly, too early, after this many messages",
    "garbage_after": "send one broken message after this many",
    "unknown_after": "send one message of an unknown type after this many",
    "error": "send the vendor's own error event of this type in mid-stream",
}
HANDSHAKE_KINDS = {"status", "slow"}


@dataclass
class Fault:
    """One entry of the first-in-first-out fault list.

    Attributes:
        vendor: One of ``VENDORS``.
        do: ``kind:argument``, for example ``status:429`` or ``drop_after:4``.
        skip: Connections or requests to let pass first.
        times: Connections or requests to hit after that.
        chance: Probability that one of those is really hit, drawn from the seed.
    """

    vendor: str
    do: str
    skip: int = 0
    times: int = 1
    chance: float = 1.0

    def __post_init__(self):
        if self.vendor not in VENDORS:
            raise ValueError(f"No vendor {self.vendor!r} is doubled. Use {', '.join(VENDORS)}.")
        if self.kind not in KINDS or not self.text:
            raise ValueError(
                f"A rehearsal cannot do {self.do!r}. Write kind:argument, with one of the kinds "
                f"{', '.join(KINDS)}."
            )
        if self.kind != "error":
            try:
                float(self.text)
            except ValueError:
                raise ValueError(f"The argument of {self.do!r} must be a number.") from None

    @property
    def kind(self) -> str:
        """The part before the colon."""
        return self.do.partition(":")[0]

    @property
    def text(self) -> str:
        """The argument as written."""
        return self.do.partition(":")[2]

    @property
    def number(self) -> float:
        """The argument as a number (0 for an error type)."""
        return 0.0 if self.kind == "error" else float(self.text)


def faults_from(entries: list[dict[str, Any]]) -> list[Fault]:
    """Build faults from their JSON form.

    Raises:
        ValueError: If an entry is no fault; the message says what is allowed.
    """
    try:
        return [Fault(**entry) for entry in entries]
    except TypeError as e:
        raise ValueError(
            f"A fault has vendor and do, and may have skip, times and chance: {e}"
        ) from None


def take(
    faults: list[Fault], vendor: str, rng: random.Random, *, live: bool = False
) -> Fault | None:
    """Take the fault that hits this connection, request or turn, if any.

    Args:
        faults: The list, oldest first; the entry that hits is used up by one.
        vendor: Whose wire is asking.
        rng: Source of ``chance``.
        live: True inside an open connection, where the handshake is past and skipping is over.
    """
    for fault in faults:
        if fault.vendor != vendor or fault.times <= 0:
            continue
        if live and (fault.skip > 0 or fault.kind in HANDSHAKE_KINDS):
            continue
        if fault.skip > 0:
            fault.skip -= 1
            continue
        fault.times -= 1
        if rng.random() < fault.chance:
            return fault
    return None

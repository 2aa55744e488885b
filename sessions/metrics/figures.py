"""What was measured of a call, or of many, and the eight metrics that follow from it."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from sessions.slo import OBJECTIVES, p95, share


@dataclass
class Figures:
    """Measurements, to be added up over calls. Times are milliseconds.

    Parameters:
        turn_ms: Of each answered turn.
        vision_encode_ms: Of each picture.
        asr_first_token_ms: Of each time the caller spoke.
        tool_ms: Of each tool call that ended.
        store_ms: Of each call of the session store.
        barge_ins: Answers that were interrupted by voice.
        tools_failed: Tool calls that ended with an error.
        words: Words heard whose errors were judged.
        word_errors: Misheard ones among them, as estimated or counted.
        wer_from: How word errors were judged: ``"confidence"``, ``"second recogniser"`` or empty.
    """

    turn_ms: list[float] = field(default_factory=list)
    vision_encode_ms: list[float] = field(default_factory=list)
    asr_first_token_ms: list[float] = field(default_factory=list)
    tool_ms: list[float] = field(default_factory=list)
    store_ms: list[float] = field(default_factory=list)
    barge_ins: int = 0
    tools_failed: int = 0
    words: int = 0
    word_errors: float = 0.0
    wer_from: str = ""

    def add(self, other: Self) -> None:
        """Take in the measurements of another call."""
        for name in (f.name for f in fields(self)):
            mine, its = getattr(self, name), getattr(other, name)
            if name == "wer_from":
                both = sorted({*mine.split(" and "), *its.split(" and ")} - {""})
                setattr(self, name, " and ".join(both))
            else:
                setattr(self, name, mine + its)

    def value(self, key: str) -> float | None:
        """One of the eight metrics, by its key; None where nothing was measured.

        Raises:
            KeyError: There is no such metric.
        """
        return {
            "turn_latency": lambda: p95(self.turn_ms),
            "vision_encode": lambda: p95(self.vision_encode_ms),
            "asr_first_token": lambda: p95(self.asr_first_token_ms),
            "asr_wer": lambda: share(self.word_errors, self.words),
            "barge_in_rate": lambda: share(self.barge_ins, len(self.turn_ms)),
            "tool_success": lambda: share(len(self.tool_ms) - self.tools_failed, len(self.tool_ms)),
            "tool_latency": lambda: p95(self.tool_ms),
            "store_latency": lambda: p95(self.store_ms),
        }[key]()

    def values(self) -> dict[str, float | None]:
        """The eight metrics."""
        return {objective.key: self.value(objective.key) for objective in OBJECTIVES}

    def broken(self) -> list[str]:
        """The keys of those past their thresholds."""
        return [o.key for o in OBJECTIVES if o.broken(self.value(o.key))]

    def as_dict(self) -> dict[str, Any]:
        """For a tape's event; :meth:`of` reads it back."""
        return asdict(self)

    @classmethod
    def of(cls, data: dict[str, Any]) -> Self:
        """From what :meth:`as_dict` gave; fields of other versions are left out."""
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})

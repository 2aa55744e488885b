"""The eight metrics and their thresholds: one table for code, alert rules, page and docs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

TURN_LIMIT_MS = 2500
"""Past it a conversation breaks."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One metric and the threshold past which somebody is told.

    Parameters:
        key: How code and reports name it.
        alert: The name of its alert and, in lower case with hyphens, of its runbook page.
        name: In words.
        definition: What exactly is measured.
        layer: Whose metric it is.
        statistic: ``p95`` of single measurements, or ``share`` of events.
        worse: On which side of the threshold it is broken.
        threshold: In ``unit``.
        unit: ``ms``, or ``%``.
        notices: What the caller notices.
    """

    key: str
    alert: str
    name: str
    definition: str
    layer: str
    statistic: Literal["p95", "share"]
    worse: Literal["above", "below"] = "above"
    threshold: float
    unit: Literal["ms", "%"]
    notices: str

    def broken(self, value: float | None) -> bool:
        """Whether a value is past the threshold; one that was not measured is not."""
        if value is None:
            return False
        return value > self.threshold if self.worse == "above" else value < self.threshold

    @property
    def page(self) -> str:
        """The runbook page, without suffix: ``turn-latency-high``."""
        return "".join(f"-{c.lower()}" if c.isupper() else c for c in self.alert).lstrip("-")


OBJECTIVES = (
    Objective(
        key="turn_latency",
        alert="TurnLatencyHigh",
        name="turn latency",
        definition="from the caller's last sound to the bot's first, as they pass the server",
        layer="turn",
        statistic="p95",
        threshold=TURN_LIMIT_MS,
        unit="ms",
        notices="The bot answers so late that the caller speaks again.",
    ),
    Objective(
        key="vision_encode",
        alert="VisionEncodeSlow",
        name="vision encode time",
        definition="from a frame to the picture: waiting, resizing, privacy, encoding",
        layer="vision",
        statistic="p95",
        threshold=600,
        unit="ms",
        notices="The bot speaks of what was there a moment ago, or says it cannot see.",
    ),
    Objective(
        key="asr_first_token",
        alert="AsrFirstTokenSlow",
        name="ASR time to first token",
        definition="from the voice being heard to the recogniser's first words, interim or final; "
        "of a recogniser without interim words, from the end of speech to its transcript",
        layer="asr",
        statistic="p95",
        threshold=400,
        unit="ms",
        notices="Captions lag, and the bot is slow to notice that it was interrupted.",
    ),
    Objective(
        key="asr_wer",
        alert="AsrWordErrorsHigh",
        name="ASR word error rate",
        definition="words misheard of words said, rolling: estimated from the recogniser's "
        "confidence in each word, or measured against a second recogniser's on a sample",
        layer="asr",
        statistic="share",
        threshold=12,
        unit="%",
        notices="The bot answers what was not asked, and asks the caller to repeat.",
    ),
    Objective(
        key="barge_in_rate",
        alert="BargeInsFrequent",
        name="barge-in rate",
        definition="answers over which the caller spoke and took the turn, of all answers",
        layer="turn",
        statistic="share",
        threshold=15,
        unit="%",
        notices="The bot talks too long, too late or beside the point, and is cut off.",
    ),
    Objective(
        key="tool_success",
        alert="ToolsFailing",
        name="tool success rate",
        definition="tool calls that returned without an error, of those that ended; calls that the "
        "caller or the session's policy stopped do not count",
        layer="tool",
        statistic="share",
        worse="below",
        threshold=97,
        unit="%",
        notices="The bot says that it could not look something up or get something done.",
    ),
    Objective(
        key="tool_latency",
        alert="ToolsSlow",
        name="tool latency",
        definition="from the model's call to the tool's last result, waiting included",
        layer="tool",
        statistic="p95",
        threshold=800,
        unit="ms",
        notices="The bot says that it is looking, and then is silent.",
    ),
    Objective(
        key="store_latency",
        alert="StoreSlow",
        name="session store read/write",
        definition="one call of the session store, until it is acknowledged",
        layer="store",
        statistic="p95",
        threshold=50,
        unit="ms",
        notices="Nothing at once; a call that drops now may not find its thread again.",
    ),
)

BY_KEY = {objective.key: objective for objective in OBJECTIVES}


def p95(values: Sequence[float]) -> float | None:
    """The 95th percentile by nearest rank; None of nothing."""
    ordered = sorted(values)
    return ordered[math.ceil(0.95 * len(ordered)) - 1] if ordered else None


def share(part: float, whole: float) -> float | None:
    """A part of a whole in percent; None of nothing."""
    return 100 * part / whole if whole else None

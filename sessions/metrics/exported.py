"""The figures as Prometheus and OpenTelemetry get them: names, units, buckets.

Prometheus: `prometheus_client`'s default registry; session processes send theirs to the front, see
``/metrics``. A bucket ends at each threshold, so that a p95 past it is exact. OpenTelemetry: the
same, and the token usage by the gen_ai conventions; without an SDK set up they cost nothing.
"""

from typing import Any

from prometheus_client import Counter, Histogram

TURN = Histogram(
    "vivace_turn_latency_seconds",
    "From the caller's last sound to the bot's first",
    ["bot"],
    buckets=(0.3, 0.5, 0.8, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 10),
)
LAYER = Counter("vivace_turn_layer_seconds", "Time of answered turns, by layer", ["bot", "layer"])
BARGE_INS = Counter("vivace_barge_ins", "Answers interrupted by the caller's voice", ["bot"])
VISION = Histogram(
    "vivace_vision_encode_seconds",
    "From a frame to the picture",
    ["bot"],
    buckets=(0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 1, 2, 5),
)
FIRST_TOKEN = Histogram(
    "vivace_asr_first_token_seconds",
    "From the voice being heard to the first words",
    ["bot"],
    buckets=(0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 1, 2, 5),
)
WORDS = Counter("vivace_asr_words", "Words heard whose errors were judged", ["bot", "judged_by"])
WORD_ERRORS = Counter("vivace_asr_word_errors", "Words misheard", ["bot", "judged_by"])
TOOLS = Counter("vivace_tool_calls", "Tool calls that ended", ["bot", "outcome"])
TOOL = Histogram(
    "vivace_tool_seconds",
    "From the model's call to the tool's result",
    ["bot"],
    buckets=(0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 15),
)
STORE = Histogram(
    "vivace_store_seconds",
    "One call of the session store",
    ["bot"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5),
)
COST = Counter("vivace_cost_usd", "Dollars by the price table", ["bot", "layer"])
BLOCKED = Counter("vivace_loop_blocked_seconds", "Time the event loop stood still", ["where"])


def begin(bot: str) -> None:
    """Let the bot's figures begin at zero: of a series that begins at one, no rate can be told."""
    for figure in (TURN, BARGE_INS, VISION, FIRST_TOKEN, TOOL, STORE):
        figure.labels(bot)
    for outcome in ("done", "failed"):
        TOOLS.labels(bot, outcome)
    for figure in (WORDS, WORD_ERRORS):
        figure.labels(bot, "confidence")


class _Unheard:
    """Stands in for an instrument of OpenTelemetry where it is not installed."""

    def record(self, amount: float, attributes: dict[str, Any] | None = None) -> None:
        """Nobody listens."""

    add = record


def _otel(kind: str, name: str, unit: str, description: str) -> Any:
    try:
        from opentelemetry import metrics
    except ImportError:
        return _Unheard()
    make = getattr(metrics.get_meter("vivace"), f"create_{kind}")
    return make(name, unit=unit, description=description)


TOKENS = _otel("histogram", "gen_ai.client.token.usage", "{token}", "Tokens of one inference")
INFERENCE = _otel("histogram", "gen_ai.client.operation.duration", "s", "One inference")
OTEL_TURN = _otel("histogram", "vivace.turn.latency", "s", TURN._documentation)
OTEL_LAYER = _otel("histogram", "vivace.turn.layer", "s", "One layer's share of a turn")
OTEL_COST = _otel("counter", "vivace.cost", "{USD}", COST._documentation)

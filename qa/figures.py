"""What a tape says of its call's time, money and metrics."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Self

from sessions.cost import LAYERS, Cost
from sessions.metrics import Figures
from sessions.prices import Prices
from sessions.tape import Tape
from sessions.tape.memory import MemoryTape
from sessions.tape.schemas import CLIENT_OUT, EVENTS, METRICS, TOOLS
from sessions.waterfall import BUDGET_MS, Turn

GUESSED = {"Ears": "stt", "Mind": "llm", "Mouth": "tts", "Core": "speech"}
VENDORS = {
    "Deepgram": "deepgram",
    "Flux": "deepgram",
    "Whisper": "openai",
    "Claude": "anthropic",
    "Cartesia": "cartesia",
    "ElevenLabs": "elevenlabs",
    "OpenAI": "openai",
    "Gemini": "google",
}

OWNED = {
    "transport": ("transport",),
    "asr": ("endpointing", "asr"),
    "vision": ("vision",),
    "model": ("model", "tool", "store"),
    "tts": ("tts",),
}
"""What each layer of the budget owns of a turn."""


@dataclass
class CallFigures:
    """One call.

    Parameters:
        session: Its id.
        bot: Its bot.
        began_ns: Wall time of its beginning.
        secs: Its length.
        turns: Its answered turns.
        turn_usd: What was spent from when the caller began to speak until they began the next turn;
            the greeting is with the first. Without the door.
        figures: Its measurements.
        usd: Dollars by layer.
        as_of: Date of the price table.
        unpriced: Castings that no price is known of.
        rehearsed: Whether any part was played by a script, whose figures are not a vendor's.
        whole: Whether the tape holds the session's own books; else they were put together from what
            there is, and what only the session could measure is missing.
        live: Whether the call is still on the line.
    """

    session: str
    bot: str
    began_ns: int
    secs: float = 0.0
    turns: list[Turn] = field(default_factory=list)
    turn_usd: list[float] = field(default_factory=list)
    figures: Figures = field(default_factory=Figures)
    usd: dict[str, float] = field(default_factory=lambda: dict.fromkeys(LAYERS, 0.0))
    as_of: str = ""
    unpriced: list[str] = field(default_factory=list)
    rehearsed: bool = False
    whole: bool = False
    live: bool = False

    @classmethod
    def of(cls, data: dict[str, Any]) -> Self:
        """From JSON: ``asdict`` of one, or what a running session tells of itself."""
        turns = [Turn(**turn) for turn in data["turns"]]
        return cls(**{**data, "turns": turns, "figures": Figures.of(data["figures"])})

    @property
    def began(self) -> str:
        """When it began, in UTC: ``2026-11-21 07:00``."""
        return datetime.fromtimestamp(self.began_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M")

    @property
    def total_usd(self) -> float:
        """Dollars in all."""
        return sum(self.usd.values())


def figures_of(
    tape: Tape | MemoryTape, prices: Prices | None = None, *, recast: dict[str, str] | None = None
) -> CallFigures:
    """Read a tape.

    Args:
        tape: The call.
        prices: Of another table than the call was charged by; its usage is then charged anew.
        recast: By stage, who is charged in place of those who were cast.
    """
    header = tape.header
    call = CallFigures(header.session_id, header.bot, header.started_at)
    cost = Cost(prices=prices or Prices.load())
    booked: dict[str, Any] | None = None
    calls: dict[str, int] = {}
    begun_usd, answered = 0.0, []  # dollars when the caller last began, and for each turn
    for message in tape.messages(EVENTS, METRICS, TOOLS, CLIENT_OUT):
        call.secs = max(call.secs, message.clock_ns / 1e9)
        if message.topic == METRICS:
            charge(cost, message.data, recast or {})
            encode = message.data["value"].get("vision_encode_ms")
            if encode is not None:
                call.figures.vision_encode_ms.append(encode)
        elif message.topic == TOOLS:
            _tool(call.figures, calls, message.data, message.clock_ns)
        elif message.topic == EVENTS:
            name, detail = message.data["name"], message.data.get("detail") or {}
            if name == "session.cast":
                cost.castings.update(detail.get("castings", {}))
                cost.door = detail.get("door", "none")
                call.rehearsed = bool(detail.get("rehearsed"))
            elif name == "saw":
                for frame in detail.get("frames", ()):
                    if frame["source"] in ("camera", "screen"):
                        cost.picture()
            elif name == "caller.started":
                begun_usd = cost.bill.total
            elif name == "cost":
                booked = detail
            elif name == "measured":
                turn_ms = call.figures.turn_ms
                call.figures, call.whole = Figures.of(detail), True
                call.figures.turn_ms = call.figures.turn_ms or turn_ms
        else:
            told = told_to_client(message.data)
            if told.get("type") == "turn":
                known = {f.name for f in fields(Turn)}
                turn = Turn(**{k: v for k, v in told.items() if k in known})
                call.turns.append(turn)
                answered.append(begun_usd)
                call.figures.turn_ms.append(turn.total_ms)
            elif told.get("type") == "interrupted":
                call.figures.barge_ins += 1
    ends = [*answered[1:], cost.bill.total]
    call.turn_usd = [b - a for a, b in zip([0.0, *answered[1:]], ends)] if answered else []
    cost.on_the_line(call.secs)
    if booked and prices is None:
        call.usd, call.as_of = dict(booked["layers"]), booked["as_of"]
        call.unpriced = booked["unpriced"]
    else:
        call.usd, call.as_of = dict(cost.bill.usd), cost.bill.prices.as_of
        call.unpriced = sorted(cost.bill.unpriced)
    return call


def told_to_client(data: dict[str, Any]) -> dict[str, Any]:
    """What a message to the client said of the session; empty for any other."""
    message = data.get("message")
    if isinstance(message, dict) and message.get("type") == "server-message":
        return message.get("data") or {}
    return {}


def charge(cost: Cost, metric: dict[str, Any], recast: dict[str, str]) -> None:
    """Charge a metric of a tape as the session did, if it is usage."""
    from pipecat.metrics import metrics as kinds

    kind = {"LLMUsage": "LLMUsageMetricsData", "STTUsage": "STTUsageMetricsData"}.get(
        metric["kind"], "TTSUsageMetricsData" if metric["kind"] == "TTSUsage" else ""
    )
    if not kind:
        return
    name = metric["processor"]
    cost.castings.setdefault(name, guessed(name, metric["value"].get("model") or ""))
    cast = cost.castings[name]
    cost.castings[name] = recast.get(cast.partition("/")[0], cast)
    cost.charge(getattr(kinds, kind)(processor=name, **metric["value"]))


def guessed(service: str, model: str) -> str:
    """Who a service of a tape without castings was: ``ClaudeMind#0`` is ``llm/anthropic/...``."""
    stage = next((stage for part, stage in GUESSED.items() if part in service), "unknown")
    vendor = next((vendor for part, vendor in VENDORS.items() if part in service), "unknown")
    return f"{stage}/{vendor}/{model}"


def _tool(figures: Figures, calls: dict[str, int], data: dict[str, Any], at_ns: int) -> None:
    if data["phase"] == "call":
        calls[data["id"]] = at_ns
    elif (began := calls.pop(data["id"], None)) is not None and data["phase"] == "result":
        figures.tool_ms.append(round((at_ns - began) / 1e6, 1))
        result = data.get("result")
        figures.tools_failed += isinstance(result, dict) and "error" in result


def all_of(paths: Any, prices: Prices | None = None) -> Iterator[CallFigures]:
    """The figures of tapes, or of folders of tapes.

    Raises:
        FileNotFoundError: There is no such tape.
        TapeError: A tape cannot be read.
    """
    from qa.replay.tapes import find_tapes, open_tape

    for path in find_tapes(paths):
        yield figures_of(open_tape(path), prices)


def summed(calls: Iterable[CallFigures]) -> Figures:
    """The measurements of all calls."""
    total = Figures()
    for call in calls:
        total.add(call.figures)
    return total


def layer_ms(turn: Turn, layer: str) -> int:
    """What a layer of the budget took of a turn."""
    return sum(getattr(turn, f"{part}_ms") for part in OWNED[layer])


def over_budget(turn: Turn) -> list[str]:
    """The layers that took more of a turn than their share."""
    return [layer for layer, most in BUDGET_MS.items() if layer_ms(turn, layer) > most]

"""``runner.py plan BOT [TAPE...]``: the latency budget and the cost a minute to expect of a bot.

Predicted from tapes: of the bot's own calls, or of any others that are named. The usage of a minute is
theirs; the prices are those of whom the bot casts now, so that a cast can be priced before it is
called. Latencies of rehearsed calls are a script's, and are marked as such.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

import bots
from qa.figures import OWNED, CallFigures, figures_of, layer_ms
from qa.replay.tapes import find_tapes, open_tape
from sessions.prices import Prices
from sessions.slo import TURN_LIMIT_MS, p95
from sessions.tape import TapeError
from sessions.waterfall import BUDGET_MS


@dataclass
class Plan:
    """What to expect of a bot.

    Parameters:
        bot: Its name.
        calls: How many calls it is predicted from.
        turns: How many turns they had.
        rehearsed: How many of the calls were rehearsed.
        p50_ms: Median milliseconds of each layer of a turn, and in all (``"turn"``).
        p95_ms: The same, p95.
        usd_a_minute: Dollars a minute by layer.
        unpriced: Castings that no price is known of.
        as_of: Date of the price table.
    """

    bot: str
    calls: int
    turns: int
    rehearsed: int
    p50_ms: dict[str, float] = field(default_factory=dict)
    p95_ms: dict[str, float] = field(default_factory=dict)
    usd_a_minute: dict[str, float] = field(default_factory=dict)
    unpriced: list[str] = field(default_factory=list)
    as_of: str = ""

    @property
    def breaks(self) -> bool:
        """Whether conversations with it would break."""
        return self.p95_ms.get("turn", 0.0) > TURN_LIMIT_MS


def plan_of(bot: str, calls: Sequence[CallFigures]) -> Plan:
    """Predict from calls.

    Raises:
        ValueError: There is none.
    """
    if not calls:
        raise ValueError(
            f"There is no tape of {bot} to predict from. Make one: runner.py call {bot}; or name "
            "tapes of another bot."
        )
    turns = [turn for call in calls for turn in call.turns]
    plan = Plan(bot, len(calls), len(turns), sum(call.rehearsed for call in calls))
    if turns:
        spent = {layer: [float(layer_ms(turn, layer)) for turn in turns] for layer in OWNED}
        spent["turn"] = [float(turn.total_ms) for turn in turns]
        plan.p50_ms = {name: median(values) for name, values in spent.items()}
        plan.p95_ms = {name: p95(values) or 0.0 for name, values in spent.items()}
    minutes = sum(call.secs for call in calls) / 60 or 1.0
    layers = calls[0].usd
    plan.usd_a_minute = {n: sum(call.usd[n] for call in calls) / minutes for n in layers}
    plan.unpriced = sorted({cast for call in calls for cast in call.unpriced})
    plan.as_of = calls[0].as_of
    return plan


def read(bot: str, places: Sequence[Path]) -> list[CallFigures]:
    """The calls to predict from: those named, or the bot's own among the tapes there are."""
    prices, recast = Prices.load(), castings_of(bot)
    named = bool(places)
    folder = Path(os.environ.get("VIVACE_TAPES") or Path(__file__).parents[1] / "tapes")
    calls = []
    try:
        paths = find_tapes(places or [folder])
    except FileNotFoundError:
        if named:
            raise
        return []
    for path in paths:
        try:
            tape = open_tape(path)
        except TapeError:
            if named:
                raise
            continue
        if named or tape.header.bot == bot:
            calls.append(figures_of(tape, prices, recast=recast))
    return calls


def castings_of(bot: str) -> dict[str, str]:
    """Whom a bot casts now, by stage: ``{"llm": "llm/anthropic/claude-sonnet-4-6"}``."""
    cast: dict[str, str] = {}
    for stage, name in bots.casting(bot):
        vendor = "on-prem/" + name.rpartition("#")[2] if "://" in name else name
        cast.setdefault(stage, f"{stage}/{vendor}")
    return cast


def table_of(plan: Plan) -> Table:
    """The plan for a terminal."""
    table = Table(box=None, pad_edge=False)
    for name in ("layer", "budget", "p50", "p95", "$ a minute"):
        table.add_column(name, justify="left" if name == "layer" else "right")

    def late(layer: str, most: int, style: str) -> tuple[str, str]:
        if not plan.p95_ms:
            return "–", "–"
        worst = plan.p95_ms[layer]
        text = f"{worst:.0f} ms"
        return f"{plan.p50_ms[layer]:.0f} ms", f"[{style}]{text}[/]" if worst > most else text

    money = {**plan.usd_a_minute, "model": plan.usd_a_minute.get("reasoning", 0.0)}
    for layer, most in BUDGET_MS.items():
        usd = f"{money.get(layer, 0.0):.4f}"
        table.add_row(layer, f"{most} ms", *late(layer, most, "yellow"), usd)
    whole = f"{sum(plan.usd_a_minute.values()):.4f}"
    cells = late("turn", TURN_LIMIT_MS, "bold red")
    table.add_row("in all", f"{TURN_LIMIT_MS} ms", *cells, whole)
    return table


def sentences_of(plan: Plan) -> list[str]:
    """What a reader should take from the plan, and what it is made from."""
    told = [f"What to expect of {plan.bot}, from {plan.turns} turns of {plan.calls} calls:"]
    if plan.p95_ms:
        half, late = plan.p50_ms["turn"] / 1000, plan.p95_ms["turn"] / 1000
        side = "past" if plan.breaks else "within"
        told.append(
            f"It answers after {half:.1f} s, one time in twenty after {late:.1f} s or more: {side} "
            f"the {TURN_LIMIT_MS / 1000:g} s at which a conversation breaks."
        )
    else:
        told.append("Nobody was answered in these calls, so nothing is known of its latency.")
    usd = sum(plan.usd_a_minute.values())
    if usd:
        most = max(plan.usd_a_minute, key=lambda layer: plan.usd_a_minute[layer])
        told.append(
            f"A minute costs {usd:.3f} $, most of it for {most}. Prices as of {plan.as_of}."
        )
    if plan.rehearsed:
        told.append(
            f"{plan.rehearsed} calls were rehearsed: latencies are a script's, no vendor's."
        )
    if plan.unpriced:
        told.append(
            f"No price is known of {', '.join(plan.unpriced)}: that costs more than is said."
        )
    return told


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``runner.py plan``."""
    parser.add_argument("bot")
    parser.add_argument("tapes", nargs="*", type=Path, help="tapes, or folders of tapes")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def main(args: argparse.Namespace) -> int:
    """Run ``runner.py plan``.

    Returns:
        0 when a turn is predicted to stay within its bound, else 1.
    """
    plan = plan_of(args.bot, read(args.bot, args.tapes))
    if args.json:
        print(json.dumps(asdict(plan)), flush=True)
    else:
        console = Console(file=sys.stdout)
        first, *rest = sentences_of(plan)
        console.print(first, "", table_of(plan), "", *rest, sep="\n", highlight=False)
    return 1 if plan.breaks else 0

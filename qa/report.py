"""``runner.py report TAPE...``: where the time and the money of calls went, and the eight metrics.

One table in the terminal and one page in a file, which needs nothing but a browser: the eight metrics
against their thresholds, and each turn by layer against the 2.5 s past which a conversation breaks.
Figures only, never a word that was said.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from qa.call.waterfall import waterfall
from qa.figures import CallFigures, all_of
from qa.report_page import page_of
from sessions.metrics import Figures
from sessions.slo import OBJECTIVES, TURN_LIMIT_MS, Objective
from sessions.waterfall import BUDGET_MS, Turn

OWNED = {
    "transport": ("transport",),
    "asr": ("endpointing", "asr"),
    "vision": ("vision",),
    "model": ("model", "tool", "store"),
    "tts": ("tts",),
}
"""What each layer of the budget owns of a turn."""


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


def shown(objective: Objective, value: float | None) -> str:
    """A value with its unit."""
    if value is None:
        return "not measured"
    return f"{value:.0f} ms" if objective.unit == "ms" else f"{value:.1f} %"


def tables_of(calls: Sequence[CallFigures], *, width: int = 100, colours: bool = True) -> Group:
    """The report for a terminal."""
    return Group(
        _metrics(calls), "", _calls(calls), "", _turns(calls, width, colours), "", _notes(calls)
    )


def _metrics(calls: Sequence[CallFigures]) -> Table:
    total, bots = summed(calls), sorted({call.bot for call in calls})
    table = Table(title="The eight metrics", title_justify="left", box=None, pad_edge=False)
    table.add_column("metric")
    table.add_column("alert when")
    names = ["all", *bots] if len(bots) > 1 else bots
    for name in names:
        table.add_column(name, justify="right")
    of = {bot: summed(c for c in calls if c.bot == bot) for bot in bots}
    for objective in OBJECTIVES:
        sign = ">" if objective.worse == "above" else "<"
        stat = " p95" if objective.statistic == "p95" else ""
        cells = []
        for name in names:
            value = (of.get(name) or total).value(objective.key)
            style = "bold red" if objective.broken(value) else "" if value is not None else "grey58"
            cells.append(Text(shown(objective, value), style=style))
        limit = f"{sign} {objective.threshold:g} {objective.unit}"
        table.add_row(objective.name + stat, limit, *cells)
    return table


def _calls(calls: Sequence[CallFigures]) -> Table:
    table = Table(title="Calls", title_justify="left", box=None, pad_edge=False)
    for name, justify in (("session", "left"), ("bot", "left"), ("length", "right"),
                          ("turns", "right"), ("slow", "right"), ("$", "right"),
                          ("$/min", "right"), ("by layer", "left")):  # fmt: skip
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for call in calls:
        slow = sum(turn.total_ms > TURN_LIMIT_MS for turn in call.turns)
        parts = [f"{layer} {usd:.4f}" for layer, usd in call.usd.items() if usd >= 0.00005]
        minute = call.total_usd / call.secs * 60 if call.secs else 0.0
        table.add_row(
            call.session[:8],
            call.bot,
            f"{call.secs:.0f} s",
            str(len(call.turns)),
            Text(str(slow), style="bold red" if slow else ""),
            f"{call.total_usd:.4f}",
            f"{minute:.3f}",
            ", ".join(parts),
        )
    return table


def _turns(calls: Sequence[CallFigures], width: int, colours: bool, most: int = 20) -> Table:
    turns = [(call, n) for call in calls for n in range(len(call.turns))]
    slowest = sorted(turns, key=lambda one: -one[0].turns[one[1]].total_ms)[:most]
    title = "Turns" if len(slowest) == len(turns) else f"The {most} slowest of {len(turns)} turns"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name, least in (("turn", 11), ("$", 6), ("where its time went", 40)):
        table.add_column(name, no_wrap=True, min_width=least)
    table.add_column("over its budget")
    for call, n in slowest if len(turns) > most else turns:
        turn, usd = call.turns[n], call.turn_usd[n]
        bar = waterfall(asdict(turn), turn.total_ms, width=max(40, width - 40), colours=colours)
        late = Text(", ".join(over_budget(turn)), style="yellow")
        if turn.total_ms > TURN_LIMIT_MS:
            late = Text("breaks: ", style="bold red") + late
        table.add_row(f"{call.session[:8]} {turn.n}", f"{usd:.4f}", bar, late)
    return table


def notes_of(calls: Sequence[CallFigures]) -> list[str]:
    """What a reader must know of where the figures come from."""
    notes = []
    total = summed(calls)
    if total.wer_from:
        notes.append(f"Word errors are judged by {total.wer_from} on {total.words} words.")
    if rehearsed := sum(call.rehearsed for call in calls):
        notes.append(f"{rehearsed} calls were rehearsed: the parts of a script, not of vendors.")
    if partial := sum(not call.whole for call in calls):
        notes.append(f"{partial} tapes do not hold their session's books: some is not measured.")
    if unpriced := sorted({cast for call in calls for cast in call.unpriced}):
        notes.append(f"No price is known of {', '.join(unpriced)}; they count as 0 $.")
    if dates := sorted({call.as_of for call in calls}):
        notes.append(f"Prices as of {', '.join(dates)}.")
    return notes


def _notes(calls: Sequence[CallFigures]) -> Text:
    return Text("\n".join(notes_of(calls)), style="grey58")


def as_json(calls: Sequence[CallFigures]) -> dict:
    """The report as data."""
    total = summed(calls)
    return {
        "metrics": total.values(),
        "broken": total.broken(),
        "usd": round(sum(call.total_usd for call in calls), 6),
        "calls": [
            {
                "session": call.session,
                "bot": call.bot,
                "secs": round(call.secs, 1),
                "usd": {layer: round(usd, 6) for layer, usd in call.usd.items()},
                "turns": [
                    {**asdict(turn), "usd": round(usd, 6)}
                    for turn, usd in zip(call.turns, call.turn_usd)
                ],
            }
            for call in calls
        ],
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``runner.py report``."""
    parser.add_argument("tapes", nargs="+", type=Path, help="tapes, or folders of tapes")
    parser.add_argument(
        "--page", type=Path, default=Path("report.html"), help="where the page goes"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead, and no page")


def main(args: argparse.Namespace) -> int:
    """Run ``runner.py report``.

    Returns:
        0 when all metrics are within their thresholds, 1 when one is not.
    """
    calls = list(all_of(args.tapes))
    if args.json:
        print(json.dumps(as_json(calls)), flush=True)
    else:
        console = Console(file=sys.stdout)
        console.print(
            tables_of(calls, width=console.width, colours=console.color_system is not None)
        )
        args.page.write_text(page_of(calls, summed(calls), notes_of(calls)))
        console.print(f"Page: {args.page}", highlight=False)
    return 1 if summed(calls).broken() else 0

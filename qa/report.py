"""``runner.py report TAPE...``: where the time and the money of calls went, and the eight metrics.

One table in the terminal and one page in a file, which needs nothing but a browser: the eight metrics
against their thresholds, and each turn by layer against the 2.5 s past which a conversation breaks.
Figures only, never a word that was said. ``--live URL`` shows the table of a server's running
sessions and of its tapes of late; the server has the same page at ``/qa/report``.
"""

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from qa.call.waterfall import waterfall
from qa.figures import CallFigures, all_of, over_budget, summed
from qa.report_page import page_of
from sessions.metrics.meter import CONFIDENCE, SECOND
from sessions.slo import OBJECTIVES, TURN_LIMIT_MS, Objective

WER_FROM = {
    CONFIDENCE: "estimated from the recogniser's confidence in each word",
    SECOND: "counted against a second recogniser",
}
LIVE_SECS = 2.0


def shown(objective: Objective, value: float | None) -> str:
    """A value with its unit."""
    if value is None:
        return "–"
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
        secs = f"{call.secs:.0f} s"
        parts = [f"{layer} {usd:.4f}" for layer, usd in call.usd.items() if usd >= 0.00005]
        minute = call.total_usd / call.secs * 60 if call.secs else 0.0
        table.add_row(
            call.session[:8],
            call.bot,
            f"on the line, {secs}" if call.live else secs,
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
        turn = call.turns[n]
        usd = f"{call.turn_usd[n]:.4f}" if call.turn_usd else ""
        bar = waterfall(asdict(turn), turn.total_ms, width=max(40, width - 40), colours=colours)
        late = Text(", ".join(over_budget(turn)), style="yellow")
        if turn.total_ms > TURN_LIMIT_MS:
            late = Text("breaks: ", style="bold red") + late
        table.add_row(f"{call.session[:8]} {turn.n}", usd, bar, late)
    return table


def notes_of(calls: Sequence[CallFigures]) -> list[str]:
    """What a reader must know of where the figures come from."""
    notes = []
    total = summed(calls)
    if total.wer_from:
        how = " and ".join(WER_FROM[one] for one in total.wer_from.split(" and "))
        notes.append(f"The word error rate of {total.words} words is {how}.")
    if rehearsed := sum(call.rehearsed for call in calls):
        notes.append(
            f"{rehearsed} calls were rehearsed: their latencies are a script's, and no vendor's."
        )
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
                    asdict(turn) | ({"usd": round(call.turn_usd[n], 6)} if call.turn_usd else {})
                    for n, turn in enumerate(call.turns)
                ],
            }
            for call in calls
        ],
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``runner.py report``."""
    parser.add_argument("tapes", nargs="*", type=Path, help="tapes, or folders of tapes")
    parser.add_argument(
        "--live",
        metavar="URL",
        help="the QA address that a server printed: its sessions, as they go",
    )
    parser.add_argument(
        "--page", type=Path, default=Path("report.html"), help="where the page goes"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead, and no page")


def live_calls(url: str) -> list[CallFigures]:
    """The calls that a server tells of now: those on the line, then its tapes of late.

    Args:
        url: The QA address that the server printed, with its key.

    Raises:
        ValueError: It is no such address.
    """
    parts = urlsplit(url)
    key = parse_qs(parts.query).get("key", [""])[0]
    where = f"{parts.scheme}://{parts.netloc}/qa/report.json"
    request = urllib.request.Request(where, headers={"Cookie": f"vivace-qa={key}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return [CallFigures.of(call) for call in json.load(answer)]
    except (urllib.error.URLError, ValueError) as error:
        raise ValueError(
            f"{url} tells no report ({error}). Give the whole QA address that the server printed, "
            "such as http://127.0.0.1:7860/qa?key=..."
        ) from error


def watch(url: str) -> None:
    """Show the report of a server, as it goes, until Ctrl-C."""
    with Live(screen=True, auto_refresh=False) as screen:
        while True:
            console = screen.console
            tables = tables_of(live_calls(url), width=console.width)
            screen.update(tables, refresh=True)
            time.sleep(LIVE_SECS)


def main(args: argparse.Namespace) -> int:
    """Run ``runner.py report``.

    Returns:
        0 when all metrics are within their thresholds, 1 when one is not.

    Raises:
        ValueError: There is nothing to tell of.
    """
    if args.live and not args.json:
        watch(args.live)
    if not (args.tapes or args.live):
        raise ValueError("Name tapes or folders of them, or a server with --live URL.")
    calls = live_calls(args.live) if args.live else list(all_of(args.tapes))
    if args.json:
        print(json.dumps(as_json(calls)), flush=True)
    else:
        console = Console(file=sys.stdout)
        console.print(
            tables_of(calls, width=console.width, colours=console.color_system is not None)
        )
        args.page.write_text(page_of(calls, notes_of(calls)))
        console.print(f"Page: {args.page}", highlight=False)
    return 1 if summed(calls).broken() else 0

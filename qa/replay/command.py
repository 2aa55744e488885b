"""``runner.py replay TAPE…``: replay tapes and say whether they are the same calls."""

import argparse
import json
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from qa.replay.misses import OnMiss
from qa.replay.report import How, Report, replay_file
from qa.replay.suite import replay_all
from qa.replay.tapes import find_tapes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("tapes", nargs="+", type=Path, help="tapes, or folders of tapes")
    parser.add_argument(
        "--on-miss",
        choices=[policy.value for policy in OnMiss],
        default=OnMiss.FAIL.value,
        help="when the bot asks what the tape has no answer for",
    )
    parser.add_argument("--real-time", action="store_true", help="take as long as the call did")
    parser.add_argument("--memo", action="store_true", help="remember what VAD and smart turn gave")
    parser.add_argument("--check-memo", action="store_true", help="run the models, and compare")
    parser.add_argument(
        "--live", action="append", default=[], choices=["llm", "tts"], help="ask the real vendor"
    )
    parser.add_argument("-j", "--jobs", type=int, help="processes for a suite; one a core")
    parser.add_argument(
        "--engine",
        choices=("pool", "ray"),
        default="pool",
        help="where a suite runs: on this machine (default), or on a Ray cluster",
    )
    parser.add_argument("--json", action="store_true", help="one JSON line on stdout")


def main(
    args: argparse.Namespace,
    out: TextIO = sys.stdout,
    executor: Callable[..., Executor] | None = None,
) -> int:
    """Replay; the exit code is 0 if every call was the same, else 1.

    Args:
        args: What :func:`add_arguments` declared.
        out: Where the reports go.
        executor: Makes what runs a suite that goes beyond this machine.

    Raises:
        FileNotFoundError: A tape is not there.
    """
    tapes = find_tapes(args.tapes)
    how = How(
        on_miss=args.on_miss,
        real_time=args.real_time,
        memo=args.memo or args.check_memo,
        check_memo=args.check_memo,
        live=tuple(args.live),
    )
    console = Console(file=sys.stderr if args.json else out)
    reports: list[Report] = []
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        if len(tapes) == 1:
            task = bar.add_task(tapes[0].name, total=1.0)
            show = lambda share: bar.update(task, completed=share)  # noqa: E731
            reports.append(replay_file(tapes[0], how, show))
        else:
            task = bar.add_task(f"{len(tapes)} tapes", total=len(tapes))
            for report in replay_all(tapes, how, jobs=args.jobs, executor=executor):
                reports.append(report)
                bar.advance(task)
    reports.sort(key=lambda report: report.tape)
    if args.json:
        print(json.dumps(as_json(reports)), file=out, flush=True)
    else:
        for report in reports:
            console.print(in_words(report), markup=False, highlight=False)
    return 0 if all(report.same for report in reports) else 1


def as_json(reports: list[Report]) -> dict:
    """One report as it is, several as a list with their sum."""
    if len(reports) == 1:
        return asdict(reports[0])
    return {
        "tapes": [asdict(report) for report in reports],
        "turns": sum(report.turns for report in reports),
        "same": all(report.same for report in reports),
        "first_difference": next((r.first_difference for r in reports if not r.same), None),
        "speed_x": round(sum(r.speed_x for r in reports) / len(reports), 1),
    }


def in_words(report: Report) -> str:
    """A report for a terminal."""
    name = Path(report.tape).name
    if report.same:
        return f"same       {name}: {report.turns} turns, {report.speed_x:g}x real time"
    if report.error and not report.differences:
        return f"unreadable {name}: {report.error}"
    lines = [f"different  {name}: {report.turns} turns, {report.speed_x:g}x real time"]
    lines += [f"  turn {d['turn']}, {d['stage']}: {d['what']}" for d in report.differences]
    return "\n".join(lines)

"""``runner.py diff A [B]``: what differs between two calls, or a call and its replay."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TextIO

from qa.diff.compare import REPLAYS, TAPE, Difference, as_json, compare
from qa.diff.page import page
from qa.diff.turns import Recorded
from qa.replay.misses import Miss
from qa.replay.player import replay
from qa.replay.tapes import open_tape


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("a", type=Path, help="a tape")
    parser.add_argument("b", type=Path, nargs="?", help="another; without it, a replay of A")
    parser.add_argument("--html", type=Path, help="write a page to look at and listen to")
    parser.add_argument("--json", action="store_true", help="one JSON line on stdout")


def main(args: argparse.Namespace, out: TextIO = sys.stdout) -> int:
    """Compare; the exit code is 0 if the calls are the same, else 1.

    Raises:
        TapeError: A tape cannot be opened.
    """
    a = open_tape(args.a)
    misses: list[Miss] = []
    b: Recorded
    if args.b:
        b, names = open_tape(args.b), (args.a.name, args.b.name)
        both_replays = "replay_of" in a.header.facts and "replay_of" in b.header.facts
        tolerances = REPLAYS if both_replays else TAPE
    else:
        result = replay(a)
        b, misses, names, tolerances = result.tape, result.misses, (args.a.name, "replay"), TAPE
    found = compare(a, b, tolerances, misses=misses)
    if args.html:
        write_page(args.html, page(a, b, found, names=names))
    print(json.dumps(as_json(found)) if args.json else in_words(found, names), file=out)
    return 1 if found else 0


def write_page(path: Path, text: str) -> None:
    """Write a page only its owner may read: it holds the call's words and voices."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def in_words(found: list[Difference], names: tuple[str, str]) -> str:
    """A diff for a terminal."""
    a, b = names
    if not found:
        return f"{a} and {b} are the same call."
    lines = [f"{b} differs from {a} in {len(found)} turn{'s' if len(found) > 1 else ''}:"]
    return "\n".join(lines + [f"  {difference}" for difference in found])

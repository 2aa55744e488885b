"""The ledger: what of a turn nobody owns, how true the bill is, and what keeping the books costs.

    python -m tests.benchmarks.ledger [--quick]

The last line is one JSON object:

- ``unattributed_ms_p95``: milliseconds of a turn that no layer owns, p95 over turns of rehearsal calls
  with a tool, eyes and a barge-in, on the virtual clock, where hops between processors take no time;
  ``unattributed_share_p95_pct`` of their turns. ``live_unattributed_ms_p95``: the same of a call in real
  time, hops and neighbours on the machine included. ``turns``, ``live_turns``.
- ``cost_error_pct``: the largest error of a call's cost against a bill made by hand from what went over
  the wire to each vendor (``bills`` of them); the median is ``cost_error_p50_pct``.
- ``overhead_pct``: CPU of a call with the ledger, in percent of one core, minus that of the same call
  without (``plain_cpu_pct``); rounds interleaved, their median.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

from loguru import logger

import sessions.session
from qa.figures import figures_of
from sessions.cost import Cost
from sessions.metrics import Meter
from sessions.slo import p95
from sessions.tape import read_tape
from sessions.tape.recorder import code_version
from sessions.waterfall import Turn, Waterfall
from tests.benchmarks import overhead
from tests.support import ledger_call
from tests.support.bill import bill_by_hand
from tests.support.virtual_call import calling, virtually

CONVERSATIONS = (
    (["where is my order", "please look it up"], ""),
    (["please look it up", "good morning"], "thank you"),
    (["good morning"], ""),
    (["thank you", "where is my order"], ""),
)
MINDS = ("anthropic/claude-sonnet-4-6", "anthropic/claude-haiku-4-5")


async def call(lines: list[str], over: str, *, mind: str, profile: str) -> list[Turn]:
    """One call; its turns."""
    building = calling(
        ledger_call.bot(mind=mind),
        script=ledger_call.SCRIPT,
        profile=profile,
        body={"consent": {"recording": True}},
    )
    async with building as line:
        filming = asyncio.create_task(ledger_call.film(line))
        await ledger_call.converse(line, lines, over=over)
        filming.cancel()
        with suppress(asyncio.CancelledError):
            await filming
        return line.session.waterfall.turns


def books(calls: int) -> tuple[list[Turn], list[float]]:
    """Turns of calls on the virtual clock, and the relative error of each call's cost."""
    code_version()  # asks git, which the virtual house does not know
    turns: list[Turn] = []
    errors = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VIVACE_TAPES"] = folder
        for n in range(calls):
            lines, over = CONVERSATIONS[n % len(CONVERSATIONS)]
            mind = MINDS[n // len(CONVERSATIONS) % len(MINDS)]

            async def scenario():
                turns.extend(await call(lines, over, mind=mind, profile="typical"))  # noqa: B023

            virtually(scenario)
            (path,) = Path(folder).glob("*.mcap")
            tape = read_tape(path)
            by_hand = bill_by_hand(tape, mind=mind)
            errors.append(abs(figures_of(tape).total_usd - by_hand) / by_hand)
            path.unlink()
    return turns, errors


def live() -> list[Turn]:
    """Turns of one call in real time."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VIVACE_TAPES"] = folder
        lines, over = CONVERSATIONS[0]
        return asyncio.run(call(lines, over, mind=MINDS[0], profile="typical"))


@contextmanager
def without_ledger():
    """Sessions whose pipelines nobody measures."""
    make = sessions.session.PipelineWorker

    def unmeasured(*args, observers, **kwargs):
        kept = [o for o in observers if not isinstance(o, (Waterfall, Meter, Cost))]
        return make(*args, observers=kept, **kwargs)

    sessions.session.PipelineWorker = unmeasured  # type: ignore[assignment, misc]
    try:
        yield
    finally:
        sessions.session.PipelineWorker = make  # type: ignore[misc]


def load(rounds: int, secs: float) -> tuple[float, float]:
    """CPU percent of a call with the ledger minus without, and without."""
    differences, plain = [], []
    for n in range(rounds + 1):
        ours = overhead.cpu(overhead.house, secs=secs)
        with without_ledger():
            theirs = overhead.cpu(overhead.house, secs=secs)
        if n:  # the first round warms the process up
            differences.append(ours - theirs)
            plain.append(theirs)
    return median(differences) * 100, median(plain) * 100


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    turns, errors = books(4 if args.quick else 24)
    in_time = live()
    more, plain = load(2 if args.quick else 7, 20 if args.quick else 60)
    print(
        json.dumps(
            {
                "unattributed_ms_p95": p95([t.other_ms for t in turns]),
                "unattributed_share_p95_pct": round(
                    p95([100 * t.other_ms / t.total_ms for t in turns]) or 0, 3
                ),
                "turns": len(turns),
                "live_unattributed_ms_p95": p95([t.other_ms for t in in_time]),
                "live_turns": len(in_time),
                "cost_error_pct": round(max(errors) * 100, 3),
                "cost_error_p50_pct": round(median(errors) * 100, 3),
                "bills": len(errors),
                "overhead_pct": round(more, 3),
                "plain_cpu_pct": round(plain, 2),
            }
        )
    )


if __name__ == "__main__":
    main()

"""Whether an identifier reaches any sink that does not need it, in fuzzed sessions.

``python -m tests.benchmarks.leaks [--quick] [--sessions N]``; the last line is one JSON object:

- ``sessions``: sessions played, each through the whole pipeline, in virtual time.
- ``sinks``: kinds of sinks that were searched; each has received something.
- ``canaries``: values found in one of them. Tools that declare a need, and the voice's vendor,
  may receive values and are not searched; that they did is counted in ``restored``.
- ``values``: values that were in play. ``failed``: sessions that an error ended early.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SESSIONS, QUICK = 1000, 40
BATCH = 8
PROCESSES = 2


def worker(first: int, count: int, seed: int) -> dict:
    """Play a part of the sessions in this process."""
    from tests.leaks.play import play
    from tests.leaks.sinks import Process

    process = Process()
    total = {"sessions": 0, "values": 0, "restored": 0, "failed": [], "leaks": [], "seen": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, first + count, BATCH):
            size = min(BATCH, first + count - number)
            batch = play(process, Path(folder), first=number, count=size, seed=seed)
            for played in batch.played:
                total["sessions"] += 1
                total["values"] += len(played.canaries) + len(played.stored)
                if played.error:
                    total["failed"].append(f"{played.id}: {played.error}")
                in_clear = played.handlers.get("look_up", []) + played.handlers.get("ring", [])
                total["restored"] += len(in_clear)
            total["leaks"] += [
                [leak.sink, leak.trace, leak.session, leak.near] for leak in batch.leaks
            ]
            total["seen"] = sorted({*total["seen"], *batch.seen})
    return total


def main() -> int:
    """Play, search and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} sessions")
    parser.add_argument("--sessions", type=int, help=f"how many (default {SESSIONS})")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", nargs=2, type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        print(json.dumps(worker(*args.work, args.seed)))
        return 0
    sessions = args.sessions or (QUICK if args.quick else SESSIONS)
    share = -(-sessions // PROCESSES)
    began = time.monotonic()
    env = os.environ | {"PIPECAT_LOG_LLM_CONTEXT": "full"}  # the log is searched at its worst
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.leaks", "--seed", str(args.seed), "--work"]
            + [str(first), str(min(share, sessions - first))],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        for first in range(0, sessions, share)
    ]
    results = []
    for process in workers:
        out, _ = process.communicate()
        if process.returncode:
            return process.returncode
        results.append(json.loads(out.splitlines()[-1]))
    leaks = [leak for result in results for leak in result["leaks"]]
    for sink, trace, session, near in leaks[:50]:
        print(f"{sink}: {trace!r} of {session}: {near!r}")
    failed = [line for result in results for line in result["failed"]]
    print(*failed[:20], sep="\n")
    print(f"{sessions} sessions in {time.monotonic() - began:.0f} s")
    print(
        json.dumps(
            {
                "sessions": sum(result["sessions"] for result in results),
                "sinks": len({sink for result in results for sink in result["seen"]}),
                "canaries": len(leaks),
                "values": sum(result["values"] for result in results),
                "restored": sum(result["restored"] for result in results),
                "failed": len(failed),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

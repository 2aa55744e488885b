"""Whether a server that goes on and on stays as it was: memory, file handles, tasks and threads.

    python -m tests.benchmarks.soak [--quick] [--minutes 30] [--hours 4] [--bot concierge]

Real: a server in one process of its own, and real WebRTC callers who call again as soon as they
have hung up. Virtual: the cassettes' calls, one after the other in one process, on the virtual
clock. Both are looked at while nobody is on the line, after ``gc.collect()``. ``--quick`` is half a
minute of each. The last line is one JSON object:

- ``real_minutes``, ``real_calls``, ``real_failed``: how long, and how many calls.
- ``virtual_hours``, ``virtual_calls``, ``virtual_failed``: the same of the virtual clock.
- ``real_mb_per_call``, ``virtual_mb_per_call``: slope of resident memory over the last half.
- ``real_files``, ``real_tasks``, ``real_threads``, ``virtual_files``, ``virtual_tasks``,
  ``virtual_threads``: at the first look after the warm-up, and at the last.
"""

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from loguru import logger

from serving.engine.load import resident_mb

CASSETTES = Path(__file__).parents[1] / "cassettes"
CALLERS = 2
CALL_SECS = 40.0
WARM = 3
"""Looks before memory has found its level."""


def look() -> dict[str, float]:
    """What this process holds."""
    gc.collect()
    try:
        tasks = len(asyncio.all_tasks())
    except RuntimeError:
        tasks = 0
    files = len(list(Path("/proc/self/fd").iterdir()))
    threads = threading.active_count()
    return {"mb": resident_mb(os.getpid()), "files": files, "tasks": tasks, "threads": threads}


def figures(kind: str, looks: list[dict[str, float]]) -> dict:
    """The slope of memory over the last half, and the rest from first to last."""
    settled = looks[WARM:] if len(looks) > WARM + 2 else looks
    half = settled[len(settled) // 2 :]
    calls, mb = [one["calls"] for one in half], [one["mb"] for one in half]
    slope = float(np.polyfit(calls, mb, 1)[0]) if len(set(calls)) > 1 else 0.0
    shown = {
        f"{kind}_{name}": [settled[0][name], settled[-1][name]]
        for name in ("files", "tasks", "threads")
    }
    return {f"{kind}_calls": looks[-1]["calls"], f"{kind}_mb_per_call": round(slope, 3), **shown}


async def serve(bot: str) -> None:
    """Serve in this process; each line of stdin is answered with a look."""
    import bots
    from serving.app import create_app
    from serving.cards import BotCard
    from serving.server import listening

    logger.remove()
    with tempfile.TemporaryDirectory(prefix="vivace-soak-") as folder:
        app = create_app(
            bot=bots.bot,
            catalogue=lambda: [BotCard(name=bot, about="Talks.")],
            uploads=Path(folder),
            loopback=True,
        )
        async with listening(app) as (url, _):
            print(url, flush=True)
            while await asyncio.to_thread(sys.stdin.readline):
                print(json.dumps(look()), flush=True)


async def real(bot: str, secs: float) -> dict:
    """Call, hang up and call again for so long."""
    from qa.call.caller import Caller
    from qa.call.script import lines_of
    from qa.call.wire import use_loopback_only
    from qa.load import recorded
    from services.rehearsal.process import ADDRESS, start
    from services.rehearsal.script import load

    use_loopback_only()
    rehearsal, tapes = start(engines=False), tempfile.TemporaryDirectory(prefix="vivace-soak-")
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __spec__.name, "--serve", bot),
        env={**os.environ, ADDRESS: rehearsal.address, "VIVACE_TAPES": tapes.name},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdin and server.stdout
    ask, answer = server.stdin, server.stdout
    url = (await answer.readline()).decode().strip()
    looks, failed, calls = [], [], 0
    try:
        with tempfile.TemporaryDirectory(prefix="vivace-soak-") as folder:
            lines = recorded([line for line in lines_of(load(bot)) if line.say], Path(folder))
            until = time.monotonic() + secs
            while time.monotonic() < until:
                told: list[dict] = []
                body = {"bot": bot, "consent": {"recording": True}}
                callers = [
                    Caller(url, body=body, tell=told.append, seed=calls + n) for n in range(CALLERS)
                ]
                for caller in callers:
                    asyncio.get_running_loop().call_later(CALL_SECS, caller.hang_up)
                await asyncio.gather(*(caller.call(lines * 4) for caller in callers))
                calls += CALLERS
                failed += [event["error"] for event in told if event["type"] == "failed"]
                if not any(event["type"] == "answered" for event in told):
                    failed.append("nobody was answered")
                await asyncio.sleep(6)  # a call is gone within five seconds of its end
                ask.write(b"\n")
                looks.append({"calls": calls, **json.loads(await answer.readline())})
                print(json.dumps(looks[-1]), file=sys.stderr, flush=True)
    finally:
        ask.close()
        await asyncio.wait_for(server.wait(), 20)
        rehearsal.stop()
        tapes.cleanup()
    for error in failed:
        print(error, file=sys.stderr)
    minutes = {"real_minutes": round(secs / 60, 1), "real_failed": len(failed)}
    return minutes | figures("real", looks)


def virtual(secs: float, *, wall_secs: float) -> dict:
    """Replay calls for so long on their clock, or on ours if that is over before."""
    from qa.replay.player import replay
    from qa.replay.tapes import open_tape

    tapes = [open_tape(path) for path in sorted(CASSETTES.glob("*.mcap.sealed"))]
    looks, failed, done, until = [], [], 0.0, time.monotonic() + wall_secs
    while done < secs and time.monotonic() < until:
        tape = tapes[len(looks) % len(tapes)]
        result = replay(tape)
        done += result.audio_secs
        if result.error or result.misses:
            failed.append(f"{tape.path.name}: {result.error or result.misses[0]}")
        del result
        looks.append({"calls": len(looks) + 1, **look()})
        print(
            json.dumps({"hours": round(done / 3600, 2), **looks[-1]}), file=sys.stderr, flush=True
        )
    for error in failed:
        print(error, file=sys.stderr)
    hours = {"virtual_hours": round(done / 3600, 2), "virtual_failed": len(failed)}
    return hours | figures("virtual", looks)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--bot", default="concierge")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return asyncio.run(serve(args.serve))
    logger.remove()
    minutes, hours = (0.1, 0.5) if args.quick else (args.minutes, args.hours)
    result = {}
    if hours:
        result |= virtual(hours * 3600, wall_secs=10 if args.quick else 3600)
    if minutes:
        result |= asyncio.run(real(args.bot, minutes * 60))
    print(json.dumps(result))


if __name__ == "__main__":
    main()

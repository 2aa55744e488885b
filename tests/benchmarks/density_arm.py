"""One arm of the density benchmark in a process of its own, pinned to one core.

    python -m tests.benchmarks.density_arm '{"arm": "house", "n": 8, "core": 0, "secs": 15}'

Arms: ``stock`` (plain Pipecat, asyncio), ``layer`` (plain Pipecat on the shared models, uvloop),
``house`` (the whole session, uvloop), ``forked`` (the same, a process each, from `Pool`), ``webrtc`` (the
house in process behind SmallWebRTC, callers on the other cores), ``dial`` (one WebRTC caller after
another at a pool). The last line printed is what it measured, as JSON.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

for library in ("OPENBLAS", "OMP", "MKL"):
    if '"stock"' not in sys.argv[-1]:
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
# What a policy records, it records here; the folder goes with the machine's temporary files.
os.environ["VIVACE_TAPES"] = tempfile.mkdtemp(prefix="vivace-density-tapes-")

import numpy as np
from loguru import logger

from serving.engine import loops
from serving.engine.load import resident_mb
from sessions.turns.shared_models import warm_up
from tests.benchmarks.density_call import Heard, house, plain, utterance

BOT = "tests.benchmarks.density_call:bot"


def warm_secs(order: dict) -> float:
    """Seconds before a window in which the house says its disclosure and calls find their pace."""
    return order.get("warm", 8.0)


def core_busy(core: int) -> float:
    """Seconds that a core was busy, whoever used it."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            return sum(int(fields[i]) for i in (0, 1, 2, 5, 6)) / os.sysconf("SC_CLK_TCK")
    raise ValueError(f"there is no core {core}")


def own_secs(pids) -> float:
    """CPU seconds of these processes, all threads."""
    total = 0.0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except OSError:
            continue
    return total


def pss_mb(pid: int, kind: str) -> float:
    """Memory of a process, MB: ``Private`` (its alone) or ``Pss`` (with its part of the shared)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(kind)) / 1024


def p(values, q: float) -> float:
    return round(float(np.percentile(values, q)) * 1000, 1) if len(values) else -1.0


class Window:
    """A stretch of time in which a core's use is told apart: ours, and everybody else's."""

    def __init__(self, core: int, pids):
        self._core, self._pids = core, pids
        self._before = time.monotonic(), core_busy(core), own_secs(pids)

    def close(self) -> dict[str, float]:
        at, busy, own = self._before
        secs = time.monotonic() - at
        own = (own_secs(self._pids) - own) / secs
        foreign = (core_busy(self._core) - busy) / secs - own
        return {"cpu": round(own, 3), "foreign": round(max(0.0, foreign), 3)}


async def in_process(order: dict) -> dict:
    """Run n calls in this process."""
    calls = []
    loop = asyncio.get_running_loop()
    tasks, first_ready = [], 0.0
    for number in range(order["n"]):
        heard = Heard()
        phase = (number * 0.618) % 1
        if order["arm"] == "house":
            work = house(heard, phase=phase)
        else:
            work = plain(heard, phase=phase, tuned=order["arm"] == "layer")
        tasks.append(asyncio.create_task(work))
        await heard.ready.wait()
        first_ready = first_ready or heard.ready_at
        calls.append(heard)
        await asyncio.sleep(0.15)
    ready_mb = pss_mb(os.getpid(), "Private")
    await asyncio.sleep(warm_secs(order))
    for heard in calls:
        heard.forget()
    window, ticks = Window(order["core"], [os.getpid()]), []
    until = loop.time() + order["secs"]
    while loop.time() < until:
        due = loop.time() + 0.005
        await asyncio.sleep(0.005)
        ticks.append(max(0.0, loop.time() - due))
    result = window.close()
    gather = lambda name: [v for heard in calls for v in getattr(heard, name)]  # noqa: E731
    result |= {
        "lag_p99": p(ticks, 99),
        "tick_max": p(ticks, 100),
        "first_ready": first_ready,
        "in_p99": p(gather("late_in"), 99),
        "out_p99": p(gather("late_out"), 99),
        "v2v_p50": p(gather("answers"), 50),
        "v2v_p95": p(gather("answers"), 95),
        "turns": len(gather("answers")),
        "mb": round(pss_mb(os.getpid(), "Private"), 1),
        "ready_mb": round(ready_mb, 1),
    }
    if order.get("add"):
        # What the others notice of one more.
        stalls = []
        for number in range(order["add"]):
            heard, seen = Heard(), []

            async def probe(seen=seen):
                while True:
                    due = loop.time() + 0.002
                    await asyncio.sleep(0.002)
                    seen.append(loop.time() - due)

            probing = asyncio.create_task(probe())
            await asyncio.sleep(0.1)
            seen.clear()
            tuned = order["arm"] == "layer"
            work = (
                house(heard, phase=0.5)
                if order["arm"] == "house"
                else plain(heard, phase=0.5, tuned=tuned)
            )
            tasks.append(asyncio.create_task(work))
            await heard.ready.wait()
            await asyncio.sleep(0.05)
            probing.cancel()
            stalls.append(max(seen))
            await asyncio.sleep(0.3)
        result["stall_ms"] = p(stalls, 50)
    return result


async def forked(order: dict) -> dict:
    """Run n calls in processes forked by a pool in this one."""
    from pipecat.runner.types import LiveKitRunnerArguments
    from pipecat.utils.file_storage import LocalFileStorage

    from serving.engine.pool import Pool
    from serving.engine.zygote import Spec

    folder = Path(tempfile.mkdtemp(prefix="vivace-density-"))
    spec = Spec(
        bot=BOT,
        imports=["tests.support.turn_sounds"],
        uploads=str(folder),
        log_level="ERROR",
    )
    began = time.monotonic()
    pool = Pool(spec, storage=LocalFileStorage(str(folder)), spares=1)
    await pool.open()
    result: dict = {"pool_s": round(time.monotonic() - began, 2)}
    starts, reports = [], []
    for number in range(order["n"]):
        report = folder / f"{number}.json"
        body = {
            "bot": "density",
            "report": str(report),
            "phase": (number * 0.618) % 1,
            "warm": warm_secs(order),
            "secs": order["secs"],
        }
        asked = time.monotonic()
        call = pool.admit(body)
        pool.connect(call, LiveKitRunnerArguments(room_name="memory", url="ws://none", token=""))
        while not report.exists() or not report.read_text():
            await asyncio.sleep(0.002)
        starts.append(json.loads(report.read_text())["ready_at"] - asked)
        reports.append(report)
        await asyncio.sleep(0.15)
    pids = [link.pid for link in pool._links if link.calls]
    result["ready_mb"] = round(float(np.mean([pss_mb(pid, "Private") for pid in pids])), 1)
    await asyncio.sleep(warm_secs(order))
    window = Window(order["core"], [os.getpid(), *pids])
    await asyncio.sleep(order["secs"])
    result |= window.close()
    result["mb"] = round(float(np.mean([pss_mb(pid, "Private") for pid in pids])), 1)
    result["lag_p99"] = round(max(link.lag_ms for link in pool._links if link.calls), 1)
    result["zygote_mb"] = round(resident_mb(pool._zygote._process.pid), 1)  # type: ignore[union-attr]
    async with asyncio.timeout(20):
        while not all("late_in" in (text := r.read_text()) and text for r in reports):
            await asyncio.sleep(0.1)
    heard = [json.loads(report.read_text()) for report in reports]
    gather = lambda name: [v for one in heard for v in one[name]]  # noqa: E731
    result |= {
        "in_p99": p(gather("late_in"), 99),
        "out_p99": p(gather("late_out"), 99),
        "v2v_p50": p(gather("answers"), 50),
        "v2v_p95": p(gather("answers"), 95),
        "turns": len(gather("answers")),
        "start_ms": [round(s * 1000, 1) for s in starts],
    }
    await pool.close()
    return result


async def webrtc(order: dict) -> dict:
    """Serve n WebRTC callers, who are in a process on the other cores."""
    from serving.app import create_app
    from serving.cards import BotCard
    from serving.engine.pool import Pool
    from serving.engine.zygote import Spec
    from serving.server import listening

    folder = Path(tempfile.mkdtemp(prefix="vivace-density-"))
    engine = None
    if order["arm"] == "dial":
        spec = Spec(bot=BOT, uploads=str(folder), loopback=True, log_level="ERROR")
        engine = lambda storage: Pool(spec, storage=storage)  # noqa: E731
    from tests.benchmarks.density_call import bot

    app = create_app(
        bot=bot,
        catalogue=lambda: [BotCard(name="density", about="Talks.")],
        uploads=folder,
        engine=engine,
        limit=100,
        loopback=True,
    )
    async with listening(app) as (url, _):
        order = {**order, "url": url, "warm": warm_secs(order)}
        callers = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.benchmarks.density_callers", json.dumps(order)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert callers.stdout
        if order["arm"] == "webrtc":
            await callers.stdout.readline()  # all are through and have spoken once
        window, ticks = Window(order["core"], [os.getpid()]), []
        loop = asyncio.get_running_loop()
        until = loop.time() + (order["secs"] if order["arm"] == "webrtc" else 0)
        while loop.time() < until:
            due = loop.time() + 0.005
            await asyncio.sleep(0.005)
            ticks.append(max(0.0, loop.time() - due))
        result = window.close() | {"lag_p99": p(ticks, 99), "out_p99": 0.0}
        heard = json.loads((await callers.stdout.read()).splitlines()[-1])
    return result | {
        "v2v_p50": p(heard["answers"], 50),
        "v2v_p95": p(heard["answers"], 95),
        "turns": len(heard["answers"]),
        "dial_p50": p(heard["dials"], 50),
        "dial_p95": p(heard["dials"], 95),
        "failed": heard["failed"],
    }


def main() -> None:
    """Run one arm."""
    order = json.loads(sys.argv[1])
    os.sched_setaffinity(0, {order["core"]})
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    utterance()
    if order["arm"] in ("layer", "house", "webrtc"):
        warm_up()
    work = measure(order)
    asyncio.run(work) if order["arm"] == "stock" else loops.run(work)


async def measure(order: dict) -> None:
    """Print what the arm measures, and leave at once: the calls would go on."""
    run = {"forked": forked, "webrtc": webrtc, "dial": webrtc}.get(order["arm"], in_process)
    result = await run(order)
    print(json.dumps({"arm": order["arm"], "n": order["n"], **result}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()

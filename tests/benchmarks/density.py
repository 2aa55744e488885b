"""How many dialogues a core bears: the house against plain Pipecat, in turns.

    python -m tests.benchmarks.density [--quick] [--core 0]

Each window is a fresh process pinned to one core (`density_arm`), with the same calls and the same
services that wait (`density_call`). The arms take turns; in each the number of calls is stepped up
and then halved in until one more fails: event loop lateness p99 over 10 ms, output lateness p99
over 20 ms, or a median voice-to-voice time over 1.1 times that of two calls. A window in which
others took more than 20 % of the core, or the core itself ran more than 10 % slower than alone (a
loop of half a millisecond, twice a second), is discarded and measured again, twice at most;
``discarded`` says how many were, and ``unclean`` how many had to be taken nevertheless. ``--quick`` measures CPU
and memory of a few calls and estimates the numbers from 70 % of a core (``estimated``). The last
line is one JSON object:

- ``sessions_per_core``, ``sessions_per_core_forked``, ``sessions_per_core_webrtc``: of the house, in
  one process, in a process each, and behind SmallWebRTC with the callers on other cores.
  ``stock_sessions_per_core``: of plain Pipecat in one process; ``ratio`` of the first to it.
- ``mb_per_session``: what a further call adds in one process; ``stock_mb_per_session``.
  ``forked_mb``: what a session's process holds alone, after its turns.
- ``warm_start_p95_ms``: from admission to a pipeline that runs, in a forked process.
  ``cold_start_s``: from nothing to a pipeline that runs, plain Pipecat.
- ``neighbour_stall_ms``: what the others notice of a further call; ``longest_tick_ms``.
- ``dial_to_audio_p95_ms``: from dialling over WebRTC to the bot's first sound, at a pool.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

LAG_MS, OUT_MS, SLOWER, FOREIGN, SLOW_CORE = 10.0, 20.0, 1.1, 0.2, 1.1
FULL_SECS = 16 * 60
FEW = 2


class Pace:
    """How long a core takes for the same little work, looked at while the block runs."""

    def __init__(self, core: int):
        """Look at a core."""
        self._core, self._over, self._took = core, threading.Event(), []
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_):
        """Stop looking."""
        self._over.set()
        self._thread.join()

    @property
    def us(self) -> float:
        """The median, microseconds of its own CPU time."""
        return statistics.median(self._took) * 1e6

    def _look(self) -> None:
        os.sched_setaffinity(threading.get_native_id(), {self._core})
        while not self._over.wait(0.5):
            began, total = time.thread_time(), 0
            for i in range(20_000):
                total += i & 3
            self._took.append(time.thread_time() - began)


@dataclass
class Machine:
    """Runs windows on one core."""

    core: int
    secs: float
    warm: float
    patience: int = 2
    discarded: int = 0
    unclean: int = 0
    alone_us: float = 0.0

    def __post_init__(self):
        """Learn the pace of the core when it is alone."""
        with Pace(self.core) as pace:
            time.sleep(5)
        self.alone_us = pace.us

    def window(self, arm: str, n: int, **more) -> dict:
        """Measure n calls, again if the core was not ours."""
        order = {"arm": arm, "n": n, "core": self.core, "secs": self.secs, "warm": self.warm}
        for attempt in range(self.patience + 1):
            began = time.monotonic()
            with Pace(self.core) as pace:
                ran = subprocess.run(
                    [
                        sys.executable,
                        "-m",
                        "tests.benchmarks.density_arm",
                        json.dumps(order | more),
                    ],
                    capture_output=True,
                    text=True,
                    timeout=300,
                )
            if ran.returncode or not ran.stdout.strip():
                raise RuntimeError(f"{arm} with {n} calls failed: {ran.stderr[-800:]}")
            result = json.loads(ran.stdout.splitlines()[-1])
            result["cold_s"] = result.get("first_ready", 0) - began
            result["slower"] = round(pace.us / self.alone_us, 2)
            print(json.dumps(result), file=sys.stderr, flush=True)
            if result["foreign"] <= FOREIGN and result["slower"] <= SLOW_CORE:
                break
            self.discarded += attempt < self.patience
            self.unclean += attempt == self.patience
        return result


@dataclass
class Search:
    """The most calls of one arm."""

    arm: str
    start: int
    step: int
    alone: dict = field(default_factory=dict)
    good: int = 0
    bad: int | None = None
    best: dict = field(default_factory=dict)

    @property
    def found(self) -> bool:
        """Whether one more is known to fail."""
        return self.bad is not None and self.bad - self.good <= 1

    def next(self, machine: Machine) -> None:
        """Measure one window."""
        if not self.alone:
            self.alone = machine.window(self.arm, FEW)
            return
        n = (self.good or self.start - self.step) + self.step
        if self.bad is not None:
            n = (self.good + self.bad + 1) // 2
        result = machine.window(self.arm, n)
        if self.holds(result):
            self.good, self.best = n, result
        else:
            self.bad = n

    def holds(self, result: dict) -> bool:
        """Whether audio was on time and answers were not late."""
        return (
            result["lag_p99"] <= LAG_MS
            and result["out_p99"] <= OUT_MS
            and 0 < result["v2v_p50"] <= SLOWER * self.alone["v2v_p50"]
            and not result.get("failed")
        )

    def mb(self) -> float:
        """Memory of a further call."""
        if self.good <= FEW or "mb" not in self.best:
            return -1.0
        return round((self.best["mb"] - self.alone["mb"]) / (self.good - FEW), 1)


def full(machine: Machine) -> dict:
    """Search for the numbers."""
    arms = {
        "stock": Search("stock", 12, 4),
        "house": Search("house", 32, 6),
        "forked": Search("forked", 16, 4),
        "webrtc": Search("webrtc", 12, 4),
    }
    dial = machine.window("dial", 20)
    stall = machine.window("house", 8, add=8)
    deadline = time.monotonic() + FULL_SECS
    while time.monotonic() < deadline and not all(arm.found for arm in arms.values()):
        for arm in arms.values():
            if not arm.found and time.monotonic() < deadline:
                arm.next(machine)
    starts = [ms for one in (arms["forked"].alone, arms["forked"].best) for ms in starts_of(one)]
    return {
        "sessions_per_core": arms["house"].good,
        "sessions_per_core_forked": arms["forked"].good,
        "sessions_per_core_webrtc": arms["webrtc"].good,
        "stock_sessions_per_core": arms["stock"].good,
        "mb_per_session": arms["house"].mb(),
        "stock_mb_per_session": arms["stock"].mb(),
        "forked_mb": arms["forked"].best.get("mb", arms["forked"].alone.get("mb")),
        "warm_start_p95_ms": p95(starts),
        "cold_start_s": round(arms["stock"].alone["cold_s"], 2),
        "neighbour_stall_ms": stall["stall_ms"],
        "longest_tick_ms": arms["house"].best.get("tick_max"),
        "dial_to_audio_p95_ms": dial["dial_p95"],
        "searched": {arm.arm: arm.found for arm in arms.values()},
        "estimated": False,
    }


def quick(machine: Machine) -> dict:
    """Estimate the numbers from what a few calls cost."""
    stock, house = machine.window("stock", 4), machine.window("house", 4, add=2)
    forked, webrtc = machine.window("forked", 3), machine.window("webrtc", 2)
    least = machine.window("house", 1)

    def estimate(result: dict) -> int:
        return int(0.7 * result["n"] / result["cpu"])

    return {
        "sessions_per_core": estimate(house),
        "sessions_per_core_forked": estimate(forked),
        "sessions_per_core_webrtc": estimate(webrtc),
        "stock_sessions_per_core": estimate(stock),
        "mb_per_session": round((house["mb"] - least["mb"]) / 3, 1),
        "forked_mb": forked["mb"],
        "warm_start_p95_ms": p95(starts_of(forked)),
        "cold_start_s": round(stock["cold_s"], 2),
        "neighbour_stall_ms": house["stall_ms"],
        "longest_tick_ms": house["tick_max"],
        "dial_to_audio_p95_ms": webrtc["dial_p95"],
        "estimated": True,
    }


def starts_of(result: dict) -> list[float]:
    """The starts of a window without its first, which still imports."""
    return result.get("start_ms", [])[1:]


def p95(values: list[float]) -> float:
    """The value that one in twenty exceeds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))] if ordered else -1.0


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--core", type=int, default=0)
    args = parser.parse_args()
    if sys.platform != "linux":
        sys.exit("This benchmark pins processes and reads /proc: run it on Linux.")
    if args.quick:
        machine = Machine(args.core, secs=4, warm=1, patience=0)
    else:
        machine = Machine(args.core, secs=15, warm=8)
    figures = quick(machine) if args.quick else full(machine)
    figures["ratio"] = round(
        figures["sessions_per_core"] / max(1, figures["stock_sessions_per_core"]), 2
    )
    print(json.dumps(figures | {"discarded": machine.discarded, "unclean": machine.unclean}))


if __name__ == "__main__":
    main()

"""How long a new bot takes from a clone to green, and how much of it is the team's to write.

    python -m tests.benchmarks.scaffold [--quick]

For each shape (``--quick``: the consultation): a fresh clone of what is here, ``new``, then the
three things that show that it is well, one after another: its tests, the replay of its cassette and
a whole rehearsed call. The environment stands already, and nothing leaves the machine. The last
line is one JSON object:

- ``own_lines``, ``lines``: of the bot file; the most of any shape.
- ``seconds_to_green``: from the clone to the end of the call; the most of any shape.
- ``new_s``, ``tests_s``, ``replay_s``, ``call_s``: its parts, medians. ``baseline_call_s``: a call
  of the consultation that is in the clone, in the same minute: what of it is the length of a call.
- ``reload_ms``: median from a save to the server that runs the new code, under ``dev``.
- ``green``: whether all went well. ``load``: of the machine.
"""

import contextlib
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from qa.new import own_lines, shapes
from tests.support.runner import ROOT, environment

NAME = "first_bot"
SAVES = 5


def checkout(to: Path) -> Path:
    """A fresh clone of what is here, committed or not."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file() and not name.startswith("docs/screenshots"):
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            (to / name).write_bytes((ROOT / name).read_bytes())
    return to


def in_checkout(where: Path, *command: str) -> str:
    """Run Python there; what it printed."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=where,
        env=environment(where / "tapes"),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def seconds(where: Path, *command: str) -> float:
    """How long Python runs there."""
    began = time.monotonic()
    in_checkout(where, *command)
    return time.monotonic() - began


def measure(where: Path, shape: str) -> dict:
    """Make a bot of a shape in a clone, and see that it is well."""
    began = time.monotonic()
    checkout(where)
    new = seconds(where, "runner.py", "new", NAME, "--shape", shape)
    tests = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/bots/test_scripts.py")
    tested = seconds(where, *tests, "-k", NAME)
    (cassette,) = where.glob(f"tests/cassettes/{NAME}.mcap*")
    replayed = seconds(where, "runner.py", "replay", str(cassette))
    called = seconds(where, "runner.py", "call", NAME)
    green = time.monotonic() - began
    bot = (where / "bots" / f"{NAME}.py").read_text()
    return {
        "shape": shape,
        "own_lines": len(own_lines(bot)),
        "lines": len(bot.splitlines()),
        "new_s": new,
        "tests_s": tested,
        "replay_s": replayed,
        "call_s": called,
        "seconds_to_green": green,
    }


@contextlib.contextmanager
def developing(where: Path) -> Iterator[str]:
    """A server under ``dev``; its address."""
    process = subprocess.Popen(
        [sys.executable, "runner.py", "dev", NAME, "--port", str(free_port())],
        cwd=where,
        env=environment(where / "tapes", PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    try:
        lines = (re.search(r"http://\S+", line) for line in process.stdout)
        yield next(found[0] for found in lines if found)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        process.stdout.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def told(url: str, path: str = "/bots") -> str:
    """What the server says of its bots, or of the mistake that keeps it from serving one."""
    try:
        with urllib.request.urlopen(f"{url}{path}", timeout=5) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()
    except OSError:
        return ""  # accepted by the server that was just leaving; a browser asks again, too


def until_told(url: str, words: str, path: str = "/bots") -> float:
    """Milliseconds until the server says it."""
    began = time.monotonic()
    while words not in told(url, path):
        assert time.monotonic() - began < 20, f"{words!r} is not served after 20 s"
        time.sleep(0.02)
    return (time.monotonic() - began) * 1000


def reloads(where: Path) -> list[float]:
    """Milliseconds from each of some saves to the server that runs what was saved."""
    bot = where / "bots" / f"{NAME}.py"
    source, took = bot.read_text(), []
    with developing(where) as url:
        for number in range(SAVES):
            bot.write_text(source.replace("First bot: ", f"First bot: {number} ", 1))
            took.append(until_told(url, f"First bot: {number} "))
    return took


def main() -> None:
    """Measure and print."""
    quick = "--quick" in sys.argv
    arms, took, baseline = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for shape in ["consultation"] if quick else shapes():
            where = Path(folder) / shape
            arms.append(measure(where, shape))
            print(json.dumps(rounded(arms[-1])), flush=True)
            if not quick and not baseline:
                baseline.append(seconds(where, "runner.py", "call", "consultation"))
        if not quick:
            took = reloads(Path(folder) / "consultation")
    medians = {
        part: statistics.median(arm[part] for arm in arms)
        for part in ("new_s", "tests_s", "replay_s", "call_s")
    }
    figures = {
        "own_lines": max(arm["own_lines"] for arm in arms),
        "lines": max(arm["lines"] for arm in arms),
        "seconds_to_green": max(arm["seconds_to_green"] for arm in arms),
        **medians,
        "baseline_call_s": baseline[0] if baseline else None,
        "reload_ms": statistics.median(took) if took else None,
        "green": True,
        "shapes": len(arms),
        "load": os.getloadavg()[0],
    }
    print(json.dumps(rounded(figures)))


def rounded(figures: dict) -> dict:
    """The same with one decimal."""
    return {k: round(v, 1) if isinstance(v, float) else v for k, v in figures.items()}


if __name__ == "__main__":
    main()

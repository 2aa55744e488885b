"""Faults in calls, and the alerts they fire in a real Prometheus.

    python -m tests.chaos.alerts [--write] [NAME...]

A real server (``tests.chaos.faulty``: sessions in processes of their own, ``/metrics``), callers who
dial it over WebRTC one after the other, and Prometheus (Debian package ``prometheus``), which
scrapes it and evaluates the product's rules as they are, but for times, of which it takes two
fifths: windows of two minutes, and 24 seconds past a threshold. Each call has a fault,
and a bot's name of its own; it should fire its alert and no other, and the quiet one none.
The store lies in memory where there is a ``/dev/shm``, so that other users of the disk are no part of
it. ``--write`` makes ``docs/runbook/drill.md`` of the run. The last line is one JSON object: what
fired, by call, and ``exact``; ``load`` is the machine's load average at the worst. It takes about
eight minutes, and a machine with something to spare: of one that has nothing, other alerts are true.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import aiohttp
import numpy as np
import soundfile

from qa.call.process import events
from qa.call.script import Line
from services.rehearsal.mouth import speak
from services.rehearsal.process import ADDRESS, RehearsalProcess, start
from sessions.metrics.rules import RULES, value_of
from sessions.slo import OBJECTIVES, Objective
from tests.chaos import faulty
from tests.support.ledger_call import SCRIPT

PAGE = Path(__file__).parents[2] / "docs" / "runbook" / "drill.md"
NOISE = 1400
"""Of the noisy line: standard deviation of white noise in int16 steps. Words are heard through it,
with less confidence; noise in which none is heard is another fault, and turns that take six
seconds: the bot waits for words, and then says that it heard none."""


@dataclass(frozen=True)
class Drill:
    """One call.

    Parameters:
        fault: What is wrong with it, in words.
        fires: The alerts that should fire.
        lines: What its caller says; every script's phrases.
        turns: How many of them, in turn.
    """

    fault: str
    fires: frozenset[str]
    lines: tuple[str, ...] = ("thank you", "please look it up", "thank you")
    turns: int = 8


TOOLS = ("please look it up",)
DRILLS = {
    "quiet": Drill("none", frozenset()),
    "slow-model": Drill("the model's first word comes after 4 s", frozenset({"TurnLatencyHigh"})),
    "slow-ears": Drill("the recogniser's words come 0.5 s late", frozenset({"AsrFirstTokenSlow"})),
    "failing-tools": Drill("its tool answers with an error", frozenset({"ToolsFailing"}), TOOLS),
    "slow-tools": Drill("its tool takes 1.2 s", frozenset({"ToolsSlow"}), TOOLS),
    "slow-store": Drill("the session store writes in 0.12 s", frozenset({"StoreSlow"})),
    "slow-encode": Drill("a picture takes 0.9 s to encode", frozenset({"VisionEncodeSlow"})),
    "noisy-line": Drill(
        "white noise lies over the caller's voice",
        frozenset({"AsrWordErrorsHigh"}),
        ("where is my order", "please look it up"),
        14,
    ),
    "interrupted": Drill("every other answer is talked over", frozenset({"BargeInsFrequent"})),
}


def lines_of(name: str, folder: Path) -> list[Line]:
    """What the caller of a drill does."""
    drill, noise = DRILLS[name], np.random.default_rng(7)
    lines = [Line(camera="bench")] if name == "slow-encode" else []
    for n in range(drill.turns):
        text = drill.lines[n % len(drill.lines)]
        if name == "noisy-line":
            pcm = np.frombuffer(speak(text), np.int16)
            loud = np.clip(pcm + noise.normal(0, NOISE, len(pcm)), -32768, 32767)
            soundfile.write(folder / f"{n}.wav", loud.astype(np.int16), 16000)
            lines.append(Line(audio=str(folder / f"{n}.wav")))
        elif name == "interrupted" and n % 2:
            lines += [Line(say="good morning"), Line(say="thank you", barge_in=1.2)]
        else:
            lines.append(Line(say=text))
    return lines


async def call(name: str, url: str, vendors: RehearsalProcess, folder: Path) -> list[str]:
    """Play one drill; what went wrong with the call itself."""
    slow = [{"vendor": "anthropic", "do": "slow:4", "times": 99}] if name == "slow-model" else []
    await asyncio.to_thread(vendors.control, faults=slow)
    lines, never = lines_of(name, folder), asyncio.Event()
    told = events(url=url, body={"bot": name}, lines=lines, hang_up=never)
    return [event["error"] async for event in told if event["type"] == "failed"]


@contextmanager
def served(vendors: RehearsalProcess, folder: Path) -> Iterator[str]:
    """The server, while the block runs; its URL."""
    env = {**os.environ, ADDRESS: vendors.address, "VIVACE_STORE": f"sqlite:{folder}/sessions.db"}
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.faulty"],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin and server.stdout
    try:
        yield server.stdout.readline().strip()
    finally:
        server.stdin.close()
        server.wait(30)


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[str]:
    """Prometheus, while the block runs; where it is asked."""
    rules = RULES.read_text().replace("[5m]", "[2m]").replace("for: 1m", "for: 24s")
    (folder / "rules.yml").write_text(rules.replace("interval: 15s", "interval: 1s"))
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
        "rule_files: [rules.yml]\n"
        f"scrape_configs: [{{job_name: vivace, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = ["prometheus", f"--config.file={folder}/prometheus.yml"]
    command += [f"--storage.tsdb.path={folder}/data", f"--web.listen-address={address}"]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"http://{address}/api/v1/query"
    finally:
        process.terminate()
        process.wait(10)


async def asked(url: str, query: str) -> list[dict]:
    """What Prometheus answers."""
    async with aiohttp.ClientSession() as http, http.get(url, params={"query": query}) as answer:
        return (await answer.json())["data"]["result"]


async def fired(url: str, bot: str) -> list[str]:
    """Which alerts of a bot have ever fired."""
    query = f'count by (alertname) (last_over_time(ALERTS{{alertstate="firing",bot="{bot}"}}[1h]))'
    return sorted(series["metric"]["alertname"] for series in await asked(url, query))


async def measured(url: str, bot: str, objective: Objective) -> float | None:
    """A metric as Prometheus has it now, in the threshold's unit."""
    query = value_of(objective).replace("[5m]", "[2m]")
    for series in await asked(url, query):
        if series["metric"]["bot"] == bot and (value := float(series["value"][1])) == value:
            return value * (1000 if objective.unit == "ms" else 100)
    return None


async def run(names: list[str], folder: Path) -> dict[str, dict]:
    """Play the drills; by name, what fired, what was measured, and what went wrong."""
    scripts = folder / "scripts"
    scripts.mkdir()
    for name in faulty.NAMES:
        (scripts / f"{name}.rehearsal.yaml").write_text(SCRIPT)
    found = {}
    vendors = start(scripts=scripts, profile="instant")
    try:
        with (
            served(vendors, folder) as url,
            prometheus(folder, url.removeprefix("http://")) as query,
        ):
            await asyncio.sleep(5)
            for name in names:
                failed = await call(name, url, vendors, folder)
                await asyncio.sleep(5)
                values = {o.key: await measured(query, name, o) for o in OBJECTIVES}
                load = os.getloadavg()[0]
                if values["turn_latency"] is None:
                    failed.append("no turn was answered; the server's log says why")
                found[name] = {"values": values, "failed": failed, "load": load}
                print(name, found[name], file=sys.stderr, flush=True)
            await asyncio.sleep(30)  # so long the last may take to fire
            for name in names:
                found[name]["fired"] = await fired(query, name)
    finally:
        vendors.stop()
    return found


def page(found: dict[str, dict]) -> str:
    """The drills as a page of the runbook."""
    head = " | ".join(f"{o.name}, {o.unit}" for o in OBJECTIVES)
    load = max(drill["load"] for drill in found.values())
    rows = []
    for name, drill in found.items():
        cells = []
        for objective in OBJECTIVES:
            value = drill["values"][objective.key]
            text = "–" if value is None else f"{value:.0f}"
            cells.append(f"**{text}**" if objective.broken(value) else text)
        alerts = ", ".join(drill["fired"]) or "none"
        rows.append(f"| {name}: {DRILLS[name].fault} | {alerts} | {' | '.join(cells)} |")
    return "\n".join(
        [
            "# Drill",
            "",
            "Calls with one fault each, and the alerts that they fired in a real Prometheus. Made by",
            f"`python -m tests.chaos.alerts --write` on {date.today()} ({os.cpu_count()} cores, load "
            f"up to {load:.1f}).",
            "The rules are the product's, with two fifths of their times. Figures are Prometheus' own,",
            "over two minutes; those past their thresholds are bold.",
            "",
            f"| call | fired | {head} |",
            "|---|---|" + "---:|" * len(OBJECTIVES),
            *rows,
            "",
        ]
    )


def main() -> None:
    """Run the drills."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    names = args.names or list(DRILLS)
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        found = asyncio.run(run(names, Path(folder)))
    exact = all(
        set(drill["fired"]) == DRILLS[name].fires and not drill["failed"]
        for name, drill in found.items()
    )
    if args.write:
        PAGE.write_text(page(found))
    load = max(drill["load"] for drill in found.values())
    fired_by = {name: drill["fired"] for name, drill in found.items()}
    print(json.dumps({"fired": fired_by, "exact": exact, "calls": len(names), "load": load}))
    sys.exit(0 if exact else 1)


if __name__ == "__main__":
    main()

"""How many callers a server bears: more and more real WebRTC callers, and what each hears.

Each step dials afresh, so that one figure belongs to one number of callers. A server breaks where
it sends a caller away or loses one, where its event loop runs more than 10 ms late (p99), or where
answers come more than 1.1 times as late as to a single caller (p50).
"""

import asyncio
import itertools
import json
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import soundfile

from qa.call.caller import Caller
from qa.call.script import RATE, Line, voiced

LATE_MS = 10.0
SLOWER = 1.1
APART_SECS = 0.25


@dataclass
class Step:
    """What a number of callers met with.

    Parameters:
        callers: How many dialled.
        refused: How many were sent away.
        failed: What went wrong for the others, in sentences.
        answers: Answers that were heard.
        voice_to_voice_ms: p50, p95 and p99 from the caller's last sound to the bot's first.
        dial_ms: p50 and p95 from dialling to the bot's first sound.
        lag_ms: p99 of the lateness of the sessions' event loops, the highest seen.
        cpu: Share of the machine that was busy, or of a core where sessions share a process; the
            highest seen.
        broken: Why this is too many; empty if it is not.
    """

    callers: int
    refused: int = 0
    failed: list[str] = field(default_factory=list)
    answers: int = 0
    voice_to_voice_ms: list[float] = field(default_factory=list)
    dial_ms: list[float] = field(default_factory=list)
    lag_ms: float = 0.0
    cpu: float = 0.0
    broken: str = ""


def sizes(most: int) -> list[int]:
    """The numbers of callers that are tried: 1, 2, 4, 8, 12, 16 and so on."""
    tried = [n for n in (1, 2, 4, *range(8, most + 1, 4)) if n < most]
    return [*tried, most]


async def load(
    url: str,
    *,
    bot: str,
    lines: Sequence[Line],
    callers: int,
    secs: float = 60.0,
    tell: Callable[[Step], None],
) -> list[Step]:
    """Load a server until it breaks or the most callers are on the line.

    Args:
        url: The server's address.
        bot: Name of the bot.
        lines: What each caller says, over and over.
        callers: Most callers.
        secs: How long each step's callers stay.
        tell: Told each step as it ends.
    """
    steps: list[Step] = []
    with tempfile.TemporaryDirectory(prefix="vivace-load-") as folder:
        sounds = recorded(lines, Path(folder))
        for count in sizes(callers):
            step = await _step(url, bot=bot, lines=sounds, count=count, secs=secs)
            step.broken = _why_broken(step, steps[0] if steps else step)
            steps.append(step)
            tell(step)
            if step.broken:
                break
    return steps


def report(step: Step) -> str:
    """A step in one line."""
    v2v = "/".join(f"{ms:.0f}" for ms in step.voice_to_voice_ms) or "-"
    return (
        f"{step.callers:4} callers  voice to voice {v2v:>14} ms (p50/p95/p99)  "
        f"loop lag p99 {step.lag_ms:5.1f} ms  cpu {step.cpu:4.0%}  "
        f"{step.refused} refused, {len(step.failed)} failed  {step.broken}"
    )


def as_json(steps: Sequence[Step]) -> str:
    """The whole curve in one line."""
    held = [step.callers for step in steps if not step.broken]
    broken = next((step.broken for step in steps if step.broken), "")
    return json.dumps(
        {
            "callers_held": max(held, default=0),
            "breaks": broken,
            "steps": [asdict(s) for s in steps],
        }
    )


def recorded(lines: Sequence[Line], folder: Path) -> list[Line]:
    """Speak each line once, not once a caller."""
    sounds = []
    for number, line in enumerate(lines):
        if len(samples := voiced(line)):
            path = folder / f"{number}.wav"
            soundfile.write(str(path), samples, RATE)
            sounds.append(Line(audio=str(path)))
    if not sounds:
        raise ValueError("These callers would say nothing. Give the bot's script lines to `say`.")
    return sounds


async def _step(url: str, *, bot: str, lines: list[Line], count: int, secs: float) -> Step:
    step, heard, dialled = Step(callers=count), [], []
    watching = asyncio.create_task(_watch(url, step))

    async def one(number: int) -> None:
        await asyncio.sleep(number * APART_SECS)
        events: list[dict[str, Any]] = []
        body = {"bot": bot, "consent": {"recording": False}}
        caller = Caller(url, body=body, tell=events.append, seed=number)
        asyncio.get_running_loop().call_later(secs, caller.hang_up)
        await caller.call(list(itertools.islice(itertools.cycle(lines), 200)))
        heard.extend(e["voice_to_voice_ms"] for e in events if e["type"] == "answered")
        first = (e["at"] for e in events if e["type"] == "speech" and e["who"] == "bot")
        dialled.extend(itertools.islice(first, 1))
        for event in events:
            if event["type"] == "failed":
                if "(503)" in event["error"]:
                    step.refused += 1
                else:
                    step.failed.append(event["error"])

    await asyncio.gather(*(one(number) for number in range(count)))
    watching.cancel()
    step.answers = len(heard)
    if heard:
        step.voice_to_voice_ms = [round(float(p), 1) for p in np.percentile(heard, [50, 95, 99])]
    if dialled:
        first = np.array(dialled) * 1000
        step.dial_ms = [round(float(p), 1) for p in np.percentile(first, [50, 95])]
    return step


async def _watch(url: str, step: Step) -> None:
    lag = re.compile(r"^vivace_loop_lag_p99_seconds\{.*?\} (\S+)", re.MULTILINE)
    cpu = re.compile(r"^vivace_cpu_share (\S+)", re.MULTILINE)
    await asyncio.sleep(10)  # the figures look ten seconds back
    async with aiohttp.ClientSession() as http:
        while True:
            async with http.get(f"{url}/metrics") as answer:
                text = await answer.text()
            step.lag_ms = max([step.lag_ms, *(float(s) * 1000 for s in lag.findall(text))])
            step.cpu = max([step.cpu, *(float(share) for share in cpu.findall(text))])
            await asyncio.sleep(1)


def _why_broken(step: Step, first: Step) -> str:
    if step.refused:
        return f"{step.refused} were sent away"
    if step.failed:
        return step.failed[0]
    if not step.voice_to_voice_ms:
        return "nobody was answered"
    if step.lag_ms > LATE_MS:
        return f"audio is late: the event loop runs {step.lag_ms:.0f} ms behind"
    if step.voice_to_voice_ms[0] > SLOWER * first.voice_to_voice_ms[0]:
        return "answers are late"
    return ""

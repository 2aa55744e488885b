"""Answers begun on interim transcripts: what they save, and what they cost.

    python -m tests.benchmarks.partials [--quick] [--seed 7]

The same calls on the virtual clock, once without and once with speculation on partial transcripts,
with the delays of the ``typical`` rehearsal profile (interims 150 ms median, finals 120, first token
520, first sound of the voice 0). A third of the turns has a pause of 0.3 to 0.9 s in the middle, one
final in twenty differs from its interims by a word, and the turn ends 0.6 s after the voice. The
last line is one JSON object:

- ``saved_p50_ms``, ``saved_p95_ms``: of the time from the caller's last sample to the bot's first, by
  which an answer comes earlier, turn by turn. ``without_p50_ms``, ``with_p50_ms``: that time.
- ``wrong_pct``: answers begun early that were discarded, of all that were begun.
- ``extra_calls_pct``: model calls more than without speculation.
- ``tool_saved_p50_ms``: by how much a read-only tool was ahead of its call, where one was called.
"""

import argparse
import asyncio
import json
import math
import random
import sys
import time
from dataclasses import dataclass, field

import numpy as np
from loguru import logger
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy

from qa.virtual import run
from sessions.clock import Clock
from sessions.tool_boundary import side_effect_free
from sessions.turns import PartialsUserTurnStopStrategy, Prefetch
from tests.support.turn_model import Model, Reply
from tests.support.turn_rig import Rig
from tests.support.turn_sounds import RATE, spoken

VOICES = ("en-us", "en-us+m3", "en-gb+f2", "en-gb-scotland+f3", "en-us+m7")
WHOLE = (
    "I would like to move my appointment",
    "which medication am I taking",
    "please tell me the address again",
    "is there parking near the clinic",
    "how long will it take",
    "my knee hurts when I walk",
    "do I need to bring anything",
    "what does it cost",
    "can my wife come with me",
    "thank you that is all",
)
IN_TWO = (
    ("my date of birth is", "March the fifth"),
    ("I have had this pain", "since last Tuesday"),
    ("could you", "say that again"),
    ("I take two tablets", "in the morning"),
    ("it is about my knee", "not my shoulder"),
)
LOOK_UP = "look up"
TOOL_SECS = 0.4
TURNS_PER_CALL = 6


@dataclass
class Arm:
    """What one arm took."""

    waits: list[float] = field(default_factory=list)
    calls: int = 0
    made: int = 0
    misses: int = 0
    tools: int = 0
    tool_saved: list[float] = field(default_factory=list)


def decide(messages: list) -> Reply:
    """Look up what is asked for with "please", and answer everything else."""
    last = messages[-1]
    said = str(last.get("content", ""))
    if last["role"] == "user" and "please" in said:
        return Reply(
            calls=[(f"call{len(messages)}", LOOK_UP.replace(" ", "_"), {"what": "address"})]
        )
    return Reply("Of course, let me have a look.")


@side_effect_free
async def look_up(params):
    """A read-only tool of 0.4 s."""
    await asyncio.sleep(TOOL_SECS)
    await params.result_callback({"address": "12 High Street"})


async def call(arm: Arm, *, speculate: bool, seed: int) -> None:
    """Play one call."""
    draws = random.Random(seed)
    voice = draws.choice(VOICES)
    detector = SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.6)
    clock = Clock()
    partials = PartialsUserTurnStopStrategy(detector, clock=clock)
    model, prefetch = Model(decide, seed=seed), Prefetch(clock)
    tool = FunctionSchema("look_up", "Reads.", {"what": {"type": "string"}}, ["what"], look_up)
    if speculate:
        prefetch.watch(model)
        tool = prefetch.tool(tool)
    rig = Rig(
        house=True, bot="en-us+m2", text="", seed=seed, mind=model,
        stop=[partials if speculate else detector],
    )  # fmt: skip
    rig.context.set_tools([tool])
    rig.ears.revises = 0.05
    async with rig:
        await asyncio.sleep(0.5)
        for _ in range(TURNS_PER_CALL):
            end = speak(rig, voice, draws)
            await asyncio.sleep(end - time.monotonic())
            await rig.until(lambda end=end: rig.air.first_audible(end) < math.inf, within=8)
            arm.waits.append(rig.air.first_audible(end) - end)
            await rig.until(lambda: not rig.speaking, within=12)
    arm.calls += model.asked
    arm.made += partials.guesses.made
    arm.misses += partials.guesses.misses
    arm.tools += partials.guesses.tools
    arm.tool_saved += prefetch.saved_secs


def speak(rig: Rig, voice: str, draws: random.Random) -> float:
    """Let the caller say something; when its last sample is spoken."""
    parts = draws.choice(IN_TWO) if draws.random() < 1 / 3 else (draws.choice(WHOLE),)
    at = time.monotonic()
    for part in parts:
        sound, words = spoken(part, voice)
        rig.say(sound, words, at=at)
        end = at + len(sound) / RATE
        at = end + draws.uniform(0.3, 0.9)
    return end


def measure(*, speculate: bool, calls: int, seed: int) -> Arm:
    """Play all calls with or without speculation, on the virtual clock."""
    arm = Arm()

    async def main(_loop):
        for number in range(calls):
            await call(arm, speculate=speculate, seed=seed * 1000 + number)

    run(main, wall_start_ns=1_750_000_000_000_000_000, seed=seed)
    return arm


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    calls = 12 if args.quick else 50
    plain = measure(speculate=False, calls=calls, seed=args.seed)
    early = measure(speculate=True, calls=calls, seed=args.seed)
    waits = np.array([plain.waits, early.waits])
    unanswered = int(np.isinf(waits).sum())
    plain.waits, early.waits = waits[:, ~np.isinf(waits).any(0)].tolist()
    saved = (np.array(plain.waits) - np.array(early.waits)) * 1000
    print(
        json.dumps(
            {
                "saved_p50_ms": round(float(np.percentile(saved, 50))),
                "saved_p95_ms": round(float(np.percentile(saved, 95))),
                "without_p50_ms": round(float(np.median(plain.waits)) * 1000),
                "with_p50_ms": round(float(np.median(early.waits)) * 1000),
                "wrong_pct": round(100 * early.misses / max(1, early.made), 1),
                "extra_calls_pct": round(100 * (early.calls / plain.calls - 1), 1),
                "tool_saved_p50_ms": round(float(np.median(early.tool_saved or [0])) * 1000),
                "unanswered": unanswered,
                "turns": len(saved),
            }
        )
    )


if __name__ == "__main__":
    main()

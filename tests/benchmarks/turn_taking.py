"""Barge-in: how fast the bot falls silent, and what it takes for an interruption.

    python -m tests.benchmarks.turn_taking [--quick] [--webrtc] [--set test|train] [--seed 7]
        [--withheld]

Calls on the virtual clock: several voices, lines from -30 to 0 dB, and while the bot speaks
somebody interrupts, says "mm-hmm", coughs, shuts a door, talks to somebody else, others babble, or
the bot's own voice comes back at -20 dB after 80 to 200 ms. The same events are played to house
turn-taking and to Pipecat's defaults. The last line is one JSON object:

- ``yield_p50_ms``, ``yield_p95_ms``: from the first sample of an interruption that is yielded to, to
  the last audible sample of the bot before it falls silent, by a hold or by the end of its plan.
- ``handed_over_p95_ms``: to the end of the plan. ``overturned``: interruptions after which the bot
  first went on, and then yielded.
- ``yield_rate``: interruptions within 2 s of whose onset the turn is yielded.
- ``backchannel_selectivity``, ``noise_rejection``: backchannels, and everything else that is no
  interruption, after which the bot goes on with its sentence.
- ``decide_p95_ms``: from silence to the decision. ``pause_p50_ms``: how long the voice was held when
  it then went on. ``by_kind``: the rates of each kind.
- ``decided_p95_ms``: from a sound's first sample to the decision.
- ``pipecat``: the same figures of Pipecat's defaults, ``events``: how many each was played.
- ``webrtc``, with ``--webrtc``: the same over real WebRTC at the pace of life, both arms at once,
  on the first of the events: an aiortc caller, a served bot, the caller's clock and ear.

After the definitions of the tau-voice panel (yield rate and latency, selectivity for backchannels,
vocal tics and speech that is not for the bot), with its 2 s. The numbers of the test set are
reported; nothing was chosen by looking at it.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from loguru import logger
from pipecat.frames.frames import InterruptionFrame

from qa.virtual import run
from sessions.turns.barge_in import Decision
from tests.support.turn_rig import Rig
from tests.support.turn_sounds import MONOLOGUE, NOISES, RATE, CallPlan, Event, plans

YIELD_WITHIN = 2.0
CHUNK_SECS = 0.045  # what is being written goes on to its end
ON_THE_WAY_SECS = 0.3  # what is in the network and in the caller's jitter buffer, at most
SECS_LEFT = 12.0


@dataclass
class Outcome:
    """What became of one event."""

    event: Event
    call: CallPlan
    latency: float | None
    handed_over: float = 0.0
    decided: float | None = None
    decisions: list[Decision] = field(default_factory=list)

    @property
    def holds(self) -> list[float]:
        """Seconds from each hold to its decision."""
        return [d.sound.held_secs for d in self.decisions if not d.late]


@dataclass
class Panel:
    """The outcomes of one arm."""

    outcomes: list[Outcome] = field(default_factory=list)

    def figures(self) -> dict:
        """The figures of the last line."""
        kinds: dict[str, list[Outcome]] = defaultdict(list)
        for outcome in self.outcomes:
            kinds[outcome.event.kind].append(outcome)
        latencies = [o.latency * 1000 for o in kinds["interruption"] if o.latency is not None]
        handed = [o.handed_over * 1000 for o in kinds["interruption"] if o.latency is not None]
        noises = [o for o in self.outcomes if o.event.kind in NOISES]
        pauses = [sum(o.holds) * 1000 for o in self.outcomes if o.holds and o.latency is None]
        took = [secs * 1000 for o in self.outcomes for secs in o.holds]
        decided = [o.decided * 1000 for o in self.outcomes if o.decided is not None]
        rates = {kind: round(_kept(found), 3) for kind, found in sorted(kinds.items())}
        return {
            "yield_p50_ms": _percentile(latencies, 50),
            "yield_p95_ms": _percentile(latencies, 95),
            "handed_over_p95_ms": _percentile(handed, 95),
            "overturned": round(
                sum(any(d.late for d in o.decisions) for o in kinds["interruption"])
                / max(1, len(kinds["interruption"])),
                3,
            ),
            "yield_rate": round(1 - _kept(kinds["interruption"]), 3),
            "backchannel_selectivity": round(_kept(kinds["backchannel"]), 3),
            "noise_rejection": round(_kept(noises), 3),
            "decide_p95_ms": _percentile(took, 95),
            "decided_p95_ms": _percentile(decided, 95),
            "pause_p50_ms": _percentile(pauses, 50),
            "by_kind": {k: round(1 - r, 3) if k == "interruption" else r for k, r in rates.items()},
        }


def describe(decision: Decision) -> str:
    """A decision in a line, for ``--verbose``."""
    sound = decision.sound
    levels = [round(w.level_db) for w in sound.windows]
    voices = "".join("#" if w.voiced else "." for w in sound.windows)
    return (
        f"{decision.verdict.value}{'!' * decision.late} {sound.held_secs * 1000:.0f} "
        f"[{sound.words}] ended={sound.ended:d} near={sound.near:d} hum={sound.hummed:d} "
        f"farther={sound.farther_db:.1f} {voices} {levels}"
    )


def _kept(outcomes: list[Outcome]) -> float:
    return sum(o.latency is None for o in outcomes) / max(1, len(outcomes))


def _percentile(values: list[float], q: float) -> int | None:
    return round(float(np.percentile(values, q))) if values else None


async def call(plan: CallPlan, *, line=Rig, **options) -> list[Outcome]:
    """Play one call.

    Args:
        plan: Who calls, and what happens.
        line: How the bot is called: the rig, or over WebRTC.
        **options: Of the rig.
    """
    outcomes = []
    async with line(bot=plan.bot, text=MONOLOGUE * 2, **options) as rig:
        rig.air.echo_secs = plan.echo_secs
        await asyncio.sleep(0.5)
        rig.say(plan.opening.sound, plan.opening.words, at=time.monotonic())
        for event in plan.events:
            if not await ready(rig):
                break
            tail_secs = CHUNK_SECS if line is Rig else ON_THE_WAY_SECS
            outcomes.append(await play(rig, event, plan, tail_secs=tail_secs))
    return outcomes


async def ready(rig: Rig) -> bool:
    """Have the bot speak, with enough left to say."""
    if rig.speaking and rig.answered_secs > 2 * SECS_LEFT:
        await rig.worker.queue_frame(InterruptionFrame())
        await asyncio.sleep(1.0)
    for _ in range(3):
        # Defaults that did not hear a quiet caller are asked in another way.
        if await rig.until(lambda: rig.speaking, within=3):
            return True
        rig.ears.hear([("go on", 0.0, 0.1)], time.monotonic())
    return False


async def play(rig: Rig, event: Event, plan: CallPlan, *, tail_secs: float) -> Outcome:
    """Let one thing happen while the bot speaks, and see what becomes of it.

    Args:
        rig: The bot.
        event: What happens.
        plan: The call it happens in.
        tail_secs: How long the caller may still hear what left before the bot fell silent.
    """
    await asyncio.sleep(event.after)
    onset = time.monotonic()
    cuts, barge_in = len(rig.cuts.at), rig.turns and rig.turns.barge_in
    if barge_in:
        barge_in.decisions.clear()
    secs = len(event.sound) / RATE
    if event.kind == "echo":
        secs = 4.0
        # The ears hear the bot as well as the microphone does.
        rig.ears.hear(
            [(w, i * 0.3, i * 0.3 + 0.3) for i, w in enumerate("bring the letter".split())], onset
        )
    else:
        rig.say(event.sound, event.words, at=onset)
    await asyncio.sleep(secs + YIELD_WITHIN)
    deadline = onset + (YIELD_WITHIN if event.kind == "interruption" else secs + YIELD_WITHIN)
    cut = next((at for at in rig.cuts.at[cuts:] if at <= deadline), None)
    outcome = Outcome(event, plan, None)
    outcome.decisions = list(barge_in.decisions) if barge_in else []
    if event.kind != "echo" and outcome.decisions:
        first = outcome.decisions[0]
        outcome.decided = rig.began + first.at + first.sound.held_secs - onset
    if cut is not None:
        silent = min([cut, *(rig.began + d.at for d in outcome.decisions)])
        outcome.latency = max(0.0, rig.air.last_audible(silent + tail_secs) - onset)
        outcome.handed_over = cut - onset
    await asyncio.sleep(1.0)
    return outcome


def measure(calls: list[CallPlan], *, house: bool, seed: int, interims: bool = True) -> Panel:
    """Play all calls to one arm, on the virtual clock."""
    panel = Panel()

    async def main(_loop):
        for number, plan in enumerate(calls):
            panel.outcomes += await call(plan, house=house, seed=seed + number, interims=interims)

    run(main, wall_start_ns=1_750_000_000_000_000_000, seed=seed)
    return panel


async def measure_webrtc(calls: list[CallPlan], *, seed: int, interims: bool) -> dict[str, Panel]:
    """Play all calls to both arms at once, over WebRTC."""
    from tests.support.turn_call import called

    panels = {"house": Panel(), "pipecat": Panel()}

    async def arm(name: str, number: int, plan: CallPlan) -> None:
        options = {"house": name == "house", "seed": seed + number, "interims": interims}
        panels[name].outcomes += await call(plan, line=called, **options)

    for number, plan in enumerate(calls):
        await asyncio.gather(*(arm(name, number, plan) for name in panels))
    return panels


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--set", default="test", choices=("test", "train"))
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--withheld", action="store_true", help="no interims, as under HIPAA")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--only", choices=("house", "pipecat"))
    parser.add_argument("--webrtc", action="store_true", help="60 events over WebRTC, too")
    args = parser.parse_args()
    logger.remove()
    if args.verbose:
        logger.add(sys.stderr, level="DEBUG", filter="sessions.turns")
    logger.add(sys.stderr, level="ERROR")
    quick = 24 if args.webrtc else 36
    events = args.events or (quick if args.quick else 360)
    calls = plans(args.set, seed=args.seed, events=events)
    arms = {}
    for arm in ("house", "pipecat"):
        if args.only in (None, arm):
            panel = measure(calls, house=arm == "house", seed=args.seed, interims=not args.withheld)
            arms[arm] = panel
            if args.verbose:
                for o in panel.outcomes:
                    shown = "kept" if o.latency is None else f"{o.latency * 1000:.0f} ms"
                    print(arm, o.event.kind, f"{o.call.level_db:.0f} dB", o.event.text, shown,
                          [describe(d) for d in o.decisions], file=sys.stderr)  # fmt: skip
    result = told(arms)
    if args.webrtc:
        some = calls[: 1 if args.quick else 10]
        panels = asyncio.run(measure_webrtc(some, seed=args.seed, interims=not args.withheld))
        result["webrtc"] = told(panels)
    print(json.dumps(result))


def told(arms: dict[str, Panel]) -> dict:
    """The figures of the house, with Pipecat's beneath."""
    result = {
        arm: {**panel.figures(), "events": len(panel.outcomes)} for arm, panel in arms.items()
    }
    return {**result.get("house", {}), "pipecat": result.get("pipecat", {})}


if __name__ == "__main__":
    main()

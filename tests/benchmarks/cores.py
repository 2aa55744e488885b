"""Voice-to-voice time of each core, with the doubles' typical latency.

Each core answers the same question, once over an in-process line at the pace of life with the
rehearsal in its own process, and once on the virtual clock, where our own code takes no time: what
is left there is the vendors' simulated time and the waits that hearing the end of a turn needs.

The cores are two cascades, with Flux that predicts the end of a turn and with Nova; ``hedged``, Flux
with a model that is asked twice at once; and two realtime cores. All take turns as the house does,
with speculation.

``<core>_p50_ms`` is from the caller's last sample to the bot's first sound;
``<core>_simulated_p50_ms`` the same on the virtual clock. ``<core>_reaction_p50_ms`` of a realtime
core is from the end of the turn as the vendor sees it to that sound, of which
``<core>_reaction_simulated_p50_ms`` is the vendor's; Gemini Live does not say when it saw the end.

Run: ``python -m tests.benchmarks.cores [--quick] [--turns N] [--core NAME]``. The last line is JSON.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from loguru import logger
from pipecat.frames.frames import ProposedUserStoppedSpeakingFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair

from qa.virtual import run
from services import llm, speech, stt, tts
from services.rehearsal.mouth import speak
from services.rehearsal.process import start
from sessions import OPEN, Session
from tests.support.loopback import Line
from tests.support.virtual_call import WALL, Seen, calling

QUESTION = "where is my order"
SCRIPT = f"""
lines: [{{say: {QUESTION}}}]
phrases: [{QUESTION}]
rules:
  - hear: order
    say: Your order has shipped. It will arrive on Friday at noon.
otherwise: I did not get that.
"""
CORES = {
    "flux": ("deepgram/flux-general-en", "anthropic/claude-sonnet-4-6"),
    "hedged": ("deepgram/flux-general-en", "anthropic/claude-sonnet-4-6"),
    "nova": ("deepgram/nova-3", "anthropic/claude-sonnet-4-6"),
    "openai": ("openai/gpt-realtime",),
    "google": ("google/gemini-live-2.5-flash",),
}


def bot(name: str):
    """A bot of that core; the casting lines are all that differs."""

    def build(session):
        castings = CORES[name]
        if len(castings) == 2:
            flux = "flux" in castings[0]
            hearing = [stt(session, castings[0], eager=flux)]
            # Two requests at once, and the quicker answer: twice the tokens.
            mind = llm(session, castings[1], hedge_secs=0.0 if name == "hedged" else None)
        else:
            hearing, mind = [], speech(session, castings[0])
        mouth = tts(session, "cartesia/en-us")
        user, assistant = LLMContextAggregatorPair(
            LLMContext(),
            user_params=session.user_params(speculate=True),
            assistant_params=session.assistant_params(),
        )
        ends = session.transport
        return [ends.input(), *hearing, user, mind, mouth, ends.output(), assistant]

    return build


class Figures:
    """The times of one core, in milliseconds."""

    def __init__(self):
        self.total: list[float] = []
        self.reaction: list[float] = []

    def add(self, line: Line, seen: Seen, end: float) -> None:
        first = next(at for at, loud in line.heard if loud and at > end)
        self.total.append((first - end) * 1000)
        ends = [t for t in seen.at(ProposedUserStoppedSpeakingFrame) if end < t < first]
        if ends:
            self.reaction.append((first - ends[0]) * 1000)


def question() -> bytes:
    """The question without the quiet at its end, at 16 kHz."""
    import numpy as np

    samples = np.frombuffer(speak(QUESTION), np.int16)
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 300)
    return samples[: loud[-1] + 1].tobytes()


async def ask(line: Line) -> float:
    """Ask, and return when the last sample went in."""
    line.say(question())
    while line.speech:
        await asyncio.sleep(0.005)
    return asyncio.get_running_loop().time()


async def quiet(line: Line, since: float) -> None:
    """Wait until the bot has spoken and been quiet for a second."""
    loop = asyncio.get_running_loop()

    def silent() -> bool:
        loud = [at for at, is_loud in line.heard if is_loud and at > since]
        return bool(loud) and loop.time() - loud[-1] > 1.0

    await line.until(silent, within=30)


async def talk(name: str, turns: int, session_id: str) -> Figures:
    """A call at the pace of life."""
    figures, seen = Figures(), Seen()
    line = Line(body={"bot": "little"}, session_id=session_id)
    line.handle_sigint = False
    session = await Session.open(line, policy=OPEN)
    session.observers.append(seen)
    pipeline = Pipeline(bot(name)(session))
    running = asyncio.create_task(session.run(pipeline, greet=False))
    await line.connect()
    await quiet(line, 0.0)
    for _ in range(turns):
        end = await ask(line)
        await quiet(line, end)
        figures.add(line, seen, end)
    await line.hang_up()
    await asyncio.wait_for(running, 30)
    return figures


def simulate(name: str, turns: int) -> Figures:
    """The same call on the virtual clock."""
    figures = Figures()

    async def scenario():
        async with calling(bot(name), script=SCRIPT, profile="typical") as call:
            for _ in range(turns):
                end = await ask(call.line)
                await quiet(call.line, end)
                figures.add(call.line, call.seen, end)

    run(lambda _loop: scenario(), wall_start_ns=WALL, limit_secs=3600)
    return figures


def p50(times: list[float]) -> int | None:
    """The median, whole milliseconds."""
    return round(statistics.median(times)) if times else None


def main() -> None:
    """Run the cores one after the other and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="4 turns instead of 20")
    parser.add_argument("--turns", type=int, default=20, help="turns of each call")
    parser.add_argument("--core", choices=CORES, action="append")
    options = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    turns, told = 4 if options.quick else options.turns, {}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "little.rehearsal.yaml").write_text(SCRIPT)
        rehearsal = start(scripts=folder, profile="typical")
        for name in options.core or CORES:
            os.environ["VIVACE_REHEARSAL"] = rehearsal.address
            real = asyncio.run(talk(name, turns, f"cores-{name}"))
            virtual = simulate(name, turns)
            told[f"{name}_p50_ms"] = p50(real.total)
            told[f"{name}_simulated_p50_ms"] = p50(virtual.total)
            if real.reaction:
                told[f"{name}_reaction_p50_ms"] = p50(real.reaction)
                told[f"{name}_reaction_simulated_p50_ms"] = p50(virtual.reaction)
            print(f"{name}: {[round(t) for t in real.total]}", file=sys.stderr)
        rehearsal.stop()
    print(json.dumps({"turns": turns, **told}))


if __name__ == "__main__":
    main()

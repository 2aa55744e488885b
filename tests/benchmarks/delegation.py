"""Does a caller wait for an agent that the bot has asked? Turns with a slow delegate, and without.

    python -m tests.benchmarks.delegation [--quick]

One call over the loopback line in a ``Session`` (Silero, a model that begins after 300 ms,
a voice that answers at once).
The peer is a process of its own, reached over A2A with a signed token through the session store;
it works for some seconds and reports four times a second. Blocks of turns while it works and blocks
of turns while nobody has been asked alternate. The last line is one JSON object:

- ``turn_p95_ms``, ``turn_p95_with_slow_delegate_ms``: from the end of the caller's voice to the
  first sound of the answer; ``turn_p50_...`` the same at the median, ``difference_pct`` of the p95.
- ``hop_p50_ms``, ``hop_p95_ms``: from asking a peer that answers at once to its whole answer: the
  store, the card, the message and the stream. The caller waits for none of it.
- ``turns`` of each kind, and ``delegations`` that came to their answer.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import numpy as np
from loguru import logger
from pipecat.frames.frames import (
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy

from services.rehearsal.latency import Latency, Profile
from sessions import Session
from tests.benchmarks.interleavings import Tone
from tests.support.loopback import Line
from tests.support.peer import NAME
from tests.support.turn_model import Model, Reply
from tools.delegate import Line as PeerLine
from tools.delegate import Peer, delegate
from tools.delegations import leave

ROOT = Path(__file__).parents[2]
ASK, TALK = "please find out", "hello"
WORKS_SECS = 9.0
MODEL = Profile(first_token=Latency(300), tokens_per_second=75.0)
"""A quick model, and always the same: what differs between the turns is not its mood."""


class Mind:
    """What the model does: it asks when it is told to, and else it answers."""

    def __init__(self):
        self.asked = 0

    def decide(self, messages: list) -> Reply:
        # What the peer reports may come in between, and is no turn.
        roles = ("user", "assistant")
        last = next(m for m in reversed(messages) if m.get("role") in roles)
        if last["role"] != "user":
            return Reply("")
        if ASK in str(last.get("content")):
            self.asked += 1
            arguments = {"to": NAME, "task": "Is the pump in stock?"}
            return Reply("I ask.", [(f"call-{self.asked}", "delegate", arguments)])
        return Reply("Yes of course.")


class Call:
    """One call, and its turns."""

    def __init__(self, session: Session, line: Line, context: LLMContext):
        self.session, self.line, self.context = session, line, context

    async def turn(self, text: str) -> float:
        """Take a turn; seconds from the end of the voice to the first sound of the answer."""
        worker = self.session.worker
        assert worker
        await worker.queue_frame(VADUserStartedSpeakingFrame(start_secs=0.1))
        await asyncio.sleep(0.1)
        await worker.queue_frame(TranscriptionFrame(text, "", "", finalized=True))
        await asyncio.sleep(0.05)
        loop, heard = asyncio.get_running_loop(), self.line.heard
        ended, before = loop.time(), len(heard)
        await worker.queue_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await self.line.until(lambda: any(loud for _, loud in heard[before:]))
        await asyncio.sleep(0.5)
        return next(at for at, loud in heard[before:] if loud) - ended

    def answers(self) -> int:
        """How many delegations have come to their answer."""
        return str(self.context.get_messages()).count("The pump is in stock.")


@asynccontextmanager
async def calling(url: str):
    """A call whose bot may ask the peer."""
    line = Line(session_id="delegation", body={"bot": "little"})
    line.handle_sigint = False
    session = await Session.open(line)
    peers = {NAME: Peer(url=url, about="It knows the stock.", reads=True)}
    context = LLMContext(tools=session.tools(delegate(peers)))
    params = session.user_params()
    assert params.user_turn_strategies
    params.user_turn_strategies.stop = [SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0)]
    user, assistant = LLMContextAggregatorPair(
        context, user_params=params, assistant_params=session.assistant_params()
    )
    mind, ends = Model(Mind().decide, profile=MODEL), session.transport
    parts = Pipeline([ends.input(), user, mind, Tone(), ends.output(), assistant])
    task = asyncio.create_task(session.run(parts, greet=False))
    await line.connect()
    await line.until(lambda: session.disclosed)
    try:
        yield Call(session, line, context)
    finally:
        await line.hang_up()
        await asyncio.wait([task], timeout=10)


@contextmanager
def peer(secs: float):
    """A peer in a process of its own; its address."""
    command = [sys.executable, "-m", "tests.support.peer", "--secs", str(secs)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout
    try:
        yield next(line.strip() for line in process.stdout if line.startswith("http"))
    finally:
        process.kill()
        process.wait()


async def turns(url: str, *, blocks: int, each: int) -> tuple[list[float], list[float], int]:
    """Alternate blocks; seconds of the turns without and with a delegate, and answers."""
    alone, beside = [], []
    async with calling(url) as call:
        for _ in range(3):
            await call.turn(TALK)
        for block in range(blocks):
            alone += [await call.turn(TALK) for _ in range(each)]
            await call.turn(ASK)
            beside += [await call.turn(TALK) for _ in range(each)]
            assert call.answers() == block, "it must still be at work"
            done = block + 1
            await call.line.until(lambda done=done: call.answers() >= done, within=WORKS_SECS + 10)
        return alone, beside, call.answers()


async def hops(url: str, *, times: int) -> list[float]:
    """Seconds from leaving work for a peer that answers at once to its whole answer."""
    session = await Session.open(Line(session_id="hops"))
    line, took = PeerLine(NAME, Peer(url=url, about="")), []
    loop = asyncio.get_running_loop()
    for _ in range(times + 1):
        began = loop.time()
        last = None
        async for update in line.ask(await leave(session, "Is the pump in stock?")):
            last = update
        assert last and last.answer == "The pump is in stock."
        took.append(loop.time() - began)
    return took[1:]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VIVACE_STORE"] = f"sqlite:{folder}/sessions.db"
        os.environ["VIVACE_SECRET"] = os.urandom(16).hex()
        with peer(0) as url:
            hop = asyncio.run(hops(url, times=20 if quick else 100))
        with peer(WORKS_SECS) as url:
            alone, beside, answers = asyncio.run(turns(url, blocks=2 if quick else 12, each=6))

    def ms(values: list[float], percent: int) -> float:
        return round(float(np.percentile(values, percent)) * 1000, 2)

    p95, slow = ms(alone, 95), ms(beside, 95)
    print(
        json.dumps(
            {
                "turn_p95_ms": p95,
                "turn_p95_with_slow_delegate_ms": slow,
                "difference_pct": round((slow / p95 - 1) * 100, 1),
                "turn_p50_ms": ms(alone, 50),
                "turn_p50_with_slow_delegate_ms": ms(beside, 50),
                "hop_p50_ms": ms(hop, 50),
                "hop_p95_ms": ms(hop, 95),
                "turns": [len(alone), len(beside)],
                "delegations": answers,
            }
        )
    )


if __name__ == "__main__":
    main()

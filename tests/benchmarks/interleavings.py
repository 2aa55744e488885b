"""Speech, barge-in, tools and failures in every order: does anything get stuck, lost or doubled?

    python -m tests.benchmarks.interleavings [--quick] [--runs 10000] [--seed 7]

Each run is a seeded script of a few seconds on the virtual clock: a caller who says two to four
things, often over the bot, with finals that come late or in two; a model that answers or calls up
to two tools and sometimes fails; tools that are quick, slow, failing or silent, with and without
side effects; house turn-taking with speculation and prefetch. Afterwards all is checked. The last
line is one JSON object:

- ``stuck_tools``: tool calls still "in progress" in the context when all is quiet.
- ``discarded_side_effects``: runs of a tool with side effects for an answer that was not (yet) the
  answer to an ended turn, or had been cut before the call.
- ``lost_finals``: final transcripts that are in no user message; ``repeated_finals``: in two.
- ``duplicate_answers``: things said twice in answer to the same words.
- ``deadlocks``: a caller's words left unanswered though nothing failed, and worlds that stood still.
"""

import argparse
import asyncio
import itertools
import json
import random
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field

import numpy as np
from loguru import logger
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.frames.frames import (
    InterimTranscriptionFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_transport import TransportParams
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from qa.virtual import run
from services.rehearsal.latency import Latency, Profile
from sessions.clock import Clock
from sessions.tool_boundary import side_effect_free
from sessions.turns import PartialsUserTurnStopStrategy, Prefetch, TurnTaking
from sessions.turns.hearing import Window
from tests.support.turn_model import Model, Reply
from tests.support.turn_rig import RATE, Air, Loudspeaker

RUNS_PER_PIPELINE = 25
WINDOW = 0.032
TOOL_TIMEOUT = 1.0
# Quick enough to want a tool before the turn has ended, at times.
PROFILE = Profile(first_token=Latency(150, 700), tokens_per_second=150)


@dataclass
class Findings:
    """What went wrong, over all runs."""

    runs: int = 0
    stuck_tools: int = 0
    discarded_side_effects: int = 0
    lost_finals: int = 0
    repeated_finals: int = 0
    duplicate_answers: int = 0
    deadlocks: int = 0
    barge_ins: int = 0
    tools_run: int = 0
    tools_cut: int = 0
    speculations: int = 0
    prefetched: int = 0
    where: list = field(default_factory=list)


class Tone(TTSService):
    """Says every sentence as a tone, 80 ms a word."""

    def __init__(self):
        super().__init__(
            sample_rate=RATE, push_start_frame=True, push_stop_frames=True,
            settings=TTSSettings(model="tone", voice="tone", language=None),
        )  # fmt: skip

    async def run_tts(self, text, context_id):
        wave = np.sin(np.arange(RATE * 8 // 100 * len(text.split())) / 9) * 8000
        yield TTSAudioRawFrame(wave.astype(np.int16).tobytes(), RATE, 1, context_id=context_id)


class Broken(Exception):
    """What a failing tool raises."""


class World:
    """One pipeline, and what is known of all that happens in it."""

    def __init__(self, seed: int, findings: Findings):
        self.findings = findings
        self.draws = random.Random(seed)
        self.clock = Clock()
        self.turns = TurnTaking(self.clock)
        self.partials = PartialsUserTurnStopStrategy(
            SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.3), clock=self.clock
        )
        self.model = Model(self.decide, seed=seed, profile=PROFILE)
        self.prefetch = Prefetch(self.clock)
        self.prefetch.watch(self.model)
        self.context = LLMContext()
        self.failed = False
        self.said: Counter[str] = Counter()
        self.numbers = itertools.count()
        self._calls = itertools.count()
        output = Loudspeaker(Air(np.random.default_rng(0)), TransportParams(audio_out_enabled=True))
        self.turns.attach(output)
        user, assistant = LLMContextAggregatorPair(
            self.context,
            user_params=LLMUserAggregatorParams(
                user_turn_strategies=UserTurnStrategies(
                    start=self.turns.start, stop=[self.partials]
                )
            ),
        )
        assistant.add_event_handler("on_assistant_turn_stopped", self._on_said)
        user.add_event_handler("on_user_turn_started", self._on_turn)
        user.add_event_handler("on_user_turn_stopped", self._on_turn_end)
        self._turn_is_open = False
        self.worker = PipelineWorker(
            Pipeline([user, self.model, Tone(), output, assistant]),
            params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
            enable_rtvi=False,
            idle_timeout_secs=None,
        )
        self.turns.hearing.set_sample_rate(RATE)
        self.reset()

    def reset(self) -> None:
        """Forget the last run."""
        tools = [
            FunctionSchema(name, "A tool.", {}, [], self._tool(name))
            for name in ("quick", "slow", "broken", "silent", "write", "write_slowly")
        ]
        self.context.set_messages([])
        self.context.set_tools([self.prefetch.tool(tool) for tool in tools])
        self.failed = False
        self.said.clear()

    def decide(self, messages: list) -> Reply:
        """Answer the last words, or call tools for them first."""
        last = messages[-1]
        words = next((m["content"] for m in reversed(messages) if m["role"] == "user"), "")
        draws = random.Random(f"{words}{self.findings.runs}")
        if last["role"] == "user" and draws.random() < 0.5:
            names = draws.sample(["quick", "slow", "broken", "silent", "write", "write_slowly"], 2)
            count = draws.choice((1, 1, 2))
            generation = self.model.asked
            return Reply(
                calls=[
                    (f"call{next(self._calls)}", name, {"generation": generation})
                    if name.startswith("write")
                    else (f"call{next(self._calls)}", name, {})
                    for name in names[:count]
                ]
            )
        return Reply(f"Answer to {words} and that takes a little while to say aloud.")

    def _tool(self, name: str):
        async def handler(params):
            self.findings.tools_run += 1
            if name.startswith("write"):
                generation = params.arguments["generation"]
                stale = generation != self.model.asked or self.model.cut
                if self._turn_is_open or stale:
                    self.findings.discarded_side_effects += 1
                    self._note("side effect of a discarded answer")
            try:
                if name in ("slow", "write_slowly"):
                    await asyncio.sleep(self.draws.uniform(0.2, 0.8))
                elif name == "silent":
                    await asyncio.sleep(60)
                elif name == "broken":
                    raise Broken("it is broken")
                await params.result_callback({"ok": name})
            except asyncio.CancelledError:
                self.findings.tools_cut += 1
                raise

        handler._pipecat_timeout_secs = TOOL_TIMEOUT  # type: ignore[attr-defined]
        return handler if name.startswith("write") else side_effect_free(handler)

    async def _on_turn(self, _user, _strategy):
        self._turn_is_open = True

    async def _on_turn_end(self, _user, _strategy, _message):
        self._turn_is_open = False

    async def _on_said(self, _assistant, message):
        if message.content.startswith("Answer to") and not message.interrupted:
            self.said[message.content] += 1

    def _note(self, what: str) -> None:
        self.findings.where.append((self.findings.runs, what))

    async def play(self) -> None:
        """One run: a caller's script, quiet, and the check."""
        self.findings.runs += 1
        draws = random.Random(self.draws.getrandbits(32))
        finals: list[str] = []
        for _ in range(draws.randint(2, 4)):
            await self._utter(draws, finals)
            await asyncio.sleep(
                draws.choice((0.3, 0.5, 0.8, 1.2, 2.0, 3.0)) * draws.uniform(0.7, 1.3)
            )
        for _ in range(60):
            await asyncio.sleep(0.5)
            if self._quiet(finals):
                break
        await asyncio.sleep(0.5)
        self._check(finals)

    def _quiet(self, finals: list[str]) -> bool:
        messages = self.context.get_messages()
        last = messages[-1] if messages else {}
        return last.get("role") == "assistant" and not self.turns.playback.speaking

    async def _utter(self, draws: random.Random, finals: list[str]) -> None:
        """Say something for 0.3 to 1.5 s."""
        words = f"words {next(self.numbers)}"
        finals.append(words)
        windows = int(draws.uniform(0.6, 1.5) / WINDOW)
        over_the_bot = self.turns.playback.speaking
        cuts = len(self.turns.barge_in.decisions)
        for index in range(windows + 7):
            voiced = index < windows
            window = Window(
                self.clock.now(), 0.95 if voiced else 0.0, -20.0 if voiced else -70.0, 1100.0
            )
            self.turns.hearing.windows.append(window)
            await self.turns.hearing.listener([window])
            if index == 3:
                await self.worker.queue_frame(VADUserStartedSpeakingFrame(start_secs=0.1))
            elif voiced and index % 9 == 8:
                await self.worker.queue_frame(InterimTranscriptionFrame(words.split()[0], "", ""))
            await asyncio.sleep(WINDOW)
        await self.worker.queue_frame(InterimTranscriptionFrame(words, "", ""))
        await self.worker.queue_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await asyncio.sleep(draws.choice((0.02, 0.1, 0.3)))
        await self.worker.queue_frame(TranscriptionFrame(words, "", "", finalized=True))
        self.findings.barge_ins += over_the_bot and len(self.turns.barge_in.decisions) > cuts

    def _check(self, finals: list[str]) -> None:
        found, messages = self.findings, self.context.get_messages()
        users = " ".join(str(m["content"]) for m in messages if m["role"] == "user").split()
        users = " ".join(users) + " "
        for words in finals:
            count = users.count(f"{words} ")
            found.lost_finals += count == 0
            found.repeated_finals += count > 1
            if count != 1:
                self._note(f"{words} is {count} times in {messages}")
        stuck = sum("IN_PROGRESS" in json.dumps(m, default=str) for m in messages)
        found.stuck_tools += stuck
        spoken = " ".join(str(m.get("content")) for m in messages if m["role"] == "assistant")
        told = {str(m["content"]) for m in messages if m["role"] == "user"}
        doubled = sum(max(0, spoken.count(f"Answer to {words} and") - 1) for words in told)
        found.duplicate_answers += doubled
        answered = any(f"{finals[-1]} and" in text for text in self.said)
        if not answered:
            found.deadlocks += 1
        if stuck or doubled or not answered:
            self._note(f"stuck {stuck}, doubled {doubled}, answered {answered}: {messages}")


async def pipeline(seed: int, runs: int, findings: Findings) -> None:
    """Play some runs in one pipeline."""
    world = World(seed, findings)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(world.worker)
    task = asyncio.create_task(runner.run())
    await asyncio.sleep(0.2)
    for _ in range(runs):
        world.reset()
        await world.play()
    findings.speculations += world.partials.guesses.made
    findings.prefetched += world.prefetch.used
    await world.worker.cancel()
    await asyncio.wait([task], timeout=20)


def measure(*, runs: int, seed: int) -> Findings:
    """Play all runs on the virtual clock."""
    findings = Findings()
    for number, first in enumerate(range(0, runs, RUNS_PER_PIPELINE)):
        count = min(RUNS_PER_PIPELINE, runs - first)
        try:
            run(
                lambda _loop, n=number, c=count: pipeline(seed * 10_000 + n, c, findings),
                wall_start_ns=1_750_000_000_000_000_000,
                seed=seed + number,
                limit_secs=60.0 * count,
            )
        except RuntimeError as error:
            findings.deadlocks += 1
            findings.where.append((findings.runs, repr(error)))
    return findings


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    logger.remove()
    findings = measure(runs=args.runs or (250 if args.quick else 10_000), seed=args.seed)
    for number, what in findings.where[:20]:
        print(f"run {number}: {what}", file=sys.stderr)
    print(json.dumps({k: v for k, v in asdict(findings).items() if k != "where"}))


if __name__ == "__main__":
    main()

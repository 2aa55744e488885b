"""Answers begun on a partial transcript, and tools that ran ahead of their call."""

import asyncio
import time

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy

from qa.virtual import run
from services.rehearsal.latency import Latency, Profile
from sessions.clock import Clock
from sessions.tool_boundary import side_effect_free
from sessions.turns import PartialsUserTurnStopStrategy, Prefetch
from tests.support.turn_model import Model, Reply
from tests.support.turn_rig import Rig
from tests.support.turn_sounds import RATE, spoken

CALLER = "en-us+m3"
FAST = Profile(first_token=Latency(200), tokens_per_second=200)


def call(play, decide=lambda messages: Reply("Of course."), *, speculate=True, tools=()):
    """Run a coroutine with a rig that speculates, on the virtual clock."""
    detector = SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.6)
    clock = Clock()
    partials = PartialsUserTurnStopStrategy(detector, clock=clock) if speculate else detector
    model, prefetch = Model(decide, profile=FAST), Prefetch(clock)
    prefetch.watch(model)

    async def main(_loop):
        rig = Rig(house=True, bot="en-gb+f2", text="", mind=model, stop=[partials])
        rig.context.set_tools([prefetch.tool(tool) for tool in tools])
        rig.partials, rig.prefetch = partials, prefetch
        async with rig:
            await asyncio.sleep(0.3)
            return await play(rig)

    return run(main, wall_start_ns=1_750_000_000_000_000_000, limit_secs=120)


def say(rig, text: str, *, at: float = 0.0) -> float:
    """Say something; when its last sample is spoken."""
    sound, words = spoken(text, CALLER)
    at = at or time.monotonic()
    rig.say(sound, words, at=at)
    return at + len(sound) / RATE


async def wait_for_answer(rig, end: float) -> float:
    assert await rig.until(lambda: rig.air.first_audible(end) < float("inf"), within=10)
    return rig.air.first_audible(end) - end


def messages(rig, role: str) -> list[str]:
    return [
        m["content"] for m in rig.context.get_messages() if m["role"] == role and "content" in m
    ]


def test_an_answer_begun_early_comes_earlier_and_once():
    async def play(rig):
        wait = await wait_for_answer(rig, say(rig, "what does it cost"))
        await rig.until(lambda: not rig.speaking)
        return wait, rig.mind.asked, messages(rig, "user"), messages(rig, "assistant")

    early, asked, users, answers = call(play)
    late, asked_late, *_ = call(play, speculate=False)
    assert early < late - 0.15
    assert asked == asked_late == 1
    assert (users, answers) == (["What does it cost."], ["Of course."])


def test_a_guess_is_withdrawn_when_the_caller_goes_on():
    async def play(rig):
        end = say(rig, "I have had this pain")
        end = say(rig, "since last Tuesday", at=end + 0.5)
        await wait_for_answer(rig, end)
        await rig.until(lambda: not rig.speaking)
        guesses = rig.partials.guesses
        assert (guesses.made, guesses.misses, guesses.hits) == (2, 1, 1)
        assert messages(rig, "user") == ["I have had this pain. Since last Tuesday."]
        assert messages(rig, "assistant") == ["Of course."]

    call(play)


def test_nobody_guesses_while_the_caller_looks_for_a_word():
    async def play(rig):
        say(rig, "my date of birth is")
        await asyncio.sleep(1.6)
        assert rig.partials.guesses.made == 0

    call(play)


def test_a_final_that_says_something_else_discards_the_guess():
    async def play(rig):
        rig.ears.revises = 1.0
        rig.ears.final_secs = 0.6  # the guess is made before it comes
        await wait_for_answer(rig, say(rig, "what does it cost"))
        await rig.until(lambda: not rig.speaking)
        assert rig.partials.guesses.misses == 1
        assert messages(rig, "user") == ["What does it cost now."]
        assert len(messages(rig, "assistant")) == 1

    call(play)


def tool_calls(decided: list, *, harmless: bool):
    ran: list[dict] = []

    async def look_up(params):
        ran.append(dict(params.arguments))
        await asyncio.sleep(0.3)
        await params.result_callback({"address": "12 High Street"})

    handler = side_effect_free(look_up) if harmless else look_up
    schema = FunctionSchema("look_up", "Reads.", {"what": {"type": "string"}}, ["what"], handler)

    def decide(messages):
        decided.append(messages)
        if messages[-1]["role"] == "user":
            return Reply(calls=[("1", "look_up", {"what": "address"})])
        return Reply("It is twelve High Street.")

    async def play(rig):
        await wait_for_answer(rig, say(rig, "what is the address"))
        await rig.until(lambda: not rig.speaking)
        assert messages(rig, "assistant")[-1] == "It is twelve High Street."
        return rig.prefetch.begun, rig.prefetch.used

    return call(play, decide, tools=[schema]), ran


def test_a_read_only_tool_has_run_by_the_time_it_is_called():
    counts, ran = tool_calls([], harmless=True)
    assert counts == (1, 1)
    assert ran == [{"what": "address"}]


def test_a_tool_with_side_effects_runs_only_after_the_turn():
    counts, ran = tool_calls([], harmless=False)
    assert counts == (0, 0)
    assert ran == [{"what": "address"}]

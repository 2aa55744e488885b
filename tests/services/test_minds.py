"""Minds: parallel tools, and answers that stall, break off or are refused."""

import asyncio

import pytest
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    ErrorFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMTextFrame,
    TTSSpeakFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair

from services import llm, patience
from services.lines import Line
from tests.services.chat_server import (
    DROP,
    PAUSE,
    STALL,
    ChatServer,
    call,
    chunk,
    serving,
    serving_gemini,
    text,
)
from tests.services.support import on_stage

ANSWER = "Your order has shipped and it will arrive on Friday at noon. Is there anything else?"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(patience, "PATIENCE_SECS", 0.25)


def said(stage) -> str:
    return "".join(frame.text for frame in stage.seen.of(LLMTextFrame))


def excuses(stage) -> list[str]:
    return [frame.text for frame in stage.seen.of(TTSSpeakFrame)]


async def ask(stage, words: str, *, ends: int = 1) -> None:
    await stage.put(LLMContextFrame(LLMContext([{"role": "user", "content": words}])))
    await stage.seen.until(lambda: len(stage.seen.of(LLMFullResponseEndFrame)) >= ends)
    await asyncio.sleep(0.05)  # what follows the end of an answer


@pytest.mark.parametrize("secs", [0, 0.05])
async def test_all_tools_of_a_message_run_and_are_answered_once(house, session, secs):
    ran = []

    def tool(name):
        async def handler(params):
            if secs:
                await asyncio.sleep(secs)
            ran.append((name, params.arguments))
            await params.result_callback({"ok": name})

        return FunctionSchema(
            name=name, description=name, properties={}, required=[], handler=handler
        )

    mind = llm(session, "anthropic/claude-sonnet-4-6")
    context = LLMContext(
        [{"role": "user", "content": "both please"}],
        tools=ToolsSchema(standard_tools=[tool("alpha"), tool("beta")]),
    )
    pair = LLMContextAggregatorPair(context)
    async with on_stage(pair.user(), mind, pair.assistant()) as stage:
        await stage.put(LLMContextFrame(context))
        await stage.seen.until(lambda: said(stage))
        await asyncio.sleep(0.3)  # a second answer would come now
    assert sorted(ran) == [("alpha", {"x": 1}), ("beta", {"y": 2})]
    assert said(stage) == "Both are done."
    assert len(house.journal("anthropic", "answer")) == 2


async def test_a_healthy_answer_is_passed_on_as_it_is(house, session):
    async with on_stage(llm(session, "anthropic/claude-sonnet-4-6")) as stage:
        await ask(stage, "where is my order")
    assert said(stage) == ANSWER
    assert not excuses(stage) and not stage.seen.of(ErrorFrame)
    assert session.rehearsal == {"anthropic"}


@pytest.mark.parametrize("fault", ["status:429", "status:529", "drop_after:0"])
async def test_a_refusal_before_the_first_word_is_repeated_without_a_word(house, session, fault):
    house.faults({"vendor": "anthropic", "do": fault})
    async with on_stage(llm(session, "anthropic/claude-sonnet-4-6")) as stage:
        await ask(stage, "where is my order")
    assert said(stage) == ANSWER
    assert not excuses(stage)
    assert len(stage.seen.of(ErrorFrame)) == 1


@pytest.mark.parametrize(
    "fault", ["drop_after:6", "garbage_after:6", "stall:30", "error:overloaded_error"]
)
async def test_an_answer_that_breaks_off_is_excused_and_given_again(
    house, session, impatient, fault
):
    house.faults({"vendor": "anthropic", "do": fault})
    async with on_stage(llm(session, "anthropic/claude-sonnet-4-6")) as stage:
        await ask(stage, "where is my order")
    assert said(stage).startswith("Your ")
    assert said(stage).endswith(f"{Line.AGAIN} {ANSWER}")


async def test_silence_before_the_first_word_is_excused_and_a_second_request_races(
    house, session, impatient
):
    house.faults({"vendor": "anthropic", "do": "slow:30"})
    async with on_stage(llm(session, "anthropic/claude-sonnet-4-6")) as stage:
        await ask(stage, "where is my order")
    assert excuses(stage) == [Line.WAIT]
    assert said(stage) == ANSWER


async def test_a_slow_answer_still_counts_when_the_second_request_is_no_faster(
    house, session, monkeypatch
):
    monkeypatch.setattr(patience, "PATIENCE_SECS", 0.6)
    house.faults({"vendor": "anthropic", "do": "slow:0.7"}, {"vendor": "anthropic", "do": "slow:9"})
    async with on_stage(llm(session, "anthropic/claude-sonnet-4-6")) as stage:
        await ask(stage, "where is my order")
    assert excuses(stage) == [Line.WAIT]
    assert said(stage) == ANSWER


@pytest.mark.parametrize("fault", ["status:529", "slow:30"])
async def test_when_nothing_helps_the_caller_hears_it_and_the_next_turn_works(
    house, session, impatient, fault
):
    house.faults({"vendor": "anthropic", "do": fault, "times": 2})
    async with on_stage(llm(session, "anthropic/claude-sonnet-4-6")) as stage:
        await ask(stage, "where is my order")
        assert excuses(stage)[-1] == Line.NO_ANSWER
        assert stage.seen.of(ErrorFrame)
        before = said(stage)
        await ask(stage, "where is my order", ends=2)
        assert said(stage) == before + ANSWER
        assert excuses(stage)[-1] == Line.NO_ANSWER


async def test_nothing_is_said_after_the_caller_has_spoken_over_it(house, session, impatient):
    house.faults({"vendor": "anthropic", "do": "slow:30", "times": 2})
    async with on_stage(llm(session, "anthropic/claude-sonnet-4-6")) as stage:
        await stage.put(LLMContextFrame(LLMContext([{"role": "user", "content": "order"}])))
        await stage.seen.until(lambda: house.journal("anthropic", "request"))
        await stage.put(InterruptionFrame())
        await asyncio.sleep(0.4)
    assert not excuses(stage) and not said(stage)


async def test_a_wrong_key_is_not_tried_twice(house, session):
    session.bot = "?"
    async with on_stage(llm(session, "anthropic/claude-sonnet-4-6")) as stage:
        await ask(stage, "where is my order")
    assert len(stage.seen.of(ErrorFrame)) == 1
    assert excuses(stage) == [Line.NO_ANSWER]


@pytest.mark.parametrize(
    ("broken", "excused", "spoken"),
    [
        ([DROP], [], "All is well. "),
        ([STALL], [Line.WAIT], "All is well. "),
        ([*text("All is"), *[PAUSE, chunk()] * 20], [], f"All is ... {Line.AGAIN} All is well. "),
        ([*text("All is"), STALL], [], f"All is ... {Line.AGAIN} All is well. "),
    ],
)
async def test_a_model_in_the_house_is_held_to_the_same(
    session, impatient, broken, excused, spoken
):
    server = ChatServer(broken, text("All is well."))
    async with serving(server) as url:
        mind = llm(session, f"openai+{url}#Qwen/Qwen3-VL", instruction="Be brief.")
        async with on_stage(mind) as stage:
            await ask(stage, "how are you")
    assert said(stage) == spoken
    assert excuses(stage) == excused
    assert [r["model"] for r in server.requests] == ["Qwen/Qwen3-VL"] * 2
    assert server.requests[0]["messages"][0]["role"] == "system"
    assert set(server.keys) == {"Bearer none"}


async def test_a_tool_is_called_once_although_its_answer_had_to_be_asked_for_twice(
    session, impatient
):
    ran = []

    def tool(name):
        async def handler(params):
            ran.append((name, params.arguments))
            await params.result_callback("ok")

        return FunctionSchema(
            name=name, description=name, properties={}, required=[], handler=handler
        )

    calls = [call(0, "alpha", '{"x": 1}'), call(1, "beta", '{"y": 2}')]
    server = ChatServer([calls[0], DROP], calls, text("Done."))
    context = LLMContext(
        [{"role": "user", "content": "both"}],
        tools=ToolsSchema(standard_tools=[tool("alpha"), tool("beta")]),
    )
    pair = LLMContextAggregatorPair(context)
    async with serving(server) as url:
        mind = llm(session, f"openai+{url}#m")
        async with on_stage(pair.user(), mind, pair.assistant()) as stage:
            await stage.put(LLMContextFrame(context))
            await stage.seen.until(lambda: said(stage))
            await asyncio.sleep(0.2)
    assert ran == [("alpha", {"x": 1}), ("beta", {"y": 2})]
    assert said(stage) == "Done. "
    assert len(server.requests) == 3


async def test_gemini_is_held_to_the_same(session, impatient, monkeypatch):
    async with serving_gemini(["All is ", STALL], ["All is ", "well."]) as url:
        monkeypatch.setenv("GOOGLE_BASE_URL", url)
        async with on_stage(llm(session, "google/gemini-2.5-pro")) as stage:
            await ask(stage, "how are you")
    assert said(stage) == f"All is ... {Line.AGAIN} All is well."

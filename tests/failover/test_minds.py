"""A mind that fails a turn hands it to its spare, rests, and is tried again."""

import pytest
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.llm_service import FunctionCallParams

from services import llm, stt, tts
from services.lines import Line
from tests.support.virtual_call import calling, virtually

SCRIPT = """
lines: [{say: where is my order}]
phrases: [where is my order, please book it]
rules:
  - after: book
    say: It is booked.
  - hear: book
    call: {name: book, with: {day: friday}}
  - hear: order
    say: Your order has shipped and it will arrive on Friday at noon. Is there anything else?
otherwise: I did not get that.
"""
ANSWER = ["Your order has shipped and it will arrive on Friday at noon.", "Is there anything else?"]


def bot(runs=None, **options):
    async def book(params: FunctionCallParams, day: str):
        """Book.

        Args:
            day: Which.
        """
        runs.append(day)
        await params.result_callback({"booked": day})

    def build(session):
        ears = stt(session, "deepgram/nova-3")
        mind = llm(session, "anthropic/claude-sonnet-4-6", **options)
        mouth = tts(session, "cartesia/x")
        tools = session.tools(book) if runs is not None else None
        user, assistant = LLMContextAggregatorPair(
            LLMContext(tools=tools) if tools else LLMContext(),
            user_params=session.user_params(),
            assistant_params=session.assistant_params(),
        )
        ends = session.transport
        return [ends.input(), ears, user, mind, mouth, ends.output(), assistant]

    return build


def asked(call, vendor):
    return len(call.journal(vendor, "request"))


@pytest.mark.parametrize(
    "fault", ["status:529", "status:401", "status:400", "stall:60", "drop_after:2", "slow:60"]
)
def test_a_turn_that_fails_is_answered_by_the_spare(fault):
    async def scenario():
        async with calling(bot(spare="openai/gpt-4.1"), script=SCRIPT) as call:
            call.faults({"vendor": "anthropic", "do": fault, "times": 9})
            end = await call.say("where is my order")
            await call.quiet(3.0)
            assert call.line.transcript()[-2:] == ANSWER
            assert call.first_sound(end) < 3.0
            assert asked(call, "openai") == 1

    virtually(scenario)


def test_an_answer_that_breaks_off_is_given_again_by_the_spare():
    async def scenario():
        async with calling(bot(spare="openai/gpt-4.1"), script=SCRIPT) as call:
            call.faults({"vendor": "anthropic", "do": "drop_after:9"})
            await call.say("where is my order")
            await call.quiet(3.0)
            said = " ".join(call.line.transcript())
            assert Line.AGAIN.value in said
            assert said.endswith(" ".join(ANSWER))

    virtually(scenario)


def test_the_first_rests_and_is_then_asked_again():
    async def scenario():
        async with calling(bot(spare="openai/gpt-4.1"), script=SCRIPT) as call:
            call.faults({"vendor": "anthropic", "do": "status:529"})
            for _ in range(2):
                await call.say("where is my order")
                await call.quiet(2.0)
            assert (asked(call, "anthropic"), asked(call, "openai")) == (1, 2)
            import asyncio

            await asyncio.sleep(30)
            await call.say("where is my order")
            await call.quiet(2.0)
            assert (asked(call, "anthropic"), asked(call, "openai")) == (2, 2)
            assert call.line.transcript()[-2:] == ANSWER

    virtually(scenario)


def test_tools_are_called_and_answered_by_whoever_is_on_duty():
    async def scenario():
        runs = []
        async with calling(bot(runs, spare="openai/gpt-4.1"), script=SCRIPT) as call:
            call.faults({"vendor": "anthropic", "do": "status:529"})
            await call.say("please book it")
            await call.quiet(2.0)
            assert runs == ["friday"]
            assert call.line.transcript()[-1] == "It is booked."
            assert asked(call, "openai") == 2

    virtually(scenario)


def test_when_both_fail_the_caller_is_told_and_can_go_on():
    async def scenario():
        async with calling(bot(spare="openai/gpt-4.1"), script=SCRIPT) as call:
            call.faults(
                {"vendor": "anthropic", "do": "status:529", "times": 9},
                {"vendor": "openai", "do": "status:503", "times": 2},
            )
            await call.say("where is my order")
            await call.quiet(3.0)
            assert call.line.transcript()[-1] == Line.NO_ANSWER.value
            await call.say("where is my order")
            await call.quiet(3.0)
            assert call.line.transcript()[-2:] == ANSWER

    virtually(scenario)


def test_a_hedged_request_is_sent_twice_and_answered_once():
    async def scenario():
        async with calling(bot(hedge_secs=0.5), script=SCRIPT) as call:
            call.faults({"vendor": "anthropic", "do": "slow:20"})
            end = await call.say("where is my order")
            await call.quiet(3.0)
            assert call.line.transcript()[1:] == ANSWER
            assert call.first_sound(end) < 2.0
            assert asked(call, "anthropic") == 2

    virtually(scenario)


def test_without_a_spare_a_silent_mind_is_excused_within_three_seconds():
    async def scenario():
        async with calling(bot(), script=SCRIPT) as call:
            call.faults({"vendor": "anthropic", "do": "slow:60", "times": 2})
            end = await call.say("where is my order")
            await call.quiet(6.0)
            said = call.line.transcript()[1:]
            assert call.first_sound(end) < 3.0
            assert said[-1] == Line.NO_ANSWER.value and len(said) <= 3
            loud = [at for at, is_loud in call.line.heard if is_loud and at > end]
            assert max(b - a for a, b in zip([end, *loud], loud)) < 6.5

    virtually(scenario)

"""Tools in a whole call on the virtual clock: fillers, timeouts, interruptions, parallel answers."""

import asyncio

from pipecat.frames.frames import FunctionCallCancelFrame, FunctionCallResultFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.llm_service import FunctionCallParams

from services import llm, stt, tts
from sessions.silence import Excuse
from sessions.tool_boundary import side_effects
from tests.support.virtual_call import calling, virtually

SCRIPT = """
lines: [{say: please book it}, {say: stop}]
phrases: [please book it, stop, wait a moment]
rules:
  - after: book
    result: error
    say: That did not work.
  - after: book
    say: It is booked, and you will get a letter about it very soon.
  - hear: stop|wait
    say: All right.
  - hear: book
    call: {name: book, with: {day: friday}}
otherwise: I did not get that.
"""


def bot(*tools, contexts=None):
    def build(session):
        ears = stt(session, "deepgram/nova-3")
        mind = llm(session, "anthropic/claude-sonnet-4-6")
        mouth = tts(session, "cartesia/x")
        context = LLMContext(tools=session.tools(*tools))
        if contexts is not None:
            contexts.append(context)
        user, assistant = LLMContextAggregatorPair(
            context, user_params=session.user_params(), assistant_params=session.assistant_params()
        )
        ends = session.transport
        return [ends.input(), ears, user, mind, mouth, ends.output(), assistant]

    return build


def slow(secs: float, runs: list):
    @side_effects
    async def book(params: FunctionCallParams, day: str):
        """Book a visit.

        Args:
            day: Which day.
        """
        runs.append(day)
        await asyncio.sleep(secs)
        await params.result_callback({"booked": day})

    return book


def test_a_slow_tool_is_excused_once_and_its_answer_follows():
    async def scenario():
        runs = []
        async with calling(bot(slow(4.0, runs)), script=SCRIPT) as call:
            end = await call.say("please book it")
            await call.quiet(5.0)
            said = call.line.transcript()[1:]
            assert said == [
                Excuse.TOOL.value,
                "It is booked, and you will get a letter about it very soon.",
            ]
            assert 1.0 < call.first_sound(end) < 2.2
            assert runs == ["friday"]

    virtually(scenario)


def test_a_quick_tool_is_not_excused():
    async def scenario():
        async with calling(bot(slow(0.6, [])), script=SCRIPT) as call:
            await call.say("please book it")
            await call.quiet(3.0)
            assert call.line.transcript()[1:] == [
                "It is booked, and you will get a letter about it very soon."
            ]

    virtually(scenario)


def test_a_tool_that_never_returns_is_given_up_and_the_model_says_so():
    async def scenario():
        contexts = []
        async with calling(bot(slow(300, []), contexts=contexts), script=SCRIPT) as call:
            await call.say("please book it")
            await call.line.until(lambda: call.seen.of(FunctionCallCancelFrame), within=15)
            await call.quiet(4.0)
            assert "IN_PROGRESS" not in str(contexts[0].messages)
            said = call.line.transcript()[1:]
            assert said[:2] == [Excuse.TOOL.value, Excuse.STILL.value]
            assert len(said) > 2

    virtually(scenario)


def test_a_caller_who_interrupts_a_tool_leaves_nothing_in_progress():
    async def scenario():
        contexts, runs = [], []
        async with calling(bot(slow(6.0, runs), contexts=contexts), script=SCRIPT) as call:
            await call.say("please book it")
            await call.line.until(lambda: runs, within=5)
            await call.say("wait a moment")
            await call.quiet(2.0)
            assert call.seen.of(FunctionCallCancelFrame)
            assert not call.seen.of(FunctionCallResultFrame)
            assert "IN_PROGRESS" not in str(contexts[0].messages)
            assert call.line.transcript()[-1] == "All right."
            assert runs == ["friday"]

    virtually(scenario)

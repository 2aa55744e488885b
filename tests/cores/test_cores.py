"""A bot's core is its casting lines: cascade, realtime, and realtime before a slow thinker."""

import asyncio

import pytest
from pipecat.frames.frames import ErrorFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.llm_service import FunctionCallParams

from services import llm, speech, stt, tts
from tests.support.virtual_call import Call, calling, virtually

SCRIPT = """
lines: [{say: please book it}]
phrases: [please book it, where is my order]
rules:
  - greet: true
    say: Hello, what can I do for you?
  - hear: "Backend: (?P<news>[^(]+)"
    say: "{news}"
  - after: delegate
    say: Let me see.
  - after: book
    tools: book
    say: ">> It is booked for {result.booked}, and you will get a letter about it."
  - hear: book
    tools: delegate
    call: {name: delegate, with: {request: please book it for friday}}
  - hear: book
    tools: book
    call: {name: book, with: {day: friday}}
  - hear: order
    say: Your order has shipped and it will arrive on Friday at noon. Is there anything else?
otherwise: I did not get that.
"""
CASCADE = ("deepgram/nova-3", "anthropic/claude-sonnet-4-6", "cartesia/x")
CORES = ["cascade", "openai/gpt-realtime", "google/gemini-live-2.5-flash"]


def bot(core: str, *tools, contexts: list, backend: bool = False):
    """A bot in the form that bot files have; ``core`` is all that differs."""

    def build(session):
        if core == "cascade":
            ears, mind = stt(session, CASCADE[0]), llm(session, CASCADE[1])
            hearing, thinking = [ears], mind
        else:
            hearing, thinking = [], speech(session, core, instruction="Be brief.")
        mouth = tts(session, CASCADE[2])
        given = session.tools(*tools)
        if backend:
            from pipecat.pipeline.llm_with_backend import LLMWithBackend
            from pipecat.workers.llm.backend_llm_worker import BackendLLMWorker

            slow = llm(session, CASCADE[1], instruction="Think.", aloud=False)
            worker = BackendLLMWorker(llm=slow, context=LLMContext(tools=given))
            thinking, given = LLMWithBackend(frontend=thinking, backend=worker), []
        contexts.append(LLMContext(tools=given) if given else LLMContext())
        user, assistant = LLMContextAggregatorPair(
            contexts[-1],
            user_params=session.user_params(),
            assistant_params=session.assistant_params(),
        )
        ends = session.transport
        return [ends.input(), *hearing, user, thinking, mouth, ends.output(), assistant]

    return build


def booking(runs):
    async def book(params: FunctionCallParams, day: str):
        """Book a visit.

        Args:
            day: Which day.
        """
        runs.append(day)
        await params.result_callback({"booked": day})

    return book


def spoken(call: Call) -> str:
    """All that was written down as said by the bot."""
    return " ".join("".join(call.line.transcript()).replace(">>", "").split())


@pytest.mark.parametrize("core", CORES)
def test_every_core_discloses_first_calls_the_same_tool_and_measures_the_turn(core):
    async def scenario():
        contexts, runs = [], []
        build = bot(core, booking(runs), contexts=contexts)
        async with calling(build, script=SCRIPT, greet=True, profile="typical") as call:
            assert spoken(call).startswith("You are speaking with an AI assistant")
            await call.line.until(lambda: "for you?" in spoken(call))
            await asyncio.sleep(4.0)
            end = await call.say("please book it")
            await call.quiet(1.5)
            assert runs == ["friday"]
            assert "booked for friday" in spoken(call)
            assert not call.seen.of(ErrorFrame)
            turn = call.session.waterfall.turns[-1]
            assert turn.total_ms == pytest.approx(call.first_sound(end) * 1000, abs=250)
            assert turn.endpointing_ms > 100 and turn.model_ms > 100
            parts = turn.endpointing_ms + turn.asr_ms + turn.model_ms + turn.tool_ms + turn.tts_ms
            assert parts + turn.other_ms == pytest.approx(turn.total_ms, abs=5)
            tools = call.line.server("tool")
            assert [t["status"] for t in tools] == ["called", "done"]
            roles = [m["role"] for m in contexts[0].messages]
            assert {"user", "assistant", "tool"} <= set(roles)
            assert str(contexts[0].messages).count("you will get a letter") == 1

    virtually(scenario)


@pytest.mark.parametrize("core", CORES[1:])
def test_a_realtime_core_hears_and_says_nothing_before_the_disclosure(core):
    async def scenario():
        build = bot(core, contexts=[])
        async with calling(build, script=SCRIPT) as call:
            vendor = core.partition("/")[0]
            assert not call.journal(vendor, "final")
            texts = [entry["text"] for entry in call.journal("cartesia", "text")]
            await call.say("where is my order")
            await call.quiet(1.0)
            assert len(call.journal(vendor, "final")) == 1
            again = [entry["text"] for entry in call.journal("cartesia", "text")]
            assert texts == again, "the mouth says the disclosure and nothing else"

    virtually(scenario)


@pytest.mark.parametrize("core", CORES[1:])
def test_a_realtime_core_is_silenced_by_the_caller(core):
    async def scenario():
        build = bot(core, contexts=[])
        async with calling(build, script=SCRIPT, profile="typical") as call:
            loop = asyncio.get_running_loop()
            end = await call.say("where is my order")
            await call.line.until(lambda: any(loud and at > end for at, loud in call.line.heard))
            await asyncio.sleep(0.8)
            began = loop.time()
            await call.say("where is my order")
            loud = [at for at, is_loud in call.line.heard if is_loud and began < at < began + 0.9]
            assert loud and loud[-1] - began < 0.8
            await call.quiet(1.0)
            assert len(call.session.waterfall.turns) == 2

    virtually(scenario)


@pytest.mark.parametrize("core", ["cascade", "openai/gpt-realtime"])
def test_a_quick_core_speaks_while_a_slow_one_works(core):
    async def scenario():
        contexts, runs = [], []
        build = bot(core, booking(runs), contexts=contexts, backend=True)
        async with calling(build, script=SCRIPT, profile="typical") as call:
            await call.say("please book it")
            await call.line.until(lambda: "booked for friday" in spoken(call), within=30)
            await call.quiet(1.0)
            assert runs == ["friday"]
            assert spoken(call).index("Let me see") < spoken(call).index("booked for friday")

    virtually(scenario)

"""Turn-taking in whole calls: sessions with cast services, on the virtual clock."""

import asyncio
from contextlib import contextmanager

import numpy as np
import pytest
from pipecat.frames.frames import (
    InterimTranscriptionFrame,
    InterruptionFrame,
    TranscriptionFrame,
    UserStartedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import FunctionCallParams

from processors.language_switch import LanguageSwitch
from services import llm, speech, stt, tts
from services.rehearsal.mouth import speak
from sessions.tool_boundary import side_effect_free
from tests.support.turn_sounds import at_level, cough, hum
from tests.support.virtual_call import Call, calling, virtually

GERMAN = "guten tag ich brauche einen neuen termin"
SCRIPT = f"""
lines: [{{say: where is my order}}]
phrases: [where is my order, okay]
languages: {{de: [{GERMAN}]}}
rules:
  - after: look_up
    say: Your order is in {{result.city}}.
  - hear: order
    tools: look_up
    call: {{name: look_up, with: {{what: order}}}}
  - hear: order
    say: >-
      Your order has shipped and it will arrive on Friday at noon. It is on its way from the
      warehouse in the north, and you will get a letter as soon as it is near you.
  - hear: termin
    say: Gerne.
otherwise: I did not get that.
"""
VOICES = {"en": "en-us", "de": "de"}


def bot(*, ears="deepgram/nova-3", core="", speculate=False, tools=(), switch=False, **hearing):
    """A bot in the form that bot files have."""

    def build(session):
        if core:
            before, mind = [], speech(session, core)
        else:
            before = [stt(session, ears, **hearing)]
            mind = llm(session, "anthropic/claude-sonnet-4-6")
        if switch:
            before.append(LanguageSwitch(VOICES, first="en", ears_follow=True))
        user, assistant = LLMContextAggregatorPair(
            LLMContext(tools=session.tools(*tools)) if tools else LLMContext(),
            user_params=session.user_params(speculate=speculate),
            assistant_params=session.assistant_params(),
        )
        ends, mouth = session.transport, tts(session, f"cartesia/{VOICES['en']}")
        return [ends.input(), *before, user, mind, mouth, ends.output(), assistant]

    return build


async def answering(call: Call) -> float:
    """Ask something and wait until the bot is in the middle of its answer."""
    end = await call.say("where is my order")
    await call.line.until(lambda: any(loud and at > end for at, loud in call.line.heard))
    await asyncio.sleep(1.5)
    return asyncio.get_running_loop().time()


@contextmanager
def understanding_nothing(ears):
    push = ears.push_frame

    async def pushed(frame, direction=FrameDirection.DOWNSTREAM):
        if not isinstance(frame, (TranscriptionFrame, InterimTranscriptionFrame)):
            await push(frame, direction)

    ears.push_frame = pushed
    yield
    ears.push_frame = push


def loud_after(call: Call, since: float) -> list[float]:
    return [at for at, loud in call.line.heard if loud and at > since]


def as_pcm(sound) -> bytes:
    return (np.clip(sound, -1, 1) * 32767).astype(np.int16).tobytes()


@pytest.mark.parametrize("speculate", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_read_only_tool_has_run_ahead_of_its_call_where_the_session_speculates(speculate):
    ran, seen, events = [], {}, {}

    @side_effect_free
    async def look_up(params: FunctionCallParams, what: str):
        """Look something up.

        Args:
            what: What.
        """
        ran.append(what)
        await asyncio.sleep(0.2)
        await params.result_callback({"city": "Rome"})

    async def scenario():
        build = bot(speculate=speculate, tools=[look_up])
        async with calling(build, script=SCRIPT) as call:
            call.session.recording.event = lambda name, **data: events.update({name: data})
            await call.say("where is my order")
            await call.quiet(1.0)
            assert "Your order is in Rome" in " ".join(call.line.transcript())
            seen["answers"] = call.session.guesses.summary()
            seen["tools"] = call.session.prefetch.summary()

    virtually(scenario)
    assert ran == ["order"]
    assert (seen["tools"]["begun"], seen["tools"]["used"]) == ((1, 1) if speculate else (0, 0))
    assert events.get("speculation", {}) == (seen if speculate else {})
    assert (seen["answers"]["tools"] == 1 and seen["tools"]["saved_ms"] > 50) == speculate


@pytest.mark.parametrize(("secs", "asked"), [(1.6, True), (0.3, False)])
def test_a_caller_of_whose_words_nothing_was_understood_is_told_so(secs, asked):
    async def scenario():
        async with calling(bot(), script=SCRIPT) as call:
            said = speak("where is my order")[: int(secs * 32000)]
            with understanding_nothing(call.session.ears[0]):
                call.line.say(said)
                await asyncio.sleep(len(said) / 32000 + 4.0)
            words = " ".join(call.line.transcript())
            assert ("did not catch" in words) == asked and "One moment" not in words
            await call.say("where is my order")
            await call.quiet(1.0)
            assert "has shipped" in " ".join(call.line.transcript())

    virtually(scenario)


def test_ears_that_predict_the_end_of_a_turn_end_it_behind_our_start():
    async def scenario():
        build = bot(ears="deepgram/flux-general-en", eager=True, speculate=True)
        async with calling(build, script=SCRIPT, profile="typical") as call:
            call.line.say(as_pcm(at_level(cough(np.random.default_rng(2)), -18.0)))
            await asyncio.sleep(2.0)
            await answering(call)
            answers = call.session.guesses.summary()
            assert (answers["made"], answers["hits"], answers["misses"]) == (1, 1, 0)
            assert answers["ahead_ms"] > 50
            call.line.say(as_pcm(hum(np.random.default_rng(3))))
            await call.quiet(1.5)
            assert "as soon as it is near you" in " ".join(call.line.transcript())
            assert len(call.journal("anthropic", "request")) == 1
            assert len(call.seen.of(UserStartedSpeakingFrame)) <= 2  # broadcast: once each way

    virtually(scenario)


@pytest.mark.parametrize(
    "core",
    [pytest.param("openai/gpt-realtime", marks=pytest.mark.slow), "google/gemini-live-2.5-flash"],
)
def test_a_realtime_core_is_silent_200_ms_after_the_callers_first_sound(core):
    async def scenario():
        async with calling(bot(core=core), script=SCRIPT, profile="typical") as call:
            onset = await answering(call)
            said = speak("where is my order")
            first = np.flatnonzero(np.abs(np.frombuffer(said, np.int16).astype(int)) > 300)[0]
            call.line.say(said[2 * first :])
            await asyncio.sleep(0.7)
            assert loud_after(call, onset)[-1] - onset < 0.2
            await call.quiet(1.0)
            assert len(call.session.waterfall.turns) == 2

    virtually(scenario)


def test_a_realtime_core_goes_on_after_a_door_it_does_not_mind():
    async def scenario():
        async with calling(bot(core="google/gemini-live-2.5-flash"), script=SCRIPT) as call:
            began = await answering(call)
            call.session.turns.playback.hold()
            await asyncio.sleep(0.3)
            assert len(loud_after(call, began + 0.05)) == 0
            call.session.turns.playback.resume()
            await call.quiet(1.0)
            assert loud_after(call, began + 1.0)
            assert not [t for t in call.seen.at(InterruptionFrame) if t > began]

    virtually(scenario)


def test_ears_model_and_voice_follow_the_caller_into_another_language():
    async def scenario():
        build = bot(switch=True, speculate=True, language="multi")
        async with calling(build, script=SCRIPT) as call:
            await call.say("where is my order")
            await call.quiet(1.0)
            await call.say(GERMAN)
            await call.quiet(1.0)
            assert "Gerne." in " ".join(call.line.transcript())
            asked = call.journal("anthropic", "request")[-1]["body"]["messages"]
            assert "'de'" in str(asked) and "'de'" not in str(asked[:1])
            queries = [entry["query"] for entry in call.journal("deepgram", "connect")]
            assert [query["language"] for query in queries] == ["multi", "de"]
            spoken = call.session.mouths[0]._settings
            assert (spoken.voice, str(spoken.language)) == ("de", "de")

    virtually(scenario)

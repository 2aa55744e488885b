"""Keys that a caller presses reach the model, once and in time. On the virtual clock."""

import asyncio
import json
from dataclasses import replace

import pytest
from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import InputDTMFFrame, InterruptionFrame
from pipecat.processors.aggregators.dtmf_aggregator import DTMFAggregator
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameProcessor

from services import llm, speech, stt, tts
from sessions import HIPAA, OPEN
from sessions.tape.events import describe
from sessions.tape.schemas import DTMF
from tests.support.virtual_call import calling, virtually

SCRIPT = """
phrases: [hello]
rules:
  - hear: "number"
    say: What is your card number?
  - hear: "born"
    say: What is your date of birth?
otherwise: All right.
"""
PRIVATE = replace(HIPAA, disclosure="You speak with an AI.", baa=False, record=False)


class Watch(FrameProcessor):
    """A bot's own look at the keys."""

    def __init__(self):
        super().__init__()
        self.keys = ""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, InputDTMFFrame):
            self.keys += str(frame.button.value)
        await self.push_frame(frame, direction)


def cascade(*own: FrameProcessor):
    def build(session):
        ears = stt(session, "deepgram/nova-3")
        mind = llm(session, "anthropic/claude-sonnet-4-6", instruction="Help the caller.")
        mouth = tts(session, "cartesia/71a7ad14-091c-4e8e-a314-022ece01c121")
        user, assistant = LLMContextAggregatorPair(
            LLMContext(),
            user_params=session.user_params(),
            assistant_params=session.assistant_params(),
        )
        ends = session.transport.input(), session.transport.output()
        return [ends[0], *own, ears, user, mind, mouth, ends[1], assistant]

    return build


async def press(call, keys: str):
    for key in keys:
        frame = InputDTMFFrame(button=KeypadEntry(key))
        await call.line.transport.input().push_frame(frame)
        await asyncio.sleep(0.15)


async def told(call, text: str) -> str:
    """What the model was asked, once it was told this."""

    def asked() -> str:
        return json.dumps(call.journal("anthropic", "request"))

    await call.line.until(lambda: text in asked())
    await call.quiet()
    return asked()


def test_a_bot_that_knows_no_keypad_is_told_what_was_keyed_in():
    async def scenario():
        watch = Watch()
        async with calling(cascade(watch), script=SCRIPT) as call:
            await press(call, "4471#")
            asked = await told(call, "Keyed in: 4471")
            assert watch.keys == "4471#", "and its own processors see the keys"
            assert len(call.journal("anthropic", "request")) == 1 and asked.count("4471") == 1

    virtually(scenario)


def test_a_pause_ends_what_is_keyed_in_and_the_first_key_cuts_the_bot():
    async def scenario():
        async with calling(cascade(), script=SCRIPT) as call:
            await call.session.say("This is a long line of the house that goes on and on and on.")
            await asyncio.sleep(1.0)
            cuts = len(call.seen.of(InterruptionFrame))
            await press(call, "12")
            assert len(call.seen.of(InterruptionFrame)) > cuts
            await told(call, "Keyed in: 12")

    virtually(scenario)


def test_keys_pressed_during_the_disclosure_cut_nothing_and_are_told_after_it():
    async def scenario():
        async with calling(cascade(), script=SCRIPT, answers="hello") as call:
            await press(call, "4471#")
            assert not call.session.disclosed and not call.journal("anthropic", "request")
            await call.line.until(lambda: call.session.disclosed)
            await told(call, "Keyed in: 4471")
            assert call.line.transcript()[0].startswith("You are speaking with an AI")

    virtually(scenario)


def test_a_bot_with_a_keypad_of_its_own_is_told_once():
    async def scenario():
        async with calling(cascade(DTMFAggregator()), script=SCRIPT) as call:
            await press(call, "4471#")
            asked = await told(call, "DTMF: 4471")
            assert "Keyed in" not in asked

    virtually(scenario)


@pytest.mark.parametrize(
    ("question", "keys", "kind"),
    [
        ("", "5552147098", "PHONE"),
        ("", "123456789", "SSN"),
        ("", "4471", "ID"),
        ("number", "4111111111111111", "ACCOUNT"),
        ("", "4111111111111111", "ACCOUNT"),
        ("born", "02141961", "DATE"),
        ("", "02141961", "ID"),
    ],
)
def test_keyed_identifiers_are_surrogates_for_any_bot_of_a_redacting_session(question, keys, kind):
    async def scenario():
        watch = Watch()
        async with calling(cascade(DTMFAggregator(), watch), script=SCRIPT, policy=PRIVATE) as call:
            if question:
                await call.line.send("send-text", {"content": question})
                await call.quiet()
            await press(call, keys + "#")
            asked = await told(call, f"Keyed in: [{kind}_1]")
            assert keys not in asked and "DTMF" not in asked and watch.keys == ""
            assert keys not in json.dumps(call.line.messages)

    virtually(scenario)


def test_a_choice_from_a_menu_names_nobody():
    async def scenario():
        async with calling(cascade(), script=SCRIPT, policy=PRIVATE) as call:
            await press(call, "2#")
            await told(call, "Keyed in: 2")

    virtually(scenario)


def test_keys_on_the_page_are_keys_and_are_taped_once():
    async def scenario():
        async with calling(cascade(), script=SCRIPT, policy=OPEN) as call:
            await call.line.send("dtmf", {"buttons": ["7", "#"]})
            await told(call, "Keyed in: 7")
            assert not list(describe(InputDTMFFrame(KeypadEntry.SEVEN), call.session.front_desk))
            door = call.line.transport.input()
            assert [t for t, _ in describe(InputDTMFFrame(KeypadEntry.SEVEN), door)] == [DTMF]

    virtually(scenario)


def test_a_realtime_core_answers_what_was_keyed_in():
    def build(session):
        core = speech(session, "openai/gpt-realtime", instruction="Help the caller.")
        mouth = tts(session, "cartesia/71a7ad14-091c-4e8e-a314-022ece01c121")
        user, assistant = LLMContextAggregatorPair(
            LLMContext(),
            user_params=session.user_params(),
            assistant_params=session.assistant_params(),
        )
        ends = session.transport.input(), session.transport.output()
        return [ends[0], user, core, mouth, ends[1], assistant]

    async def scenario():
        async with calling(build, script=SCRIPT, greet=True) as call:
            await press(call, "4471#")
            await call.quiet()
            (asked,) = call.journal("openai", "request")[-1:]
            assert json.dumps(asked).count("Keyed in: 4471") == 1

    virtually(scenario)

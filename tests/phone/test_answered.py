"""Who or what answers a call: a person, a machine, a menu. On the virtual clock."""

import asyncio

from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.classifiers.base_classifier import BaseClassifier, ChoiceResult
from pipecat.extensions.ivr.ivr_navigator import IVRNavigator
from pipecat.frames.frames import InputDTMFFrame, OutputDTMFUrgentFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair

from processors.voicemail import LEFT, voicemail
from services import llm, stt, tts
from sessions import OPEN
from sessions.doors import PHONE_RATE, PHONES, sound_of
from tests.support.virtual_call import calling, virtually

VOICEMAIL = """
phrases: [hello, i am not here please leave a message]
rules:
  - greet: true
    say: This is your clinic.
otherwise: All right.
"""
MENU = """
phrases: [press one for the clinic]
rules:
  - hear: "(?s)detection classifier.*press one"
    say: <mode>ivr</mode>
  - hear: "(?s)Interactive Voice Response.*press one"
    say: <dtmf>1</dtmf>
otherwise: <ivr>wait</ivr>
"""


def build(*, around=lambda session, mind: (mind, None)):
    def made(session):
        ears = stt(session, "deepgram/nova-3")
        mind = llm(session, "anthropic/claude-sonnet-4-6", instruction="You call a patient.")
        mouth = tts(session, "cartesia/71a7ad14-091c-4e8e-a314-022ece01c121")
        user, assistant = LLMContextAggregatorPair(
            LLMContext(),
            user_params=session.user_params(),
            assistant_params=session.assistant_params(),
        )
        thinks, detector = around(session, mind)
        ends = session.transport.input(), session.transport.output()
        heard = [detector] if detector else []
        held = [detector.gate()] if detector else []
        return [ends[0], ears, *heard, user, thinks, mouth, *held, ends[1], assistant]

    return made


class Judge(BaseClassifier):
    """Knows a machine by what it asks for."""

    async def _ask(self, state, questions, images=()):
        machine = "leave a message" in state
        chosen = "voicemail" if machine else "conversation"
        return {
            "voicemail": ChoiceResult(choice=chosen, probabilities={chosen: 0.97}, confidence=0.97)
        }, None


def detecting(session, mind):
    return mind, voicemail(session, Judge(), message="Please call us back.")


def spoken(call) -> list[str]:
    return [entry["text"] for entry in call.journal("cartesia", "text") if entry["text"].strip()]


def answered(build, script, said):
    """Answer a call with a few words; yields the call once they have been said."""
    return calling(build, script=script, greet=True, policy=OPEN, answers=said)


def test_a_machine_is_told_the_disclosure_and_the_message_after_its_greeting():
    async def scenario():
        said = "i am not here please leave a message"
        async with answered(build(around=detecting), VOICEMAIL, said) as call:
            await asyncio.wait_for(asyncio.shield(call.running), 40)
            loop, (message,) = asyncio.get_running_loop(), [t for t in spoken(call) if "back" in t]
            assert message.startswith("You are speaking with an AI")
            first = next(at for at, loud in call.line.heard if loud)
            assert first > call.answered_at + 2.0, "not over the greeting"
            assert call.session.watchdog.reason == LEFT and loop.time() > first

    virtually(scenario)


def test_a_person_who_answers_hears_the_disclosure_first_and_nothing_before_it_is_known():
    async def scenario():
        async with answered(build(around=detecting), VOICEMAIL, "hello") as call:
            await call.quiet(1.0)
            first = next(at for at, loud in call.line.heard if loud)
            assert first > call.answered_at
            assert call.session.disclosed
            assert spoken(call)[0].startswith("You are speaking with an AI")

    virtually(scenario)


def test_a_menu_is_answered_with_a_key():
    def navigating(session, mind):
        return IVRNavigator(llm=mind, ivr_prompt="Reach the clinic."), None

    async def scenario():
        async with calling(build(around=navigating), script=MENU) as call:
            await call.say("press one for the clinic")
            await call.line.until(lambda: bool(call.seen.of(OutputDTMFUrgentFrame)), within=30)
            (key,) = call.seen.of(OutputDTMFUrgentFrame)
            assert key.button == KeypadEntry.ONE
            assert any(loud for at, loud in call.line.heard[-200:]), "and its tone is heard"

    virtually(scenario)


def test_the_phones_rate_holds_from_end_to_end():
    for door in PHONES:
        assert set(sound_of(door).values()) == {PHONE_RATE}
    assert sound_of("webrtc") == sound_of("daily") == {}
    assert InputDTMFFrame(button=KeypadEntry.POUND).button.value == "#"

"""Ears that do not understand, and mouths that do not speak, are stood in for within the turn."""

import pytest
from pipecat.frames.frames import TranscriptionFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair

from services import CastingError, llm, stt, tts
from tests.failover.test_minds import ANSWER, SCRIPT
from tests.support.virtual_call import calling, virtually


def bot(*, ears=None, mouth=None):
    def build(session):
        hearing = stt(session, "deepgram/nova-3", **({"spare": ears} if ears else {}))
        mind = llm(session, "anthropic/claude-sonnet-4-6")
        speaking = tts(session, "cartesia/x", **({"spare": mouth} if mouth else {}))
        user, assistant = LLMContextAggregatorPair(
            LLMContext(),
            user_params=session.user_params(),
            assistant_params=session.assistant_params(),
        )
        ends = session.transport
        return [ends.input(), hearing, user, mind, speaking, ends.output(), assistant]

    return build


@pytest.mark.parametrize("fault", ["stall:60", "status:401", "slow:60"])
def test_what_the_first_ears_did_not_understand_the_spare_did(fault):
    async def scenario():
        async with calling(bot(ears="openai/whisper-1"), script=SCRIPT) as call:
            faults = [{"vendor": "deepgram", "do": fault, "times": 9}]
            if fault != "stall:60":  # the line is open already: it has to break first
                faults.insert(0, {"vendor": "deepgram", "do": "drop_after:0"})
            call.faults(*faults)
            for _ in range(2):
                before = len(call.seen.of(TranscriptionFrame))
                await call.say("where is my order")
                await call.quiet(2.0)
                heard = [f.text for f in call.seen.of(TranscriptionFrame)[before:]]
                assert heard == ["where is my order"]
                assert call.line.transcript()[-2:] == ANSWER
            assert call.journal("openai", "final")

    virtually(scenario)


def test_ears_that_understand_need_no_spare():
    async def scenario():
        async with calling(bot(ears="openai/whisper-1"), script=SCRIPT) as call:
            await call.say("where is my order")
            await call.quiet(2.0)
            assert not call.journal("openai", "final")
            assert call.line.transcript()[-2:] == ANSWER

    virtually(scenario)


@pytest.mark.parametrize("fault", ["stall:60", "status:402", "drop_after:3"])
def test_what_the_first_mouth_did_not_say_the_spare_does(fault):
    async def scenario():
        async with calling(bot(mouth="elevenlabs/x"), script=SCRIPT) as call:
            faults = [{"vendor": "cartesia", "do": fault, "times": 99}]
            if fault == "status:402":
                faults.insert(0, {"vendor": "cartesia", "do": "drop_after:1"})
            call.faults(*faults)
            end = await call.say("where is my order")
            await call.quiet(4.0)
            loud = [at for at, is_loud in call.line.heard if is_loud and at > end]
            assert len(loud) * 0.04 > 3.0, "the whole answer was heard"
            spoken = " ".join(entry["text"] for entry in call.journal("elevenlabs", "text"))
            assert "anything else" in spoken
            end = await call.say("where is my order")
            await call.quiet(4.0)
            assert call.first_sound(end) < 2.0, "the spare speaks at once while the first rests"

    virtually(scenario)


def test_a_mouth_that_speaks_needs_no_spare():
    async def scenario():
        async with calling(bot(mouth="elevenlabs/x"), script=SCRIPT) as call:
            await call.say("where is my order")
            await call.quiet(3.0)
            assert not call.journal("elevenlabs", "text")
            assert call.line.transcript()[-2:] == ANSWER

    virtually(scenario)


async def test_a_spare_that_cannot_stand_in_is_refused(session):
    with pytest.raises(CastingError, match="whole utterances"):
        stt(session, "deepgram/nova-3", spare="deepgram/nova-2")
    with pytest.raises(CastingError, match="Flux"):
        stt(session, "deepgram/flux-general-en", spare="openai/whisper-1")


@pytest.fixture
def session():
    from tests.services.support import LittleSession

    return LittleSession()

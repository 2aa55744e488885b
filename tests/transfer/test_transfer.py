"""A caller asks for a person: who is told what, and what the caller hears meanwhile. On the virtual clock."""

import asyncio
import json
from dataclasses import replace

import numpy as np
import pytest
from pipecat.frames.frames import InputAudioRawFrame, TTSTextFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair

from processors.redaction import PHIRedactor
from qa.replay.door import _Input, _steps
from services import llm, stt, tts
from sessions import HIPAA, OPEN
from sessions.distress import SIGN
from sessions.hold import CHIME_SECS, QUIET_SECS, chime
from sessions.leg import Blend
from sessions.readings import Reading
from sessions.tape import TapeMessage
from sessions.transfer import RING_SECS, State, transfer_of
from tests.support.virtual_call import calling, virtually
from tools.transfer import put_through_to, transfer_to_person

SCRIPT = """
phrases: [i want to talk to a nurse, my name is jordan miller, wait a moment please]
rules:
  - after: transfer_to_person
    say: Please stay on the line.
  - hear: "nurse"
    call: {name: transfer_to_person, with: {reason: The caller asks for a nurse.}}
  - hear: "name is"
    say: Thank you.
  - hear: "wait"
    say: I wait.
  - hear: "^.the transfer was declined"
    say: It was declined.
  - hear: "^.the transfer was not"
    say: Nobody has answered.
  - hear: "^.the transfer is over"
    say: I am back.
  - hear: "supervisor"
    say: As I was told.
otherwise: I did not get that.
"""
PRIVATE = replace(HIPAA, disclosure="You speak with an AI.", baa=False, record=False)


def build(session):
    parts = [stt(session, "deepgram/nova-3")]
    if session.phi:
        parts.append(PHIRedactor(session))
    mind = llm(session, "anthropic/claude-sonnet-4-6", instruction="Help the caller.")
    mouth = tts(session, "cartesia/71a7ad14-091c-4e8e-a314-022ece01c121")
    user, assistant = LLMContextAggregatorPair(
        LLMContext(tools=session.tools(transfer_to_person)),
        user_params=session.user_params(),
        assistant_params=session.assistant_params(),
    )
    ends = session.transport.input(), session.transport.output()
    return [ends[0], *parts, user, mind, mouth, ends[1], assistant]


def called(policy=OPEN):
    return calling(build, script=SCRIPT, policy=policy)


async def ask(call):
    await call.say("i want to talk to a nurse")
    await call.line.until(lambda: call.session.transfer.state == State.RINGING, within=20)


def statuses(call) -> list[str]:
    return [message["status"] for message in call.line.server("transfer")]


def longest_silence(call, *, since: float, until: float) -> float:
    loud = [since, *(at for at, is_loud in call.line.heard if is_loud and since < at < until)]
    return max(b - a for a, b in zip(loud, [*loud[1:], until], strict=True))


def test_a_caller_who_waits_is_never_in_silence_and_is_told_when_nobody_comes():
    async def scenario():
        async with called() as call:
            await ask(call)
            rang = asyncio.get_running_loop().time()
            await call.line.until(lambda: "unanswered" in statuses(call), within=60)
            over = asyncio.get_running_loop().time()
            assert over - rang == pytest.approx(RING_SECS, abs=0.5)
            assert longest_silence(call, since=rang, until=over) < 3.0
            await call.quiet()
            assert call.journal("anthropic", "answer")[-1]["say"] == "Nobody has answered."
            assert not call.session.transfer.away

    virtually(scenario)


def test_a_call_that_is_declined_goes_back_to_the_bot():
    async def scenario():
        async with called() as call:
            await ask(call)
            await call.quiet(0.5)
            assert await call.session.transfer.refuse()
            assert not await call.session.transfer.refuse(), "it waits for nobody any more"
            await call.line.until(lambda: "refused" in statuses(call))
            await call.quiet()
            assert call.journal("anthropic", "answer")[-1]["say"] == "It was declined."

    virtually(scenario)


def test_the_bot_goes_on_talking_with_a_caller_who_waits():
    async def scenario():
        async with called() as call:
            await ask(call)
            await call.quiet(0.8)
            await call.say("wait a moment please")
            await call.line.until(
                lambda: call.journal("anthropic", "answer")[-1]["say"] == "I wait.", within=20
            )
            assert call.session.transfer.state == State.RINGING

    virtually(scenario)


def test_the_brief_holds_reason_words_and_signs_and_hides_who_it_is():
    async def scenario():
        async with called(PRIVATE) as call:
            await call.say("my name is jordan miller")
            await call.quiet()
            now = call.session.clock.now_ns()
            call.session.readings.add(Reading(SIGN, 0.9, "", now, "voice", 0.9))
            await ask(call)
            shown = call.session.transfer.as_dict()
            brief, phi = shown["brief"], call.session.phi
            assert brief["reason"] == "The caller asks for a nurse."
            assert ["caller", "my name is [NAME_1]"] in json.loads(json.dumps(brief["said"]))
            assert "0.9" in brief["sign"]
            assert "jordan" not in json.dumps(shown)
            assert "jordan miller" in json.dumps(call.session.transfer.brief.as_dict(phi.restore))
            assert "distress" in call.session.transfer.brief.spoken
            (made,) = [e for e in [call.session.handoff["transfer"]]]
            assert made["state"] == "ringing" and made["ms"] < 1000

    virtually(scenario)


def test_while_a_person_has_the_call_the_bot_is_deaf_and_silent_and_then_goes_on():
    async def scenario():
        async with called() as call:
            transfer = call.session.transfer
            await ask(call)
            await transfer.ordered({"type": "take"})
            await call.line.until(lambda: transfer.state == State.TALKING, within=30)
            asked = len(call.journal("anthropic", "request"))
            seen = len(call.seen.frames)
            await call.say("i want to talk to a nurse")
            await call.session.say("This is not to be heard.")
            await asyncio.sleep(3)
            frames = [frame for _, frame in call.seen.frames[seen:]]
            heard = [f for f in frames if isinstance(f, InputAudioRawFrame)]
            assert heard and not any(np.frombuffer(f.audio, np.int16).any() for f in heard)
            assert not [f for f in frames if isinstance(f, TTSTextFrame)]
            assert len(call.journal("anthropic", "request")) == asked
            await transfer.ordered({"type": "left"})
            await call.quiet()
            assert call.journal("anthropic", "answer")[-1]["say"] == "I am back."
            assert statuses(call) == ["ringing", "briefing", "talking", "returned"]

    virtually(scenario)


def test_the_brief_is_spoken_and_neither_heard_by_the_caller_nor_shown_to_their_page():
    async def scenario():
        async with called(PRIVATE) as call:
            await call.say("my name is jordan miller")
            await call.quiet()
            await ask(call)
            await call.session.transfer.ordered({"type": "take"})
            await call.line.until(lambda: call.session.transfer.state == State.TALKING, within=30)
            spoken = [e.get("text", "") for e in call.journal("cartesia", "text")]
            assert any("You have a caller from little" in text for text in spoken)
            assert "You have a caller" not in json.dumps(call.line.messages)
            assert not [f for f in call.seen.of(TTSTextFrame) if "have" == f.text]

    virtually(scenario)


def test_a_supervisor_whispers_to_the_bot_alone_and_takes_over():
    async def scenario():
        async with called(PRIVATE) as call:
            transfer = call.session.transfer
            order = {"type": "whisper", "text": "Ask Jordan Miller for the date.", "now": True}
            await transfer.ordered(order)
            await call.quiet()
            request = json.dumps(call.journal("anthropic", "request")[-1])
            assert "Your supervisor tells you" in request and "Jordan Miller" not in request
            await transfer.ordered({"type": "take"})
            await call.line.until(lambda: transfer.state == State.TALKING, within=30)
            assert statuses(call) == ["briefing", "talking"]

    virtually(scenario)


def test_a_caller_who_is_not_on_a_phone_cannot_be_put_through_to_a_number():
    async def scenario():
        async with called() as call:
            result = await call.session.transfer.send("+15550009")
            assert "Call a colleague" in result["error"]
            assert transfer_of(call.session.id) is call.session.transfer

    virtually(scenario)


def test_the_number_a_caller_is_put_through_to_is_not_the_models_to_choose():
    tool = put_through_to("+15550009")
    assert tool.__code__.co_varnames[:2] == ("params", "reason")


def test_the_chime_is_soft_and_in_time():
    sound = np.frombuffer(chime(8000), np.int16).astype(int)
    assert 500 < np.abs(sound).max() < 4000
    assert len(sound) == CHIME_SECS * 8000
    assert QUIET_SECS + CHIME_SECS < 3.0


async def test_two_voices_are_one_stream_and_what_comes_late_is_dropped():
    played = bytearray()

    async def write(step):
        played.extend(step)

    blend = Blend(rate=8000)
    one, two = (np.full(8000, level, np.int16).tobytes() for level in (1000, 2000))
    await blend.hear("caller", one, 8000)
    await blend.hear("bot", two, 8000)
    assert blend.dropped_secs == pytest.approx(1.6, abs=0.05)
    playing = asyncio.create_task(blend.play(write))
    await asyncio.sleep(0.4)
    playing.cancel()
    samples = np.frombuffer(bytes(played), np.int16)
    assert len(samples) == 1600 and set(samples) == {3000}


def test_what_people_did_is_done_again_in_a_replay():
    async def scenario():
        async with called() as call:
            await ask(call)
            order = TapeMessage(
                "/events", 0, b'{"name": "transfer.order", "detail": {"type": "take"}}'
            )
            assert [message for _, message in _steps([order]) if message is order]
            replayed = _Input.__new__(_Input)
            replayed._session = call.session
            await replayed._do(order)
            await call.line.until(lambda: call.session.transfer.away, within=20)

    virtually(scenario)

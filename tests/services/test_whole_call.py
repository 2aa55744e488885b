"""Whole calls at the pace of life, over the vendors' real client code, with one thing going wrong.

Each call is two turns: the fault hits the first, and the second must be as if nothing had been.
"""

import asyncio

import pytest
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    ErrorFrame,
    InterruptionFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSSpeakFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from services import llm, speech, stt, tts
from services.lines import Line
from services.rehearsal.mouth import speak
from sessions.turns import VAD
from tests.services.loop_door import LoopDoor
from tests.services.support import on_stage, open_house

pytestmark = pytest.mark.slow

NOVA, FLUX = "deepgram/nova-3-medical", "deepgram/flux-general-en"
LINE = "where is my order"
SCRIPT = f"""
lines: [{{say: {LINE}}}]
rules:
  - hear: order
    say: Your order has shipped and it will arrive on Friday at noon. Is there anything else?
otherwise: I did not get that.
"""
# What the answer above takes to say, less a syllable.
WHOLE_SECS = 4.2


@pytest.fixture
async def house(tmp_path, monkeypatch):
    pytest.importorskip("pocketsphinx")
    pytest.importorskip("espeakng_loader")
    (tmp_path / "little.rehearsal.yaml").write_text(SCRIPT)
    async with open_house(tmp_path, engines=True) as house:
        monkeypatch.setenv("VIVACE_REHEARSAL", house.address)
        yield house


def cast(session, door, ears=NOVA):
    flux = ears == FLUX
    strategies = UserTurnStrategies(
        stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.3)]
    )
    pair = LLMContextAggregatorPair(
        LLMContext(),
        user_params=LLMUserAggregatorParams(
            vad_analyzer=None if flux else SileroVADAnalyzer(params=VAD),
            user_turn_strategies=None if flux else strategies,
        ),
    )
    return [
        door.input(),
        stt(session, ears),
        pair.user(),
        llm(session, "anthropic/claude-sonnet-4-6"),
        tts(session, "cartesia/en-us"),
        door.output(),
        pair.assistant(),
    ]


async def quiet(stage, door, *, since: float, secs: float = 1.2, most: float = 25.0) -> None:
    """Wait until the bot has spoken and then been quiet for a while."""
    loop = asyncio.get_running_loop()
    await stage.seen.until(
        lambda: door.played(since=since) > 0.3 and loop.time() - door.heard[-1][0] > secs,
        secs=most,
    )


def heard(stage):
    return [frame.text for frame in stage.seen.of(TranscriptionFrame)]


@pytest.mark.parametrize(
    ("ears", "fault", "excuse"),
    [
        (NOVA, "", ""),
        (NOVA, "deepgram status:429", ""),
        (NOVA, "deepgram drop_after:1", ""),
        (NOVA, "anthropic status:529", ""),
        (NOVA, "anthropic slow:20", Line.WAIT),
        (NOVA, "anthropic stall:20", Line.AGAIN),
        (NOVA, "anthropic drop_after:8", Line.AGAIN),
        (NOVA, "cartesia drop_after:6", ""),
        (NOVA, "cartesia stall:20", ""),
        (FLUX, "", ""),
        (FLUX, "deepgram drop_after:1", ""),
    ],
)
async def test_one_thing_goes_wrong_and_the_call_goes_on(house, session, ears, fault, excuse):
    if fault:
        vendor, do = fault.split()
        house.faults({"vendor": vendor, "do": do})
    door, loop = LoopDoor(), asyncio.get_running_loop()
    pcm = speak(LINE)
    async with on_stage(*cast(session, door, ears)) as stage:
        await asyncio.sleep(0.3)
        for turn in (1, 2):
            began = loop.time()
            await door.say(pcm)
            await quiet(stage, door, since=began)
            assert heard(stage) == [LINE] * turn, (fault, turn)
            assert door.played(since=began) > WHOLE_SECS, (fault, turn)
            gaps = [
                (later - at - secs)
                for (at, secs), (later, _) in zip(door.heard, door.heard[1:], strict=False)
                if at >= began
            ]
            first = next(at for at, _ in door.heard if at >= began) - door.silent_since
            print(
                f"\n{fault or 'nothing'} [{ears[9:13]}] turn {turn}: first sound {first:.2f} s, "
                f"longest gap {max(gaps):.2f} s, played {door.played(since=began):.2f} s, "
                f"errors {len(stage.seen.of(ErrorFrame))}"
            )
    spoken = "".join(frame.text for frame in stage.seen.of(LLMTextFrame, TTSSpeakFrame))
    assert excuse in spoken
    assert session.rehearsal == {"anthropic", "cartesia", "deepgram"}


async def test_a_barge_in_ends_a_repair_and_nothing_of_it_is_said_later(house, session):
    house.faults({"vendor": "anthropic", "do": "slow:20", "times": 2})
    door, loop = LoopDoor(), asyncio.get_running_loop()
    async with on_stage(*cast(session, door)) as stage:
        await asyncio.sleep(0.3)
        await door.say(speak(LINE))
        # The excuse is being spoken, and a second request is out: now the caller speaks again.
        await stage.seen.until(lambda: door.played() > 0.2, secs=8)
        began = loop.time()
        await door.say(speak(LINE))
        await quiet(stage, door, since=began + 1.0)
    assert heard(stage) == [LINE, LINE]
    assert len(stage.seen.of(InterruptionFrame)) >= 2
    assert [frame.text for frame in stage.seen.of(TTSSpeakFrame)] == [Line.WAIT]
    assert "".join(frame.text for frame in stage.seen.of(LLMTextFrame)).count("shipped") == 1


async def test_a_realtime_core_rehearses_too(house, session):
    door, loop = LoopDoor(), asyncio.get_running_loop()
    pair = LLMContextAggregatorPair(LLMContext())
    core = speech(session, "openai/gpt-realtime", instruction="Be brief.")
    async with on_stage(door.input(), pair.user(), core, door.output(), pair.assistant()) as stage:
        await asyncio.sleep(0.5)
        began = loop.time()
        await door.say(speak(LINE))
        await quiet(stage, door, since=began)
    assert heard(stage) == [LINE]
    assert door.played(since=began) > WHOLE_SECS
    assert session.rehearsal == {"openai"}

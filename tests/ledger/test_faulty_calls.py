"""Calls in which something is wrong: the metric that should tell does, and no other."""

import asyncio
from contextlib import suppress

import numpy as np

from services.rehearsal.mouth import speak
from sessions.metrics import Figures
from sessions.metrics.second import SecondRecogniser
from sessions.slo import BY_KEY
from sessions.waterfall import Turn
from tests.support import ledger_call
from tests.support.virtual_call import Call, calling, virtually

LINES = ["good morning", "thank you"]


def figures(play, *, profile: str = "instant", **building) -> tuple[Figures, list[Turn]]:
    """What a call on the virtual clock measured."""
    found = []

    async def scenario():
        build = ledger_call.bot(**building)
        async with calling(build, script=ledger_call.SCRIPT, profile=profile) as call:
            await play(call)
        found.append((call.session.meter.figures, call.session.waterfall.turns))

    virtually(scenario)
    return found[0]


async def quietly(call: Call) -> None:
    await ledger_call.converse(call, ["please look it up", *LINES])


async def looking_on(call: Call) -> None:
    filming = asyncio.create_task(ledger_call.film(call))
    await ledger_call.converse(call, ["thank you"])
    filming.cancel()
    with suppress(asyncio.CancelledError):
        await filming


def test_a_quiet_call_breaks_nothing_and_measures_what_it_has():
    found, turns = figures(quietly, profile="typical", eyes=False)
    values = found.values()
    assert found.broken() == [], values
    assert len(turns) == 3 and len(found.tool_ms) == 1
    measured = {key for key, value in values.items() if value is not None}
    assert measured == BY_KEY.keys() - {"vision_encode", "store_latency"}
    assert found.wer_from == "confidence" and found.words >= 6


def test_a_slow_model_breaks_the_turn_latency_only():
    async def play(call):
        call.faults({"vendor": "anthropic", "do": "slow:4", "times": 9})
        await quietly(call)

    found, turns = figures(play, eyes=False)
    assert found.broken() == ["turn_latency"], found.values()
    assert max(turns, key=lambda turn: turn.total_ms).model_ms > 2000


def test_failing_tools_break_their_success_only():
    found, _ = figures(quietly, eyes=False, tool_fails=True)
    assert found.broken() == ["tool_success"], found.values()


def test_a_slow_tool_breaks_its_latency_only_and_owns_its_time():
    found, _ = figures(quietly, eyes=False, tool_secs=1.2)
    assert found.broken() == ["tool_latency"], found.values()


def test_a_bot_that_is_interrupted_breaks_the_barge_in_rate_only():
    async def play(call):
        await ledger_call.converse(call, ["good morning"], over="thank you")

    found, _ = figures(play, eyes=False)
    assert found.broken() == ["barge_in_rate"], found.values()


def test_a_noisy_line_breaks_the_word_error_rate_only():
    async def play(call):
        noise = np.random.default_rng(7)
        for line in ("where is my order", "please look it up", "good morning", "thank you"):
            pcm = np.frombuffer(speak(line), np.int16)
            loud = np.clip(pcm + noise.normal(0, 900, len(pcm)), -32768, 32767)
            call.line.say(loud.astype(np.int16).tobytes())
            await call.quiet(1.5)

    found, _ = figures(play, eyes=False)
    assert found.broken() == ["asr_wer"], found.values()


def test_slow_encoding_breaks_the_vision_time_only(monkeypatch):
    import processors.frame_sampler as sampler

    picture = sampler.FrameSampler._picture

    async def slowly(self, *args):
        await asyncio.sleep(1.6)
        return await picture(self, *args)

    monkeypatch.setattr(sampler.FrameSampler, "_picture", slowly)
    found, turns = figures(looking_on, eyes=True)
    assert "vision_encode" in found.broken(), found.values()
    assert set(found.broken()) == {"vision_encode"}
    assert sum(turn.vision_ms for turn in turns) > 0


def test_every_layer_is_told_and_little_is_nobodys():
    async def play(call):
        await looking_on(call)
        await ledger_call.converse(call, ["good morning"], over="thank you")

    _, turns = figures(play, profile="typical")
    assert len(turns) >= 3
    for turn in turns:
        parts = [value for name, value in vars(turn).items() if name not in ("n", "total_ms")]
        assert sum(parts) == turn.total_ms
        assert turn.other_ms <= max(20, turn.total_ms / 100)


def test_a_second_recogniser_replaces_the_estimate_on_a_sample():
    asked = []

    async def transcribe(pcm: bytes, rate: int) -> str:
        asked.append(len(pcm) / 2 / rate)
        return "thank you very much"

    def build(session):
        second = SecondRecogniser(session, transcribe, vendor="openai", share=1.0)
        session.observers.append(second)
        return ledger_call.bot(eyes=False)(session)

    found = []

    async def scenario():
        async with calling(build, script=ledger_call.SCRIPT) as call:
            await ledger_call.converse(call, ["thank you", "thank you"])
        found.append(call.session.meter.figures)

    virtually(scenario)
    assert (found[0].words, found[0].word_errors) == (8, 4)
    assert found[0].wer_from == "second recogniser"
    assert len(asked) == 2 and all(0.5 < secs < 4 for secs in asked)

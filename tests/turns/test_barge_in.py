"""A bot that is talked over: silent at once, and then it yields or goes on where it stopped."""

import asyncio
import time

import numpy as np
import pytest

from qa.virtual import run
from sessions.turns import Verdict
from sessions.turns.playback import REWIND_SECS
from tests.support.turn_rig import Rig
from tests.support.turn_sounds import MONOLOGUE, RATE, hum, spoken

CALLER, BOT = "en-us+m3", "en-gb+f2"


def call(play, **options):
    """Run a coroutine with a rig whose bot is answering, on the virtual clock."""

    async def main(_loop):
        async with Rig(house=True, bot=BOT, text=options.pop("text", MONOLOGUE), **options) as rig:
            await asyncio.sleep(0.3)
            rig.say(*spoken("good morning what about my appointment", CALLER), at=time.monotonic())
            assert await rig.until(lambda: rig.speaking, within=8)
            return await play(rig)

    return run(main, wall_start_ns=1_750_000_000_000_000_000, limit_secs=300)


def bot_said(rig: Rig) -> list[str]:
    return [m["content"] for m in rig.context.get_messages() if m["role"] == "assistant"]


def user_said(rig: Rig) -> list[str]:
    return [m["content"] for m in rig.context.get_messages() if m["role"] == "user"]


def test_the_bot_is_silent_200_ms_after_the_first_sound_and_answers_what_was_said():
    async def play(rig):
        await asyncio.sleep(2)
        onset = time.monotonic()
        rig.say(*spoken("what about my knee", CALLER), at=onset)
        await asyncio.sleep(0.9)
        assert rig.air.last_audible(time.monotonic()) - onset < 0.2
        assert len(rig.cuts.at) == 2  # the caller's first turn, and this one
        assert await rig.until(lambda: rig.mind.asked == 2, within=3)
        assert user_said(rig)[-1] == "What about my knee."

    call(play)


@pytest.mark.parametrize("said", ["right", "mm-hmm"])
def test_a_backchannel_changes_nothing_but_a_short_pause(said):
    async def play(rig):
        began = rig.air.heard[0][0]
        await asyncio.sleep(2)
        cuts, onset = len(rig.cuts.at), time.monotonic()
        sound, words = spoken(said, CALLER)
        if said == "mm-hmm":
            sound = hum(np.random.default_rng(3))
        rig.say(sound, words, at=onset)
        await asyncio.sleep(0.35)
        assert rig.turns.playback.held
        assert await rig.until(lambda: not rig.speaking, within=60)
        assert len(rig.cuts.at) == cuts and rig.mind.asked == 1
        assert len(user_said(rig)) == 1
        assert bot_said(rig)[-1].split() == MONOLOGUE.split()
        heard = np.concatenate([s for at, s in rig.air.heard if at >= began])
        whole = np.concatenate(
            [np.append(spoken(f"{s}.", BOT)[0], np.zeros(RATE // 10)) for s in sentences(MONOLOGUE)]
        )
        # Nothing is lost; what is said twice is the rewind, where the voice was held.
        again = int(REWIND_SECS * RATE)
        cut = next(i for i in range(len(whole)) if abs(heard[i] - whole[i]) > 0.001)
        assert 0 <= len(heard) - len(whole) - again < RATE // 50
        assert np.allclose(heard[cut + again : len(whole) + again], whole[cut:], atol=0.001)

    call(play)


def sentences(text: str) -> list[str]:
    return [s.strip() for s in text.split(".") if s.strip()]


@pytest.mark.parametrize("after", [1.0, 2.3, 4.1])
def test_the_context_keeps_the_words_that_were_heard(after):
    async def play(rig):
        began = next(at for at, s in rig.air.heard if np.abs(s).max() > 0.01)
        # A backchannel first: what is held must hold its words, too.
        rig.say(*spoken("right", CALLER), at=time.monotonic() + 0.5)
        await asyncio.sleep(2 + after)
        rig.say(*spoken("what about my knee", CALLER), at=time.monotonic())
        assert await rig.until(lambda: rig.mind.asked == 2, within=5)
        hold, cut = rig.turns.barge_in.decisions
        assert (hold.verdict, cut.verdict) == (Verdict.RESUME, Verdict.YIELD)
        paused = hold.sound.held_secs + REWIND_SECS
        heard_secs = rig.began + cut.at - began - paused
        words, offset = [], 0.0
        for sentence in sentences(MONOLOGUE):
            sound, marks = spoken(f"{sentence}.", BOT)
            words += [w for w, start, _ in marks if offset + start < heard_secs]
            offset += len(sound) / RATE + 0.1
        assert abs(len(bot_said(rig)[0].split()) - len(words)) <= 1

    call(play)


def test_the_bots_own_voice_does_not_interrupt_it():
    async def play(rig):
        rig.air.echo_secs = 0.15
        cuts = len(rig.cuts.at)
        assert await rig.until(lambda: not rig.speaking, within=60)
        assert len(rig.cuts.at) == cuts
        assert bot_said(rig)[-1].split() == MONOLOGUE.split()

    call(play)


def test_an_answer_over_the_bots_last_word_is_an_answer():
    text = "Shall I book it for you?"

    async def play(rig):
        secs = len(spoken(text, BOT)[0]) / RATE
        sound, words = spoken("yes", CALLER)
        rig.say(sound, words, at=rig.air.heard[0][0] + secs - 0.25)
        assert await rig.until(lambda: rig.mind.asked == 2, within=8)
        assert user_said(rig)[-1] == "Yes."

    call(play, text=text)


def test_a_voice_that_is_held_for_ever_goes_on_by_itself():
    async def play(rig):
        await asyncio.sleep(1)
        rig.turns.playback.hold()
        await asyncio.sleep(0.5)
        assert not rig.speaking or rig.turns.playback.held
        await asyncio.sleep(1.0)
        assert not rig.turns.playback.held and rig.speaking

    call(play)


def test_the_call_can_end_while_the_voice_is_held():
    async def play(rig):
        await asyncio.sleep(1)
        rig.turns.playback.hold()
        async with asyncio.timeout(90):
            await rig.worker.stop_when_done()
            await asyncio.wait([rig._task])

    call(play)

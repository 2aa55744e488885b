"""What a sound over the bot's voice is taken for."""

import pytest

from sessions.turns import Sound, Verdict, is_backchannel, judge
from sessions.turns.hearing import Caller, Loudness, Window
from sessions.turns.verdict import DECIDE_SECS, takes_the_turn

CALLER = Loudness(-20.0, 1100.0)


def sound(voices: str, *, db=-20.0, words="", held=DECIDE_SECS, hz=1100.0, caller=CALLER) -> Sound:
    windows = [
        Window(i * 0.032, 0.9 if v == "#" else 0.1, db if v == "#" else -66.0, hz)
        for i, v in enumerate(voices)
    ]
    return Sound(held, windows, words, caller)


@pytest.mark.parametrize(
    "words", ["Mm-hmm.", "uh huh", "Right, okay.", "I see", "yeah yeah", "That's right", "Got it!"]
)
def test_words_of_a_listener_are_a_backchannel(words):
    assert is_backchannel(words)


@pytest.mark.parametrize("words", ["", "  ", "wait", "yeah but", "no", "I", "right here please"])
def test_words_that_want_something_are_no_backchannel(words):
    assert not is_backchannel(words)


def test_the_beginning_of_a_backchannel_takes_no_turn_unless_it_is_all():
    assert not takes_the_turn("I") and not takes_the_turn("yeah that makes")
    assert takes_the_turn("I want") and takes_the_turn("I", final=True)
    assert not takes_the_turn("") and not takes_the_turn("I see", final=True)


def test_a_word_of_the_caller_takes_the_turn_before_the_time_is_up():
    assert judge(sound("####", words="wait", held=0.1)) is Verdict.YIELD


def test_a_word_without_a_voice_takes_nothing():
    assert judge(sound("#", words="wait", held=0.1)) is None


def test_a_backchannel_that_has_ended_lets_the_bot_go_on_at_once():
    assert judge(sound("######...", words="right", held=0.2)) is Verdict.RESUME


def test_nothing_is_decided_on_a_voice_alone_before_the_time_is_up():
    assert judge(sound("######", held=0.2)) is None


def test_a_voice_that_goes_on_takes_the_turn():
    assert judge(sound("#" * 15)) is Verdict.YIELD


def test_a_short_sound_without_words_does_not():
    assert judge(sound("######.........")) is Verdict.RESUME


def test_a_hum_does_not_however_long_it_is():
    assert judge(sound("#" * 15, hz=280.0)) is Verdict.RESUME


@pytest.mark.parametrize(("db", "hz"), [(-30.0, 1100.0), (-25.0, 600.0)])
def test_somebody_farther_away_or_turned_away_does_not(db, hz):
    assert judge(sound("#" * 15, db=db, hz=hz, words="close the window")) is Verdict.RESUME


def test_on_a_quiet_line_quiet_speech_is_near():
    assert judge(sound("#" * 15, db=-50.0, caller=Loudness(-49.0, 1100.0))) is Verdict.YIELD
    assert judge(sound("#" * 15, db=-50.0, caller=None)) is Verdict.YIELD


def test_a_caller_is_known_after_half_a_second_of_speech():
    caller = Caller()
    for window in sound("#" * 11).windows:
        caller.learn(window)
    assert caller.loudness is None
    caller.learn(window)
    assert caller.loudness and caller.loudness.level_db == pytest.approx(-20)

"""Voice-to-voice is read from the sound, to the sample."""

import numpy as np

from qa.call.script import RATE
from qa.call.sound import FRAME
from qa.call.turns import Turns


def play(caller: list[tuple[float, float]], bot: list[tuple[float, float]], *, part=None):
    """Feed both sides frame by frame, as (from, to) seconds of sound; return the events."""
    told: list[dict] = []
    turns = Turns(lambda kind, **data: told.append({"type": kind, **data}))
    end = max(stop for _, stop in caller + bot) + 2
    sides = []
    for stretches in (caller, bot):
        samples = np.zeros(int(end * RATE), np.int16)
        for start, stop in stretches:
            samples[int(start * RATE) : int(stop * RATE)] = 5000
        sides.append(samples)
    for first in range(0, len(sides[0]) - FRAME, FRAME):
        if part is not None and first <= part * RATE < first + FRAME:
            turns.part()
        turns.caller_said(first / RATE, sides[0][first : first + FRAME])
        turns.bot_said(first / RATE, sides[1][first : first + FRAME])
    return told


def answers(told):
    return [(e["turn"], e["voice_to_voice_ms"]) for e in told if e["type"] == "answered"]


def test_an_answer_is_timed_from_the_last_audible_sample_to_the_first():
    assert answers(play([(0.1003, 1.2345)], [(1.9876, 3.0)])) == [(1, 753)]


def test_a_bot_that_speaks_in_the_callers_pause_has_not_answered():
    told = play([(0.1, 1.0), (1.5, 2.0)], [(1.3, 1.4), (2.9, 3.5)])
    assert answers(told) == [(1, 900)]


def test_the_first_sound_of_an_answer_counts_and_only_that():
    assert answers(play([(0.1, 1.0)], [(2.0, 2.5), (4.0, 5.0)])) == [(1, 1000)]


def test_a_greeting_is_no_answer():
    assert answers(play([(2.0, 3.0)], [(0.1, 1.0), (3.5, 4.0)])) == [(1, 500)]


def test_a_caller_who_speaks_over_the_bot_barges_in():
    told = play([(0.1, 1.0), (3.0, 3.5)], [(2.0, 3.2), (4.0, 5.0)])
    assert [e["turn"] for e in told if e["type"] == "barge_in"] == [2]
    assert answers(told) == [(1, 1000), (2, 500)]


def test_a_new_line_is_a_new_turn_however_short_the_pause():
    told = play([(0.1, 1.0), (1.6, 2.0)], [(1.2, 1.7), (2.5, 3.0)], part=1.59)
    assert answers(told) == [(1, 200), (2, 500)]

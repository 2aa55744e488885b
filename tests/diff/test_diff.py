"""Two calls side by side: where a difference begins, and the page that shows it."""

import argparse
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from qa.diff import Call, Turn, call_of, compare
from qa.diff.command import main
from qa.diff.compare import Tolerances
from qa.diff.page import page
from qa.diff.turns import ToolCall
from qa.replay.misses import Miss
from qa.replay.tapes import open_tape
from qa.wer import word_errors
from sessions.tape import TapeHeader

CASSETTES = Path(__file__).parents[1] / "cassettes"
HEADER = TapeHeader("s", "consultation", "HIPAA", 1, "abc", 0)
GREETING = Turn(0, answered=0.5, spoke=1.0, said=["Hello."], asked=['{"messages": []}'])
FIRST = Turn(
    1,
    started=5.0,
    stopped=7.0,
    transcribed=7.1,
    ended=7.3,
    heard="i am allergic to penicillin",
    finals="i am allergic to penicillin",
    asked=['{"messages": [{"role": "user", "content": "i am allergic"}]}'],
    answered=7.8,
    written="Let me see.",
    tools=[ToolCall("find_allergies", {"id": 1}, {"allergies": []}, 7.9, 0.1)],
    requested=['{"transcript": "Let me see."}'],
    spoke=8.1,
    said=["Let me see."],
    sounded=1.5,
)


def call(**changes) -> Call:
    return Call(HEADER, [GREETING, replace(FIRST, **changes)])


@pytest.mark.parametrize(
    ("stage", "changes"),
    [
        ("vad", {"started": 5.2}),
        ("stt", {"finals": "i am a lurch", "heard": "i am a lurch"}),
        ("redaction", {"finals": "i am [NAME_1]", "heard": "i am [NAME_1]"}),
        ("turn", {"ended": 7.6, "answered": 8.1, "spoke": 8.4}),
        ("llm", {"asked": ['{"messages": [{"role": "user", "content": "I am"}]}']}),
        ("llm", {"answered": 8.1, "spoke": 8.4}),
        ("tools", {"tools": [ToolCall("find_allergies", {"id": 2}, {"allergies": []}, 7.9, 0.1)]}),
        ("tools", {"tools": [ToolCall("find_allergies", {"id": 1}, {"error": 1}, 7.9, 0.1)]}),
        ("tts", {"requested": ['{"transcript": "Let me look."}']}),
        ("output", {"interrupted": True}),
        ("output", {"sounded": 1.2}),
    ],
)  # fmt: skip
def test_a_difference_is_placed_where_it_begins(stage, changes):
    found = compare(call(), call(**changes))
    assert [(d.turn, d.stage) for d in found] == [(1, stage)]


def test_equal_calls_do_not_differ():
    assert compare(call(), call()) == []


def test_small_shifts_are_tolerated_and_named_tolerances_widen_that():
    assert compare(call(), call(stopped=7.01)) == []
    assert compare(call(), call(stopped=7.3)) != []
    assert compare(call(), call(stopped=7.3), Tolerances(stage_secs=0.4)) == []


def test_what_was_heard_of_a_cut_answer_may_differ_by_a_word():
    cut = {"interrupted": True}
    assert compare(call(said=["Let me"], **cut), call(said=["Let"], **cut)) == []
    assert compare(call(said=["Let me see it"], **cut), call(said=["Let"], **cut)) != []


def test_after_a_miss_what_is_lacking_is_no_difference_of_its_own():
    stopped = Call(HEADER, [GREETING])
    miss = Miss(0, 1.0, "llm", "system: other words")
    assert [str(d) for d in compare(call(), stopped, misses=[miss])] == [
        "turn 0, llm: system: other words"
    ]


def test_a_tape_is_read_into_turns():
    first, second = call_of(open_tape(CASSETTES / "tool-calls.mcap.sealed")).turns[1:]
    assert first.heard == "my name is [NAME_1] and my date of birth is [DATE_1]"
    assert [tool.name for tool in first.tools] == ["find_patient"]
    assert sorted(tool.name for tool in second.tools) == ["add_note", "find_allergies"]
    assert len(first.asked) == 2 and first.asked[0].startswith("{")
    assert 0.3 < first.voice_to_voice < 3
    assert set(first.spans()) == {"stt", "turn", "llm", "tts"}


def test_a_barge_in_is_an_interrupted_turn():
    turns = call_of(open_tape(CASSETTES / "barge-in.mcap.sealed")).turns
    assert turns[0].interrupted and not turns[-1].interrupted


def test_the_page_holds_both_calls_and_needs_nothing_else():
    a = open_tape(CASSETTES / "tool-calls.mcap.sealed")
    b = open_tape(CASSETTES / "plain-turns.mcap.sealed")
    html = page(a, b, compare(a, b), names=("then", "now"))
    assert "find_patient" in html and "good morning" in html and "data:audio/wav" in html
    assert "http://" not in html.replace("http://127.0.0.1", "") and "https://" not in html
    assert "/*DATA*/" not in html


def test_the_command_prints_json_and_exits_by_the_outcome():
    arguments = argparse.Namespace(
        a=CASSETTES / "tool-calls.mcap.sealed",
        b=CASSETTES / "plain-turns.mcap.sealed",
        html=None,
        json=True,
    )
    out = io.StringIO()
    assert main(arguments, out) == 1
    printed = json.loads(out.getvalue())
    assert not printed["same"] and set(printed["differences"][0]) == {"turn", "stage", "what"}


def test_the_word_error_rate_counts_what_the_ears_got_wrong():
    tape = open_tape(CASSETTES / "tool-calls.mcap.sealed")
    said = (
        "My name is Jordan Miller, and my date of birth is March fifth nineteen eighty two. "
        "I am allergic to penicillin."
    )
    assert word_errors(tape, said).rate == 0
    errors = word_errors(tape, said + " Do you hear?")
    assert (errors.deletions, errors.insertions, errors.substitutions) == (3, 0, 0)

import json

import pytest

from qa.redact import BadLine, redact_lines


def line(session, turn, bot, *segments):
    return json.dumps({"session": session, "turn": turn, "bot": bot, "segments": segments})


def test_turns_of_one_session_share_state():
    lines = [
        line("a", 1, "your name please", "it's alexander", "knight"),
        line("b", 1, "", "i saw doctor wolf"),
        line("a", 2, "thank you", "the knight on the chart is alexander's own"),
    ]
    out = [json.loads(x) for x in redact_lines(lines)]
    assert out[0]["text"] == "it's [NAME_1]" and out[0]["spans"] == [[5, 21, "NAME"]]
    assert out[1]["text"] == "i saw doctor [NAME_1]"
    assert "[NAME_1]'s own" in out[2]["text"]


def test_spans_are_offsets_into_the_segments_joined_by_one_space():
    segments = [" call me at five five five ", "two oh one", "three three four four"]
    (out,) = (json.loads(x) for x in redact_lines([line("a", 1, "", *segments)]))
    joined = "call me at five five five two oh one three three four four"
    assert [joined[a:b] for a, b, _ in out["spans"]] == [joined[11:]]


def test_a_bad_line_is_named_and_loses_no_other():
    lines = ["not json", "", '{"session": 1}', line("a", 1, "", "hello")]
    out = []
    with pytest.raises(BadLine, match="line 1, 3"):
        for text in redact_lines(lines):
            out.append(json.loads(text))
    assert [row.get("line") for row in out] == [1, 3, None]
    assert out[2]["text"] == "hello"

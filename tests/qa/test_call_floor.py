"""A caller does not speak while the bot still has something to say."""

import pytest

from qa.call.floor import RESULT_S, SPEECH_S, Floor

TOOL = {"tool_call_id": "1"}
FIRST_WORD = ("metrics", {"ttfat": [{"processor": "Mind#0"}]})


def after(*messages) -> Floor:
    floor = Floor()
    for kind, data in messages:
        floor.hear({"type": kind, "data": data}, 0.0)
    return floor


def test_a_silent_bot_that_owes_nothing_is_done():
    assert not after(("bot-started-speaking", None), ("bot-stopped-speaking", None)).busy(0.1)


@pytest.mark.parametrize(
    "messages",
    [
        [("bot-started-speaking", None)],
        [("bot-llm-started", None)],
        [("llm-function-call-in-progress", TOOL)],
        [("llm-function-call-in-progress", TOOL), ("llm-function-call-stopped", TOOL)],
    ],
    ids=["speaking", "thinking", "acting", "about to tell the result"],
)
def test_a_bot_that_goes_on_is_not_done(messages):
    assert after(*messages).busy(0.1)


def test_a_filler_that_is_spoken_after_a_fast_tool_is_not_the_answer():
    floor = after(
        ("llm-function-call-in-progress", TOOL),
        ("llm-function-call-stopped", TOOL),
        ("bot-started-speaking", None),
        ("bot-output", {"text": "One moment.", "spoken_status": "new"}),
        ("bot-stopped-speaking", None),
    )
    assert floor.busy(0.1)
    floor.hear({"type": FIRST_WORD[0], "data": FIRST_WORD[1]}, 1.0)
    assert floor.busy(1.1)
    floor.hear({"type": "bot-started-speaking"}, 1.5)
    floor.hear({"type": "bot-stopped-speaking"}, 2.5)
    assert not floor.busy(2.6)


def test_a_result_that_is_never_spoken_does_not_hold_the_caller_for_ever():
    floor = after(("llm-function-call-stopped", TOOL))
    assert floor.busy(RESULT_S - 0.1) and not floor.busy(RESULT_S)
    floor = after(("llm-function-call-stopped", TOOL), FIRST_WORD)
    assert floor.busy(SPEECH_S - 0.1) and not floor.busy(SPEECH_S)


def test_the_end_of_the_session_is_noticed():
    told = {"type": "server-message", "data": {"type": "ended", "reason": "put through"}}
    floor = Floor()
    floor.hear(told, 0.0)
    assert floor.ended == "put through"

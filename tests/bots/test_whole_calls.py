"""The bots that see: whole rehearsal calls over WebRTC, with real video tracks."""

import json
import re

import pytest

from tests.support.runner import run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    """Calls a bot once; returns its summary and what a person saw of the call."""
    made = {}

    def once(bot: str):
        if bot not in made:
            tapes = tmp_path_factory.mktemp(bot)
            done = run("call", bot, "--json", tapes=tapes, within=240)
            assert done.returncode == 0, done.stderr[-3000:]
            made[bot] = json.loads(done.stdout.splitlines()[-1]), done.stderr
        return made[bot]

    return once


BOTS = ("concierge", "ops", "vision_copilot")


@pytest.mark.parametrize("bot", BOTS)
def test_the_call_is_heard_answered_and_disclosed(call, bot):
    summary, shown = call(bot)
    assert summary["errors"] == []
    assert summary["disclosed_first"] is True
    assert summary["turns"] >= 3
    assert "no answer to that" not in shown and "Traceback" not in shown


@pytest.mark.parametrize("bot", BOTS)
def test_the_model_was_shown_pictures_and_none_was_stale(call, bot):
    summary, _ = call(bot)
    assert summary["shown"] >= 3
    assert summary["oldest_shown_ms"] <= 3000


def test_the_concierge_says_what_is_held_now_and_not_what_was(call):
    _, shown = call("concierge")
    first = shown.index("something round and red, it looks like a ball.")
    assert shown.index("That is a green box.") > first


def test_ops_speaks_up_and_alerts_when_a_van_comes_to_the_gate(call):
    summary, shown = call("ops")
    empty = shown.index("The yard is empty")
    came = shown.index("red has come to the gate, on the right")
    assert empty < shown.index("⚑ alert, warning: rehearsed") < came
    assert summary["tool_calls"] == 1 and "The alert is out." in shown


def test_the_copilot_sees_reads_and_warns_unasked(call):
    _, shown = call("vision_copilot")
    saw = shown.index("something blue on the left")
    read = shown.index("manual says 12 newton metres")
    warned = shown.index("Stop, there is an electric warning sign")
    assert saw < read < warned
    between = shown[shown.index("cabinet opens on a warning sign") : warned]
    assert not re.search(r"\bCaller\b", between), "it was not asked"

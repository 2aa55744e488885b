"""The same call up to a turn, then another model or prompt."""

from pathlib import Path

import pytest

from qa.diff import call_of, compare
from qa.fork import ForkError, fork, rewriting
from qa.replay.player import replay
from qa.replay.tapes import open_tape

CASSETTES = Path(__file__).parents[1] / "cassettes"


@pytest.mark.slow
def test_a_fork_is_the_same_call_up_to_its_turn_and_a_tape_of_its_own(tmp_path):
    tape = open_tape(CASSETTES / "barge-in.mcap.sealed")
    save = tmp_path / "fork.mcap.sealed"
    result = fork(tape, at=2, llm="anthropic/claude-haiku-4-5", instruction="Brief.", save=save)
    assert not result.error and not result.refused
    before, after = call_of(tape).turns, call_of(result.tape).turns
    assert [t.written for t in after[:2]] == [t.written for t in before[:2]]
    assert after[2].written and after[2].said
    (tmp_path / "local.key").write_bytes((CASSETTES / "local.key").read_bytes())
    again = open_tape(save)
    assert again.header.facts["replay_of"] == tape.path.name
    assert compare(again, replay(again).tape) == []


def test_a_fork_changes_model_and_instruction_of_both_protocols():
    change = rewriting("anthropic/claude-x", "Brief.")
    body = change('{"model": "m", "max_tokens": 9, "system": [{"type": "text", "text": "Long."}]}')
    assert '"claude-x"' in body and "Brief." in body and "Long." not in body
    body = rewriting(None, "Brief.")('{"model": "m", "messages": [{"role": "user"}]}')
    assert '"system"' in body and '"m"' in body


def test_a_fork_does_not_change_protocols():
    with pytest.raises(ForkError, match="casting"):
        rewriting("openai/gpt-5", None)('{"model": "m", "max_tokens": 9}')
    with pytest.raises(ForkError, match="neither"):
        rewriting("google/gemini", None)

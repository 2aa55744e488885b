"""A cassette is made from any tape: the same course, and nobody of the call in it."""

import shutil
from pathlib import Path

import pytest

from qa.cassettes.caller import Line
from qa.cassettes.make import MakeError, make, scenario_of
from qa.cassettes.record import Scenario, load_scenarios
from qa.replay.report import How, replay_file
from qa.replay.tapes import open_tape

CASSETTES = Path(__file__).parents[1] / "cassettes"


def tape_of(name):
    return open_tape(CASSETTES / f"{name}.mcap.sealed")


def test_what_was_said_typed_and_talked_over_is_the_scenario():
    typed = scenario_of(tape_of("typed-text"), "x")
    assert [line.type for line in typed.lines] == ["hello", "please let me talk to a nurse"]
    over = scenario_of(tape_of("barge-in"), "x")
    assert [line.say for line in over.lines] == ["good morning", "i have a rash on my arm"]
    assert all(line.barge_in for line in over.lines)


def test_identifiers_become_invented_ones(monkeypatch):
    monkeypatch.setattr("qa.cassettes.make.INVENTED", {"NAME": ["ada"], "DATE": ["may first"]})
    lines = scenario_of(tape_of("tool-calls"), "x").lines
    assert lines[0].say == "my name is ada and my date of birth is may first"


def test_a_kind_for_which_nothing_is_invented_is_refused(monkeypatch):
    monkeypatch.setattr("qa.cassettes.make.INVENTED", {"NAME": ["ada"]})
    with pytest.raises(MakeError, match="DATE_1"):
        scenario_of(tape_of("tool-calls"), "x")


@pytest.mark.slow
def test_a_made_cassette_replays_and_joins_its_folder(tmp_path):
    shutil.copy(CASSETTES / "local.key", tmp_path)
    cassette = make(tape_of("barge-in"), "made", tmp_path)
    assert replay_file(cassette, How()).same
    (scenario,) = load_scenarios(tmp_path / "scenarios.yaml")
    assert scenario.lines == scenario_of(tape_of("barge-in"), "made").lines
    with pytest.raises(MakeError, match="another name"):
        make(tape_of("barge-in"), "made", tmp_path)


@pytest.mark.slow
def test_words_the_rehearsal_cannot_hear_are_refused(tmp_path, monkeypatch):
    spoken = Scenario("odd", "consultation", [Line(say="purple giraffes juggle quietly")])
    monkeypatch.setattr("qa.cassettes.make.scenario_of", lambda *_: spoken)
    with pytest.raises((MakeError, TimeoutError)):
        make(tape_of("barge-in"), "odd", tmp_path)
    assert not list(tmp_path.glob("*.mcap*"))

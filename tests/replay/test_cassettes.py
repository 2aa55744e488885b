"""Cassettes are rehearsed in virtual time, the same every time."""

from pathlib import Path

import pytest

from qa.cassettes.record import load_scenarios, record
from qa.diff import compare
from qa.replay.tapes import open_tape

CASSETTES = Path(__file__).parents[1] / "cassettes"


def test_every_scenario_has_its_cassette_and_no_other():
    names = {scenario.name for scenario in load_scenarios(CASSETTES / "scenarios.yaml")}
    assert names == {path.name.split(".")[0] for path in CASSETTES.glob("*.mcap*")}


@pytest.mark.slow
def test_recording_a_cassette_twice_gives_the_same_call(tmp_path):
    scenario = next(s for s in load_scenarios(CASSETTES / "scenarios.yaml") if s.name == "barge-in")
    one = record(scenario, tmp_path / "one")
    two = record(scenario, tmp_path / "two")
    one, two = open_tape(one), open_tape(two)
    assert compare(one, two) == []
    assert _sounds(one) == _sounds(two)


def _sounds(tape):
    return [(m.clock_ns, m.bytes) for m in tape.messages("/caller/audio", "/bot/audio")]

"""Everything the house has keeps its rules, and the kit notices whoever breaks one."""

import argparse
import io

import pytest

from qa.conformance import TargetError, add_arguments, conform, main
from qa.conformance_cast import SERVICES, house_processors, house_tools

SPECIMENS = "tests.kit.specimens"


def broken(target: str) -> dict[str, str]:
    return {finding.rule: finding.why for finding in conform(target) if not finding.fine}


@pytest.mark.parametrize("target", house_processors())
def test_a_processor_of_the_house_keeps_the_rules(target):
    assert broken(target) == {}


@pytest.mark.slow
@pytest.mark.parametrize("target", [*house_tools(), *SERVICES])
def test_a_tool_or_service_of_the_house_keeps_the_rules(target):
    assert broken(target) == {}


def test_a_part_that_only_passes_everything_on_keeps_the_rules():
    assert broken(f"{SPECIMENS}:Good") == {}


@pytest.mark.parametrize(
    ("specimen", "rule"),
    [
        ("SlowOnSystem", "waits on no system frame"),
        ("Blocking", "waits on no system frame"),
        ("Deaf", "passes what it does not know"),
        pytest.param("Endless", "starts and stops", marks=pytest.mark.slow),
        ("Uninterrupted", "is interrupted"),
        ("LeavesTask", "starts and stops"),
        ("Swallows", "is cancelled"),
        ("Talkative", "logs no content"),
        ("Failing", "reports no failure"),
    ],
)
def test_a_processor_that_breaks_a_rule_is_found_out(specimen, rule):
    assert rule in broken(f"{SPECIMENS}:{specimen}")


@pytest.mark.parametrize(
    ("specimen", "rule"),
    [
        ("mute_tool", "says what it is for"),
        ("silent_tool", "answers, or says why not"),
        ("waiting_tool", "answers, or says why not"),
        ("raising_tool", "answers, or says why not"),
        ("talkative_tool", "logs no content"),
    ],
)
def test_a_tool_that_breaks_a_rule_is_found_out(specimen, rule):
    assert rule in broken(f"{SPECIMENS}:{specimen}")


def test_a_part_that_asks_the_wall_for_the_time_is_seen_to_and_told_the_line():
    whys = broken("tests.kit.specimen_of_a_clock:Timely")
    assert "takes no time from the wall" in whys
    why = whys["reads no clock and draws no lots of its own"]
    assert "time.time()" in why and "session.clock" in why


@pytest.mark.parametrize("target", ["nowhere:Nothing", f"{SPECIMENS}:Nobody", "no target"])
def test_a_target_that_is_not_there_is_refused_with_the_form_of_one(target):
    with pytest.raises(TargetError, match="module:name"):
        conform(target)


def test_a_part_that_wants_more_than_a_session_is_told_how_to_be_built():
    with pytest.raises(TargetError, match=r"def mine\(session\)"):
        conform(f"{SPECIMENS}:Needy")


def test_the_command_says_which_rule_is_broken_and_fails():
    options = argparse.ArgumentParser()
    add_arguments(options)
    out = io.StringIO()
    assert main(options.parse_args([f"{SPECIMENS}:Deaf"]), out) == 1
    assert "passes what it does not know: " in out.getvalue()

"""Each bot can be rehearsed: it says what it is, and its script can be performed."""

import pytest

import bots
from qa.call.script import lines_of
from services.casting import parse
from services.rehearsal.script import load


@pytest.mark.parametrize("name", bots.names())
def test_a_bot_says_what_it_is_in_one_line_and_fits_a_page(name):
    first = bots.about(name)
    assert first.endswith(".") and ": " in first and len(first) <= 100
    source = (bots.FOLDER / f"{name}.py").read_text().splitlines()
    assert 40 <= len(source) <= 65


@pytest.mark.parametrize("name", bots.names())
def test_the_caller_of_a_script_can_do_its_lines_and_the_ears_know_them(name):
    script = load(name)
    lines = lines_of(script)
    assert {line.say for line in lines if line.say} <= set(script.vocabulary)
    assert script.rules[0].greet and "rehearsal" in script.rules[0].say


@pytest.mark.parametrize("name", bots.names())
def test_every_part_is_cast_from_one_string(name):
    castings = bots.casting(name)
    assert castings and all(parse(model, stage=stage) for stage, model in castings)

"""A bot of one's own: what `new` makes, what it refuses, and what is the team's in it."""

import ast

import pytest

import bots
from qa.call.script import lines_of
from qa.new import SHAPES, NewError, new, own_lines, require_free, shapes
from services.casting import parse
from services.rehearsal.script import load
from tests.benchmarks.scaffold import NAME, in_checkout, measure

VARIANTS = ("legal_intake", "financial_review")


@pytest.mark.parametrize("shape", shapes())
def test_a_shape_fits_a_page_and_little_of_it_is_the_teams(shape):
    source = (SHAPES / f"{shape}.py").read_text()
    assert 40 <= len(source.splitlines()) <= 65
    assert 10 <= len(own_lines(source)) <= 40


@pytest.mark.parametrize("shape", shapes())
def test_a_shape_comes_with_a_rehearsal_that_its_ears_know(shape):
    script = load(shape, scripts=SHAPES)
    assert {line.say for line in lines_of(script) if line.say} <= set(script.vocabulary)
    assert script.rules[0].greet and "rehearsal" in script.rules[0].say


@pytest.mark.parametrize("shape", shapes())
def test_a_shape_casts_what_there_is(shape):
    tree = ast.parse((SHAPES / f"{shape}.py").read_text())
    strings = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    castings = [s for s in strings if isinstance(s, str) and s.startswith(("deepgram/", "openai/"))]
    assert [parse(s, stage="stt" if s.startswith("deepgram") else "speech") for s in castings]


def test_own_lines_are_the_docstring_and_what_is_marked():
    source = '"""Mine.\n\nToo.\n"""\nimport x\n# yours: all\na = 1\n# the house\'s\nb = 2\n'
    assert own_lines(source) == ['"""Mine.', "", "Too.", '"""', "a = 1"]


@pytest.fixture
def root(tmp_path):
    for folder in ("bots", "tests/evals", "tests/cassettes"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "tests/cassettes/scenarios.yaml").write_text("calls:\n  bot: consultation\n")
    (tmp_path / "bots/taken.py").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("Front-Desk", "front_desk"),
        ("front desk", "front_desk"),
        ("7up", "up"),
        ("class", "class_bot"),
        ("../etc", "etc"),
        ("", "front_desk"),
        ("x" * 60, "x" * 20),
    ],
)
def test_a_name_that_is_none_is_refused_with_one_that_is(root, name, better):
    with pytest.raises(NewError, match=f"Call it {better}"):
        new(name, shape="consultation", root=root)
    assert [path.name for path in (root / "bots").iterdir()] == ["taken.py"]


@pytest.mark.parametrize("name", ["taken", "calls"])
def test_nothing_is_overwritten(root, name):
    with pytest.raises(NewError, match="nothing is overwritten"):
        new(name, shape="consultation", root=root)


def test_a_name_is_taken_by_a_cassette_too(root):
    cassette = root / "tests/cassettes/mine.mcap.sealed"
    cassette.touch()
    with pytest.raises(NewError, match="mine.mcap.sealed"):
        require_free("mine", [cassette], root / "tests/cassettes/scenarios.yaml")


def test_a_shape_that_is_none_is_refused_with_those_there_are(root):
    with pytest.raises(NewError, match="consultation, copilot"):
        new("mine", shape="oracle", root=root)


def test_what_cannot_be_rehearsed_leaves_nothing_behind(root, monkeypatch):
    def deaf(*_):
        raise TimeoutError

    monkeypatch.setattr("qa.new._rehearse", deaf)
    with pytest.raises(TimeoutError):
        new("mine", shape="consultation", root=root)
    assert not [*root.rglob("mine*")]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_of_the_consultation_is_instruction_tools_and_policy_alone(name):
    def houses(source: str) -> list[str]:
        own = own_lines(source)
        lines = [line for line in source.splitlines() if line and line not in own]
        return [x for x in lines if not x.startswith(("from sessions", "from dataclasses"))]

    source = (bots.FOLDER / f"{name}.py").read_text()
    assert houses(source) == houses((SHAPES / "consultation.py").read_text())
    assert len(own_lines(source)) <= 40


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_has_a_policy_of_its_own_that_redacts_and_seals(name):
    policy = bots.load(name).POLICY
    assert policy.redact and policy.sealed and not policy.interims
    assert policy.name not in ("EU", "HIPAA")


@pytest.mark.slow
def test_a_new_bot_is_green_offline_and_is_not_made_twice(tmp_path):
    made = measure(tmp_path / "clone", "meeting")
    assert made["own_lines"] <= 40 and made["lines"] <= 65
    with pytest.raises(AssertionError, match="nothing is overwritten"):
        in_checkout(tmp_path / "clone", "runner.py", "new", NAME, "--shape", "meeting")

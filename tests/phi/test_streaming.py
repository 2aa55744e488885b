import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loguru import logger

from sessions.phi import PHIEngine, PHIFirewall
from tests.phi.dialogues import turns

ENGINE = PHIEngine()
turn = st.sampled_from(turns())


def streamed(bot: str, segments: list[str]) -> str:
    firewall = PHIFirewall(engine=ENGINE)
    firewall.heard(bot)
    return " ".join(" ".join([*map(firewall.feed, segments), firewall.flush()]).split())


@settings(max_examples=150, deadline=None)
@given(pair=st.tuples(turn, turn), data=st.data())
def test_split_anywhere_equals_unsplit(pair, data):
    (bot, one), (_, other) = pair
    words = f"{one} {other}".split()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(words)), max_size=5)) | {0, len(words)})
    segments = [" ".join(words[a:b]) for a, b in zip(cuts, cuts[1:])]
    whole = PHIFirewall(engine=ENGINE).redact(" ".join(words), prompt=bot)
    assert streamed(bot, segments) == " ".join(whole.text.split())


@settings(max_examples=100, deadline=None)
@given(pair=turn, data=st.data())
def test_a_flush_in_mid_identifier_is_patched_by_the_second_pass(pair, data):
    bot, text = pair
    words = text.split()
    cut = data.draw(st.integers(0, len(words)))
    whole = PHIFirewall(engine=ENGINE)
    whole.heard(bot)
    hidden = {i for s in whole.redact(text).spans for i in range(s.start, s.end)}
    firewall = PHIFirewall(engine=ENGINE)
    firewall.heard(bot)
    for half in (words[:cut], words[cut:]):
        firewall.feed(" ".join(half))
        firewall.flush()
    firewall.second_pass()
    assert hidden <= {i for s in firewall.turn.spans for i in range(s.start, s.end)}


def test_an_open_tail_is_held_until_it_closes():
    firewall = PHIFirewall(engine=ENGINE)
    assert firewall.feed("my number is five five five") == ""
    assert firewall.feed("one two one two") == ""
    assert firewall.flush() == "my number is [PHONE_1]"


def test_plain_text_passes_before_the_end_of_the_turn():
    firewall = PHIFirewall(engine=ENGINE)
    said = "i would like to know when you are open and what i should do about my"
    assert firewall.feed(said).startswith("i would like to know")


def test_a_name_heard_later_in_the_turn_is_patched_in_what_came_before():
    firewall = PHIFirewall(engine=ENGINE)
    firewall.heard("tell me more")
    said = firewall.feed(
        "the form from bishop came but i could not read what was written there at all"
    )
    said += " " + firewall.feed("his name is walter bishop") + firewall.flush()
    assert firewall.second_pass(said).count("[NAME_1]") == 2


def test_a_question_without_an_answer_stands_for_one_more_turn():
    firewall = PHIFirewall(engine=ENGINE)
    firewall.heard("what is your date of birth")
    firewall.feed("hang on")
    firewall.second_pass()
    firewall.heard("sure")
    assert firewall.redact("seven four fifty seven").text == "[DATE_1]"


class Broken(PHIEngine):
    def analyse(self, text, **_):
        if "jane" in text:
            raise RuntimeError(f"cannot read {text}")
        return []


@settings(max_examples=40, deadline=None)
@given(text=turn.map(lambda pair: f"{pair[1]} jane doe"))
def test_a_crash_of_the_engine_blocks_the_text_and_logs_none_of_it(text):
    lines: list[str] = []
    sink = logger.add(lines.append, level=0)
    try:
        firewall = PHIFirewall(engine=BROKEN)
        assert firewall.redact(text).text == "[REDACTED]"
        passed = [firewall.feed(text), firewall.flush(), firewall.second_pass()]
        assert "jane" not in " ".join(passed) and "[REDACTED]" in passed
        assert firewall.redact_data({"note": text}) == "[REDACTED]"
    finally:
        logger.remove(sink)
    assert lines and not any("jane" in line for line in lines)


BROKEN = Broken.__new__(Broken)


@pytest.mark.parametrize("text", ["", "   ", "\n", "...", "[NAME_1]", "ß" * 50, "0" * 300])
def test_odd_texts_do_no_harm(text):
    firewall = PHIFirewall(engine=ENGINE)
    firewall.feed(text)
    firewall.flush()
    firewall.second_pass()
    assert "[REDACTED]" not in firewall.redact(text).text


def test_no_turn_of_the_fixtures_is_blocked():
    for bot, text in turns():
        assert "[REDACTED]" not in PHIFirewall(engine=ENGINE).redact(text, prompt=bot).text, text

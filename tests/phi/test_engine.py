import json

import pytest

from sessions.phi import PHIEngine, PHIFirewall
from tests.benchmarks.redaction import Score, dialogues, over_redaction, run
from tests.phi.dialogues import DATA, spoken

KINDS = [
    ("what is your name", "it's jill wilson", "jill wilson", "NAME"),
    ("", "i saw doctor bradshaw last week", "bradshaw", "NAME"),
    ("", "my son dean has asthma", "dean", "NAME"),
    ("could you spell that", "m o l i n a", "m o l i n a", "NAME"),
    ("could you spell that", "w as in william a l k e r", "w as in william a l k e r", "NAME"),
    ("", "my number is five five three uh six two oh thirty thirteen", "five five three uh six two oh thirty thirteen", "PHONE"),
    ("", "call me at (415) 555-0132 please", "415) 555-0132", "PHONE"),
    ("", "fax it to double six seven six two one zero two zero", "double six seven six two one zero two zero", "FAX"),
    ("last four of your social", "ninety five oh eight", "ninety five oh eight", "SSN"),
    ("", "my m r n is five one six zero one", "five one six zero one", "MRN"),
    ("read me your member id", "d p v nine five one five", "d p v nine five one five", "HEALTHPLAN"),
    ("", "visa ending in sixteen ninety one", "sixteen ninety one", "ACCOUNT"),
    ("", "my driver's license is h three six nine seven", "h three six nine seven", "LICENSE"),
    ("", "my car plate is h r p four six eight six", "h r p four six eight six", "VEHICLE"),
    ("", "the serial number is r m three four eight", "r m three four eight", "DEVICE"),
    ("", "the claim number is g m one three nine five", "g m one three nine five", "ID"),
    ("", "it says one eight dot two oh seven dot one hundred six dot two", "one eight dot two oh seven dot one hundred six dot two", "IP"),
    ("", "my email is b patrick at comcast dot net", "b patrick at comcast dot net", "EMAIL"),
    ("", "it is on w w w dot kristy photos dot org", "w w w dot kristy photos dot org", "URL"),
    ("date of birth", "seven four nineteen fifty seven", "seven four nineteen fifty seven", "DATE"),
    ("", "i was born the thirteenth of november two thousand and four", "the thirteenth of november two thousand and four", "DATE"),
    ("", "i live at fifty thirty willow drive apartment six", "fifty thirty willow drive apartment six", "GEO"),
    ("", "i live in des moines", "des moines", "GEO"),
    ("your zip code", "zero four one two five", "zero four one two five", "GEO"),
    ("", "my mother is ninety seven years old", "ninety seven", "AGE"),
]  # fmt: skip


@pytest.mark.parametrize(("bot", "text", "value", "label"), KINDS)
def test_every_kind_is_found_in_full(bot, text, value, label):
    spans = PHIFirewall().redact(text, prompt=bot).spans
    assert [(text[s.start : s.end], s.label) for s in spans] == [(value, label)]


@pytest.mark.parametrize(
    "text",
    [
        "my blood pressure was one forty two over ninety this morning",
        "i take ten units of insulin twice a day",
        "my temperature was one oh one point four",
        "call nine one one if it gets worse",
        "my vision is twenty twenty",
        "i rose too fast and hope it will pass",
        "can you mark that on the chart",
        "it started in march and i am seventy two years old",
        "we moved here from texas in nineteen ninety eight",
        "i had two kids and one miscarriage",
    ],
)
def test_ordinary_numbers_and_words_stay(text):
    assert PHIFirewall().redact(text).spans == []


def test_sound_alikes_are_read_by_what_stands_around_them():
    firewall = PHIFirewall()
    said = "for oh three ate five won to six seven nine"
    assert firewall.redact(said, prompt="your phone number").text == "[PHONE_1]"
    assert firewall.redact("i ate two for lunch and won three games").spans == []


def test_the_profile_must_exist():
    with pytest.raises(ValueError, match="strict"):
        PHIEngine("lenient")  # type: ignore[arg-type]


def test_only_strict_takes_an_unknown_word_for_a_name():
    text = "then zorblaxian came along"
    assert PHIFirewall("strict").redact(text).spans
    assert not PHIFirewall("balanced", engine=PHIEngine("balanced", tagger=None)).redact(text).spans


def test_dialogues_of_strangers_keep_the_floor():
    for path in DATA.glob("strangers_*.json"):
        score, _ = run(dialogues([path])[::4], "strict")
        assert score.recall >= 97, (path.name, score.by_label())


def test_hand_written_turns_keep_the_floor():
    score, engine = Score(), PHIEngine()
    for bot, text, gold in spoken():
        spans = PHIFirewall(engine=engine).redact(text, prompt=bot).spans
        score.add(text, gold, [(s.start, s.end, s.label) for s in spans])
    assert score.recall >= 94, score.by_label()


def test_clinical_talk_without_identifiers_is_left_alone():
    assert over_redaction("strict") <= 0.3


def test_fixtures_hold_no_turn_without_text():
    for path in DATA.glob("*.json"):
        assert all(turn["text"] for d in json.loads(path.read_text()) for turn in d["turns"])

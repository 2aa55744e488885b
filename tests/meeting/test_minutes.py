"""Minutes hold only what was said, by whom it was said, and nobody who was only spoken of."""

import datetime
import json

import pytest

from processors.meeting.export import to_calendar, to_json, to_markdown
from processors.meeting.minutes import request, verified
from sessions.transcript import Transcript


@pytest.fixture
def transcript():
    made = Transcript()
    made.join("p1", "Ana", at_ms=0)
    made.join("p2", "Ana", at_ms=0)
    made.join("p3", None, at_ms=10)
    made.add("p1", "we decided to ship on june 3", start_ms=61_000, end_ms=63_000)
    made.add("p2", "i will call bob about the invoice", start_ms=64_000, end_ms=66_000)
    made.add("p3", "the budget is tight", start_ms=3_661_000, end_ms=3_662_000)
    return made


def test_the_model_is_given_ids_speakers_and_words_in_the_order_they_were_said(transcript):
    assert request(transcript).splitlines()[1:] == [
        "[s2] Ana #2: i will call bob about the invoice",
        "[s3] Unknown speaker: the budget is tight",
    ]


def test_two_people_of_one_name_are_two_people(transcript):
    assert [a.name for a in transcript.attendees.values()] == ["Ana", "Ana #2", None]


@pytest.mark.parametrize("ids", ["s9", "", "segment 1", "S"])
def test_a_line_whose_evidence_does_not_resolve_is_left_out_and_counted(transcript, ids):
    minutes = verified(transcript, f"DECISION [{ids}] We ship on June 3.")
    assert minutes.lines == () and minutes.dropped == 1


def test_an_id_that_does_not_exist_is_taken_from_a_line_that_has_others(transcript):
    (line,) = verified(transcript, "DECISION [s1, s44] We ship on June 3.").lines
    assert [s.id for s in line.evidence] == ["s1"]


def test_who_is_only_mentioned_is_never_present(transcript):
    text = "ACTION [s2] Call Bob about the invoice. (owner: Bob)\nNOTE [s3] Zoe was there."
    minutes = verified(transcript, text)
    assert [a.name for a in minutes.attendees] == ["Ana", "Ana #2", None]
    assert minutes.lines[0].owner == "Bob (not present)"
    assert "Present: Ana, Ana #2, somebody unknown." in to_markdown(minutes)


@pytest.mark.parametrize(
    ("owner", "kept"), [("Ana #2", "Ana #2"), ("ana", None), ("Zoe", None), ("", None)]
)
def test_an_owner_stays_only_if_the_evidence_says_so(transcript, owner, kept):
    text = f"ACTION [s2] Call about the invoice. (owner: {owner}; due: 2026-06-03)"
    (line,) = verified(transcript, text).lines
    assert line.owner == kept and line.due == "2026-06-03"


def test_a_date_that_is_none_is_left_out(transcript):
    (line,) = verified(transcript, "ACTION [s2] Call about the invoice. (due: next week)").lines
    assert line.due is None and line.text == "Call about the invoice."


@pytest.mark.parametrize(
    ("text", "weak"),
    [
        ("We decided to ship on June 3.", False),
        ("Ship on June 4.", True),
        ("Marketing buys seventy chairs.", True),
    ],
)
def test_a_line_that_its_evidence_does_not_bear_out_is_marked(transcript, text, weak):
    (line,) = verified(transcript, f"DECISION [s1] {text}").lines
    assert line.weak is weak
    assert ("to be checked" in to_markdown(verified(transcript, f"NOTE [s1] {text}"))) is weak


def test_every_line_says_who_said_so_and_when(transcript):
    text = to_markdown(
        verified(transcript, "DECISION [s1] Ship on June 3.\nNOTE [s3] Budget tight.")
    )
    assert "- Ship on June 3. — Ana 01:01 [s1]" in text
    assert "- Budget tight. — Unknown speaker 1:01:01 [s3]" in text


def test_the_calendar_holds_the_actions_and_its_rows_fold_as_the_standard_has_it(transcript):
    text = f"ACTION [s2] Call, and; ask \u00fcber {'the invoice ' * 12}(due: 2026-06-03)"
    made_at = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)
    made = to_calendar(verified(transcript, text), session="x", made_at=made_at)
    assert all(len(row.encode()) <= 75 for row in made.split("\r\n"))
    rows = made.replace("\r\n ", "").split("\r\n")
    assert rows[0] == "BEGIN:VCALENDAR" and rows[-2:] == ["END:VCALENDAR", ""]
    assert "DUE;VALUE=DATE:20260603" in rows and "DTSTAMP:20260501T000000Z" in rows
    assert any(row.startswith("SUMMARY:Call\\, and\\; ask \u00fcber") for row in rows)


def test_the_json_holds_unknown_speakers_as_unknown(transcript):
    data = json.loads(json.dumps(to_json(verified(transcript, "NOTE [s3] The budget is tight."))))
    assert data["lines"][0]["evidence"][0] == {
        "segment": "s3",
        "participant": "p3",
        "speaker": None,
        "start_ms": 3_661_000,
        "end_ms": 3_662_000,
        "text": "the budget is tight",
        "shown": False,
    }

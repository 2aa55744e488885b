"""The numbers a call ends with."""

import io
import json

import pytest

from qa.call.leaks import found
from qa.call.summary import REPORTED, Tally
from qa.call.view import View
from qa.call.waterfall import parts, waterfall

DISCLOSURE = "You are speaking with an AI assistant."
TURN = {
    "type": "turn",
    "n": 1,
    "endpointing_ms": 300,
    "asr_ms": 100,
    "model_ms": 500,
    "tool_ms": 0,
    "tts_ms": 100,
    "other_ms": 5,
    "total_ms": 1005,
}


def rtvi(at: float, kind: str, **data):
    return {"type": "rtvi", "at": at, "message": {"type": kind, "data": data}}


def session():
    return rtvi(0.5, "server-message", type="session", disclosure=DISCLOSURE)


def caption(at: float, text: str, *, spoken: str | None = None, segment: int = 1):
    spoken = text if spoken is None else spoken
    status = "completed" if spoken == text else "in-progress"
    progress = {"accumulated_text": spoken, "remaining_text": text[len(spoken) :]}
    data = {"segment_id": segment, "spoken_status": status, "spoken_progress": progress}
    return rtvi(at, "bot-output", text=text, **data)


def tally(*events):
    tally = Tally()
    for event in events:
        tally.take(event)
    return tally.summary


def bot_speaks(at: float):
    return {"type": "speech", "who": "bot", "turn": 0, "at": at}


def test_a_disclosure_that_is_heard_whole_and_first_counts():
    heard = [caption(1.0, DISCLOSURE), caption(3.0, "Hello.", segment=2)]
    assert tally(session(), bot_speaks(1.05), *heard).disclosed_first


@pytest.mark.parametrize(
    "events",
    [
        [bot_speaks(1.05), caption(1.0, "Hello."), caption(2.0, DISCLOSURE, segment=2)],
        [bot_speaks(1.05), caption(1.0, DISCLOSURE, spoken="You are speaking")],
        [bot_speaks(1.05), caption(4.0, DISCLOSURE)],
        [caption(1.0, DISCLOSURE)],
        [],
    ],
    ids=["second", "cut short", "after other sound", "never audible", "missing"],
)
def test_a_disclosure_that_is_not_heard_whole_and_first_does_not_count(events):
    assert not tally(session(), *events).disclosed_first


def test_a_turn_is_heard_once_however_many_transcripts_it_has():
    one = {"type": "speech", "who": "caller", "turn": 1, "at": 1.0}
    two = {"type": "typed", "turn": 2, "at": 5.0}
    said = [rtvi(t, "user-input", text="hi", final=True) for t in (1.5, 2.0)]
    assert tally(one, *said, two).turns == 1
    assert tally(one, *said, two, *said).turns == 2


def test_a_tool_call_is_counted_once_whichever_way_it_is_told():
    told = [rtvi(1, "server-message", type="tool", name="x", status=s) for s in ("called", "done")]
    assert tally(*told, rtvi(1, "llm-function-call-stopped", tool_call_id="1")).tool_calls == 1


def test_the_json_line_holds_what_scripts_rely_on():
    summary = tally({"type": "failed", "at": 1, "error": "The bot said nothing."})
    line = json.loads(summary.to_json())
    assert list(line) == list(REPORTED)
    assert line["errors"] == ["The bot said nothing."]
    assert line["phi_in_model_requests"] is None


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        ("Jordan Miller", "my name is jordan miller, hello"),
        ("555-0123", "call five five five oh one two three"),
        ("five five five zero one two three", "call (555) 0123"),
        ("555 0123", "id5550123x"),
        ("jordan at example dot org", "mail jordan@example.org"),
    ],
)
def test_an_identifier_is_found_in_each_of_its_forms(identifier, text):
    assert found([identifier], [text]) == [identifier]


@pytest.mark.parametrize(
    ("identifier", "text"),
    [("Ann", "planning"), ("Jordan Miller", "[NAME_1] is a miller"), ("1982", "19 8 3"), ("", "x")],
)
def test_what_only_resembles_an_identifier_is_none(identifier, text):
    assert found([identifier], [text]) == []


def test_what_the_server_cannot_account_for_was_spent_on_the_way():
    assert parts(TURN, 1105)["transport"] == 100
    assert parts(TURN, 900)["transport"] == 0
    assert parts(None, 900) == {}


def test_a_waterfall_is_proportional_and_fits_its_line():
    line = waterfall(TURN, 1105, width=120, colours=False).plain
    assert line.startswith(" 1105 ms ") and line.endswith("transport 100")
    bar = line.split()[2]
    assert bar == "e" * bar.count("e") + "a" * bar.count("a") + bar.lstrip("ea")
    assert bar.count("m") > bar.count("e") > bar.count("a")
    for width in (69, 80, 100):
        assert len(waterfall(TURN, 12345, width=width, colours=True).plain) <= width


def test_plain_output_has_no_terminal_codes_and_tells_the_call():
    out = io.StringIO()
    with View(out, title="Calling parrot") as view:
        view.show({"type": "dialling", "at": 0.0, "step": "server"})
        view.show(session())
        view.show({"type": "connected", "at": 0.6, "session": "s"})
        view.show(caption(1.0, DISCLOSURE))
        view.show(rtvi(3.0, "user-input", text="good morning", final=True))
        answered = {"turn": 1, "caller_end": 2.9, "voice_to_voice_ms": 1105}
        view.show({"type": "answered", "at": 4.0, **answered})
        view.show(rtvi(4.1, "server-message", **TURN))
        view.show(rtvi(4.2, "server-message", type="tool", name="find", status="done", ms=84))
        view.show({"type": "ended", "at": 5.0, "reason": "the last line was answered"})
    view.summarise(tally(session()))
    text = out.getvalue()
    assert "\x1b" not in text
    for part in (
        "Calling parrot",
        DISCLOSURE,
        "good morning",
        "1105 ms",
        "model 500",
        "find  84 ms",
    ):
        assert part in text
    assert text.index("good morning") < text.index("1105 ms") < text.index("Disclosed first")


def test_what_the_model_was_shown_is_counted_once_and_its_greatest_age_is_told():
    def saw(*frames):
        told = [{"id": id, "source": "camera", "age_ms": age} for id, age in frames]
        return rtvi(1.0, "server-message", type="saw", frames=told)

    assert tally(session()).oldest_shown_ms is None
    summary = tally(saw(("camera-1", 300), ("screen-1", 40)), saw(("camera-1", 900)))
    assert (summary.shown, summary.oldest_shown_ms) == (2, 900)


def test_the_words_of_a_realtime_core_are_shown_as_sentences():
    def word(at, text):
        return rtvi(at, "bot-output", text=text, segment_id=at, spoken=True, will_be_spoken=False)

    out = io.StringIO()
    with View(out, title="Calling") as view:
        for i, text in enumerate(["It ", "is ", "red. ", "Is ", "it"]):
            view.show(word(10.0 + i, text))
        view.show(rtvi(16.0, "bot-stopped-speaking"))
    rows = [" ".join(row.split()) for row in out.getvalue().splitlines()]
    assert "0:10.0 Bot It is red." in rows and "0:13.0 Bot Is it" in rows

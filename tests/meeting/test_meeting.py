"""The meeting bot in a room: its own file, real ears behind the wire, on the virtual clock."""

from pathlib import Path

import pytest

from processors.meeting.export import to_json
from processors.meeting.minutes import from_tape
from processors.meeting.tracks import Tracks
from services.rehearsal.mouth import speak
from sessions import HIPAA
from sessions.policy import PolicyError
from sessions.tape import read_tape
from sessions.transcript import Transcript
from tests.meeting.room import held, quiet
from tests.support.virtual_call import virtually

INSULT = "you are an idiot"


@pytest.fixture
def tapes(tmp_path, monkeypatch):
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path))
    return tmp_path


def tape_in(folder: Path):
    return read_tape(next(folder.glob("*.mcap")))


def test_each_is_heard_on_their_own_the_bot_answers_its_name_and_the_minutes_come_again(tapes):
    shown = []

    async def scenario():
        async with held("meeting", consent={"recording": True}) as room:
            for id, name in (("p1", "Ana"), ("p2", "Ben"), ("p3", "Cleo"), ("p4", "")):
                await room.enter(id, name)
            await quiet(room, 3.0)
            before = len(room.transcript())
            room.speak("p1", speak("i told vivace about it yesterday"))
            room.speak("p2", speak("we agreed to move the release to june", voice="en-us+f3"))
            room.speak("p3", speak("i will send the figures to bob on friday"), after=1.0)
            await room.drain()
            assert len(room.transcript()) == before, "nobody spoke to it"
            room.speak("p4", speak("vivace please take the minutes", voice="en-gb+f2"))
            await room.drain(3.0)
            await quiet(room)
            assert room.transcript()[before:][-1].startswith("The minutes are on your screens")
            shown.extend(room.server("minutes"))

    virtually(scenario)
    tape = tape_in(tapes)
    said = {(s.who, s.text) for s in Transcript.from_tape(tape).segments}
    assert said == {
        ("Ana", "i told vivace about it yesterday"),
        ("Ben", "we agreed to move the release to june"),
        ("Cleo", "i will send the figures to bob on friday"),
        ("Unknown speaker", "vivace please take the minutes"),
    }
    again = from_tape(tape)
    assert again and to_json(again) == shown[-1]["data"]
    assert [line.kind for line in again.lines] == ["decision", "action"]
    assert again.lines[1].owner == "Cleo"
    assert "bob" not in {(a.name or "").lower() for a in again.attendees}
    participants = {m.data["participant"] for m in tape.messages("/caller/audio")}
    assert participants == {"p1", "p2", "p3", "p4"}


@pytest.mark.slow
def test_who_insults_is_warned_then_silenced_and_nobody_else_is(tapes):
    async def scenario():
        async with held("meeting", consent={"recording": True}) as room:
            for id in ("p1", "p2"):
                await room.enter(id)
            await quiet(room, 3.0)
            for _ in range(3):
                room.speak("p1", speak(INSULT))
                await room.drain()
                await quiet(room)
            room.speak("p1", speak("we agreed on the budget"))
            room.speak("p2", speak("next item please", voice="en-us+f3"))
            await room.drain()
            actions = [m["action"] for m in room.server("moderation")]
            assert actions == ["warn", "warn", "mute"]
            assert "Please let us stay polite." in room.transcript()

    virtually(scenario)
    segments = Transcript.from_tape(tape_in(tapes)).segments
    assert [s.text for s in segments] == [INSULT] * 3 + ["next item please"]


@pytest.mark.slow
def test_the_agenda_goes_on_when_somebody_says_so_and_time_is_called():
    async def scenario():
        agenda = [{"title": "Release", "minutes": 0.2}, {"title": "Budget"}]
        async with held("meeting", agenda=agenda) as room:
            await room.enter("p1")
            await quiet(room, 3.0)
            room.speak("p1", speak("good morning"))
            await room.drain(20)
            assert "The time for Release is up." in room.transcript()
            room.speak("p1", speak("next item please"))
            await room.drain()
            assert [m["title"] for m in room.server("agenda")] == ["Release", "Budget"]

    virtually(scenario)


def test_a_policy_that_redacts_refuses_ears_cast_in_a_running_call():
    class Session:
        policy = HIPAA

    with pytest.raises(PolicyError, match="does not redact"):
        Tracks(Session(), lambda: None)  # type: ignore[arg-type]

"""Minutes in which every line points to what was said: a model proposes, this file verifies.

The model is asked for lines with segment ids, in a form that is easy to say and to check::

    DECISION [s4, s5] The release moves to June.
    ACTION [s7] Send the figures. (owner: Ana; due: 2026-06-01)
    NOTE [s2] The budget is tight.

What it proposes is put on the tape beside the segments, and verification draws nothing at random:
the same tape gives the same minutes, with no model.
"""

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sessions.transcript import Attendee, Segment, Transcript

PROPOSED = "meeting.proposed"
KINDS = {"DECISION": "decision", "ACTION": "action", "NOTE": "note"}

INSTRUCTION = """\
You take the minutes of a meeting. You are given its transcript, one segment a line: [id] speaker: \
words; or [id] speaker’s screen: \
words that they showed. Write one line for each decision, action item and note, in order, in one of these forms, \
and nothing else:
DECISION [ids] what was decided
ACTION [ids] what is to be done (owner: name; due: YYYY-MM-DD)
NOTE [ids] what was said that matters
In brackets stand the ids of the segments that say or show so, such as [s3, s4]. Leave out owner or due \
where nobody said it. Never write what no segment says."""

_LINE = re.compile(r"^\W*(DECISION|ACTION|NOTE)\s*\[([^\]]*)\]\s*(.+?)\s*$", re.MULTILINE)
_DETAILS = re.compile(r"\s*\(((?:owner|due)\s*:[^)]*)\)\s*$", re.IGNORECASE)
_COMMON = frozenset(
    "that this with from have will would shall been were they them their there then than what when "
    "which about into should could must said says also over under only just some more most very "
    "decided decision action note agreed meeting team".split()
)


@dataclass(frozen=True)
class Line:
    """One line of the minutes.

    Parameters:
        kind: ``decision``, ``action`` or ``note``.
        text: What.
        evidence: The segments that say so; never empty.
        owner: Who is to do it; None where no evidence says it.
        due: ISO date; None where none was given.
        weak: Few of its words stand in its evidence: a person should listen.
    """

    kind: str
    text: str
    evidence: tuple[Segment, ...]
    owner: str | None = None
    due: str | None = None
    weak: bool = False


@dataclass(frozen=True)
class Minutes:
    """What came of a meeting.

    Parameters:
        attendees: Who was there, by the door and not by the words.
        lines: In the order of the model.
        dropped: How many proposed lines had no evidence that exists.
        agenda: Titles and the time they were begun, milliseconds of the session's clock.
    """

    attendees: tuple[Attendee, ...]
    lines: tuple[Line, ...]
    dropped: int = 0
    agenda: tuple[tuple[str, int], ...] = ()


def request(transcript: Transcript) -> str:
    """The transcript as the model is given it."""
    return "\n".join(f"[{s.id}] {s.who}: {s.text}" for s in transcript.segments)


def verified(
    transcript: Transcript, proposed: str, *, agenda: Iterable[tuple[str, int]] = ()
) -> Minutes:
    """The minutes, as far as the transcript bears them out.

    A line none of whose ids exists is dropped. An owner stays only where they spoke the evidence
    or are named in it; a date only where the line has one that is a date. A line most of whose
    words or any of whose numbers its evidence lacks is marked.

    Args:
        transcript: What was said.
        proposed: The model's lines.
        agenda: Titles and when they were begun.
    """
    lines, dropped = [], 0
    for kind, ids, text in _LINE.findall(proposed):
        found = dict.fromkeys(re.findall(r"s\d+", ids))
        evidence = tuple(s for id in found if (s := transcript.get(id)))
        if not evidence:
            dropped += 1
            continue
        owner = due = None
        if details := _DETAILS.search(text):
            text = text[: details.start()]
            given = dict(re.findall(r"(owner|due)\s*:\s*([^;)]+)", details[1].lower()))
            owner = _owner(given.get("owner", "").strip(), evidence, transcript)
            due = _date(given.get("due", "").strip())
        weak = _is_weak(text, evidence)
        lines.append(Line(KINDS[kind], text, evidence, owner, due, weak))
    there = tuple(sorted(transcript.attendees.values(), key=lambda a: (a.joined_ms, a.participant)))
    return Minutes(there, tuple(lines), dropped, tuple(agenda))


def from_tape(tape: Any) -> Minutes | None:
    """The minutes of a recorded meeting, made again; None if none were taken.

    Args:
        tape: A :class:`sessions.tape.Tape`.
    """
    proposed, agenda = None, []
    for message in tape.messages("/events"):
        detail = message.data["detail"]
        if message.data["name"] == PROPOSED:
            proposed = detail["lines"]
        elif message.data["name"] == "meeting.item":
            agenda.append((detail["title"], detail["at_ms"]))
    if proposed is None:
        return None
    return verified(Transcript.from_tape(tape), proposed, agenda=agenda)


def _owner(name: str, evidence: tuple[Segment, ...], transcript: Transcript) -> str | None:
    """The owner as the attendees spell it; a name that was only spoken stays as it was spoken."""
    if not name:
        return None
    for attendee in transcript.attendees.values():
        if attendee.name and attendee.name.lower() == name:
            spoke = any(s.speaker == attendee.name and not s.shown for s in evidence)
            named = any(_has(s.text, name.partition(" ")[0]) for s in evidence)
            return attendee.name if spoke or named else None
    if any(_has(s.text, name) for s in evidence):
        return f"{name.title()} (not present)"
    return None


def _has(text: str, name: str) -> bool:
    return bool(re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE))


def _date(text: str) -> str | None:
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _is_weak(text: str, evidence: tuple[Segment, ...]) -> bool:
    said = " ".join(f"{s.who} {s.text}" for s in evidence).lower()
    if any(number not in said for number in re.findall(r"\d+", text)):
        return True
    words = {w for w in re.findall(r"[^\W\d_]{4,}", text.lower())} - _COMMON
    stems = {w[:5] for w in re.findall(r"[^\W\d_]{4,}", said)}
    return bool(words) and sum(w[:5] in stems for w in words) * 2 < len(words)

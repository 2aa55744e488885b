"""Minutes as Markdown to read, JSON to work with, and a calendar of what is due."""

import datetime
import json
from typing import Any

from processors.meeting.minutes import Line, Minutes
from sessions.transcript import Attendee

TITLES = {"decision": "Decisions", "action": "Action items", "note": "Notes"}

UNVERIFIED = "Names are as each gave them when they came; nobody has verified them."


def clock(ms: int) -> str:
    """A time of the session: ``1:02:03``, or ``02:03`` in the first hour."""
    hours, rest = divmod(ms // 1000, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60:02}:{rest % 60:02}"


def to_markdown(minutes: Minutes, *, title: str = "Minutes") -> str:
    """The minutes to read; each line ends with who said so, and when."""
    text = [f"# {title}", "", f"Present: {_present(minutes.attendees)}.", ""]
    if any(a.name for a in minutes.attendees):
        text += [UNVERIFIED, ""]
    if minutes.agenda:
        text += ["## Agenda", ""]
        text += [f"- {clock(at)} {title}" for title, at in minutes.agenda] + [""]
    for kind, heading in TITLES.items():
        if lines := [line for line in minutes.lines if line.kind == kind]:
            text += [f"## {heading}", "", *(f"- {_bullet(line)}" for line in lines), ""]
    if minutes.dropped:
        text += [f"{minutes.dropped} proposed lines had no evidence and were left out.", ""]
    return "\n".join(text)


def to_json(minutes: Minutes) -> dict[str, Any]:
    """The minutes as plain data; evidence with its id, speaker (or null), times and words."""
    return {
        "attendees": [
            {
                "participant": a.participant,
                "name": a.name,
                "verified": False,
                "joined_ms": a.joined_ms,
            }
            for a in minutes.attendees
        ],
        "agenda": [{"title": title, "at_ms": at} for title, at in minutes.agenda],
        "lines": [
            {
                "kind": line.kind,
                "text": line.text,
                "owner": line.owner,
                "due": line.due,
                "weak": line.weak,
                "evidence": [
                    {
                        "segment": s.id,
                        "participant": s.participant,
                        "speaker": s.speaker,
                        "start_ms": s.start_ms,
                        "end_ms": s.end_ms,
                        "text": s.text,
                        "shown": s.shown,
                    }
                    for s in line.evidence
                ],
            }
            for line in minutes.lines
        ],
        "dropped": minutes.dropped,
    }


def to_calendar(minutes: Minutes, *, session: str, made_at: datetime.datetime) -> str:
    """The action items as a calendar of to-dos (RFC 5545).

    Args:
        minutes: What came of the meeting.
        session: Its id, for the ids of the entries.
        made_at: Of the meeting, in UTC, so that the same meeting gives the same calendar.
    """
    stamp = made_at.strftime("%Y%m%dT%H%M%SZ")
    rows = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Vivace//Minutes//EN"]
    for number, line in enumerate(minutes.lines, start=1):
        if line.kind != "action":
            continue
        rows += ["BEGIN:VTODO", f"UID:{session}-{number}@vivace", f"DTSTAMP:{stamp}"]
        rows.append(
            f"SUMMARY:{_escaped(f'{line.owner}: {line.text}' if line.owner else line.text)}"
        )
        if line.due:
            rows.append(f"DUE;VALUE=DATE:{line.due.replace('-', '')}")
        rows += [f"DESCRIPTION:{_escaped('Said: ' + _evidence(line))}", "END:VTODO"]
    rows.append("END:VCALENDAR")
    return "".join(f"{_folded(row)}\r\n" for row in rows)


def written(minutes: Minutes) -> str:
    """All of them as canonical JSON: equal for equal minutes, byte by byte."""
    return json.dumps(to_json(minutes), sort_keys=True, ensure_ascii=False)


def _present(attendees: tuple[Attendee, ...]) -> str:
    return ", ".join(a.name or "somebody unknown" for a in attendees) or "nobody"


def _bullet(line: Line) -> str:
    details = [f"owner: {line.owner or 'unknown'}"] if line.kind == "action" else []
    details += [f"due: {line.due}"] if line.due else []
    details += ["to be checked"] if line.weak else []
    inside = f" ({'; '.join(details)})" if details else ""
    return f"{line.text}{inside} — {_evidence(line)}"


def _evidence(line: Line) -> str:
    return ", ".join(f"{s.who} {clock(s.start_ms)} [{s.id}]" for s in line.evidence)


def _escaped(text: str) -> str:
    for char in "\\;,":
        text = text.replace(char, f"\\{char}")
    return text.replace("\n", "\\n")


def _folded(row: str) -> str:
    """At most 75 octets a row: a character is one octet in ASCII, and at most four elsewhere."""
    width = 70 if row.isascii() else 18
    parts = [row[i : i + width] for i in range(0, len(row), width)]
    return "\r\n ".join(parts)

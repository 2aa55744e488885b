"""Who said what, and when: the segments of a conversation between several people, and who was there."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Self

LINE = "line"
"""The track of a door that says of no sound whose it is: whoever sits at it."""

SEGMENT, JOINED, LEFT = "meeting.segment", "meeting.joined", "meeting.left"
"""Events on the tape; a transcript can be read back from them."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Something that one person said in one go, or showed; on the tape under its id.

    Parameters:
        id: ``s1``, ``s2`` and so on, in the order in which they were transcribed.
        participant: Whose track it came in on; of :data:`LINE`, with the vendor's label for the
            voice behind a ``/``.
        speaker: The name the door knows them by; None where nobody can know.
        start_ms: Milliseconds on the session's clock.
        end_ms: The same.
        text: What was said.
        language: Code of the language it was said in, or empty.
        shown: Whether it came to stand on their screen, and nobody said it.
    """

    id: str
    participant: str
    speaker: str | None
    start_ms: int
    end_ms: int
    text: str
    language: str = ""
    shown: bool = False

    @property
    def track(self) -> str:
        """The track it came in on."""
        return LINE if self.participant.startswith(f"{LINE}/") else self.participant

    @property
    def who(self) -> str:
        """The speaker, or whose screen it stood on, in words."""
        if self.shown:
            return f"{self.speaker}’s screen" if self.speaker else "A shared screen"
        label = self.participant[len(LINE) + 1 :] if self.track == LINE else ""
        return self.speaker or f"Unknown speaker {label}".strip()


@dataclass(slots=True)
class Attendee:
    """Somebody who was there: the door let them in, or their voice came on a track of their own.

    Parameters:
        participant: Their id at the door.
        name: None where the door gave none.
        joined_ms: On the session's clock.
        left_ms: None while they are there.
    """

    participant: str
    name: str | None
    joined_ms: int
    left_ms: int | None = None


class Transcript:
    """The segments of one conversation. Who is only spoken of is never among its attendees."""

    def __init__(self, event: Callable[..., None] = lambda name, **detail: None):
        """Begin an empty one.

        Args:
            event: Puts what is added on the tape: ``session.recording.event``.
        """
        self._event = event
        self._segments: dict[str, Segment] = {}
        self.attendees: dict[str, Attendee] = {}

    @property
    def segments(self) -> list[Segment]:
        """All segments, by the time they began."""
        return sorted(self._segments.values(), key=lambda s: (s.start_ms, int(s.id[1:])))

    def get(self, id: str) -> Segment | None:
        """The segment of that id."""
        return self._segments.get(id)

    def join(self, participant: str, name: str | None, *, at_ms: int) -> Attendee:
        """Note that somebody is there. The same name twice is two people, told apart."""
        known = self.attendees.get(participant)
        if known and known.left_ms is None and (known.name or not name):
            return known
        # A name is chosen by who bears it, and must not pass for a line of the transcript.
        name = re.sub(r"[^\w .'’-]", "", name or "")[:60].strip()
        same = sum((a.name or "").partition(" #")[0] == name for a in self.attendees.values())
        name = f"{name} #{same + 1}" if name and same else name or None
        name = known.name or name if known else name
        joined_ms = known.joined_ms if known else at_ms  # heard before the door told the name
        attendee = self.attendees[participant] = Attendee(participant, name, joined_ms)
        self._event(JOINED, participant=participant, speaker=name, at_ms=joined_ms)
        return attendee

    def leave(self, participant: str, *, at_ms: int) -> None:
        """Note that somebody has gone."""
        if attendee := self.attendees.get(participant):
            attendee.left_ms = at_ms
            self._event(LEFT, participant=participant, at_ms=at_ms)

    def add(
        self,
        participant: str,
        text: str,
        *,
        start_ms: int,
        end_ms: int,
        language: str = "",
        shown: bool = False,
    ) -> Segment:
        """Add what a participant said, or has shown."""
        attendee = self.attendees.get(participant)
        speaker = attendee.name if attendee else None
        id = f"s{len(self._segments) + 1}"
        segment = Segment(id, participant, speaker, start_ms, end_ms, text, language, shown)
        self._segments[id] = segment
        self._event(SEGMENT, **asdict(segment))
        return segment

    @classmethod
    def from_tape(cls, tape: Any) -> Self:
        """Read a transcript back.

        Args:
            tape: A :class:`sessions.tape.Tape`, or any that gives ``messages("/events")``.
        """
        transcript = cls()
        for message in tape.messages("/events"):
            detail = message.data["detail"]
            match message.data["name"]:
                case "meeting.joined":
                    who = detail["participant"]
                    transcript.attendees[who] = Attendee(who, detail["speaker"], detail["at_ms"])
                case "meeting.left":
                    transcript.attendees[detail["participant"]].left_ms = detail["at_ms"]
                case "meeting.segment":
                    transcript._segments[detail["id"]] = Segment(**detail)
        return transcript

"""``runner.py redact``: redact recorded turns, one JSON object a line.

::

    in   {"session": "s1", "turn": 3, "bot": "what is your name", "segments": ["it's jane", "doe"]}
    out  {"session": "s1", "turn": 3, "text": "it's [NAME_1]", "spans": [[5, 13, "NAME"]]}

Spans are offsets into the segments joined by one space. The turns of one session share state.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from sessions.phi import PHIFirewall


class BadLine(ValueError):
    """A line that is no turn. All other lines were processed."""


def redact_lines(lines: Iterable[str], *, profile: Any = "strict") -> Iterator[str]:
    """Redact turns as a live session would: streamed with hold, then the turn as a whole.

    Args:
        lines: JSON lines; empty ones are passed over.
        profile: "strict" or "balanced".

    Yields:
        One JSON line a turn. A bad line yields ``{"line", "error"}`` in its place.

    Raises:
        BadLine: After the last line, when any was bad.
    """
    sessions: dict[str, PHIFirewall] = {}
    bad: list[int] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            turn = parse(line)
        except ValueError as error:
            bad.append(number)
            yield json.dumps({"line": number, "error": str(error)})
            continue
        session = str(turn["session"])
        if session not in sessions:
            sessions[session] = PHIFirewall(profile)
        yield json.dumps(redact_turn(sessions[session], turn), ensure_ascii=False)
    if bad:
        raise BadLine(
            f"{len(bad)} of the lines cannot be read as a turn (line {', '.join(map(str, bad[:10]))}). Each line "
            'is {"session", "turn", "bot", "segments": [text, ...]}; correct them and run again.'
        )


def parse(line: str) -> dict[str, Any]:
    """A turn from its JSON line.

    Raises:
        ValueError: It is not the object described above.
    """
    turn = json.loads(line)
    if not isinstance(turn, dict):
        raise ValueError("a turn is a JSON object")
    if "session" not in turn or not isinstance(turn.get("segments"), list):
        raise ValueError('a turn has "session" and "segments": [text, ...]')
    if not all(isinstance(segment, str) for segment in turn["segments"]):
        raise ValueError('"segments" holds texts')
    return turn


def redact_turn(firewall: PHIFirewall, turn: dict[str, Any]) -> dict[str, Any]:
    """One turn through a session's firewall."""
    firewall.heard(str(turn.get("bot") or ""))
    for segment in turn["segments"]:
        firewall.feed(segment)
    firewall.flush()
    text = firewall.second_pass()
    spans = [[span.start, span.end, span.label] for span in firewall.turn.spans]
    return {"session": turn["session"], "turn": turn.get("turn"), "text": text, "spans": spans}

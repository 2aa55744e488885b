"""What came of a call: counted from its events, printed as JSON, checked for leaks."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

EARLY_S = 1.0
"""Sound that precedes the bot's first caption by more than this is not the caption's."""


REPORTED = (
    "turns",
    "tool_calls",
    "disclosed_first",
    "interruptions",
    "voice_to_voice_ms",
    "phi_in_model_requests",
    "shown",
    "oldest_shown_ms",
    "recording",
    "errors",
)
"""What the JSON line holds, in this order."""


@dataclass
class Summary:
    """A finished call.

    Parameters:
        turns: Caller turns that the bot heard, spoken or typed.
        tool_calls: Tool calls that came to an end.
        disclosed_first: Whether the first thing that the caller heard was the whole disclosure.
        interruptions: Times the bot was cut off while it was audible.
        voice_to_voice_ms: One for each spoken turn that was answered, see `qa.call.turns`.
        phi_in_model_requests: How many of the script's identifiers reached the rehearsal's
            model; None when no rehearsal model was asked.
        shown: Pictures, screen texts and readings that the model was shown.
        oldest_shown_ms: How old the oldest of them was at that moment; None without any.
        recording: The stereo WAV (left the caller, right the bot), or None.
        errors: What went wrong, in sentences.
        lines: Caller turns that were spoken or typed.
        session: The session's id.
        reason: Why the call ended.
        seconds: How long it took, from dialling.
        identifiers: How many identifiers were looked for.
    """

    turns: int = 0
    tool_calls: int = 0
    disclosed_first: bool = False
    interruptions: int = 0
    voice_to_voice_ms: list[int] = field(default_factory=list)
    phi_in_model_requests: int | None = None
    shown: int = 0
    oldest_shown_ms: int | None = None
    recording: str | None = None
    errors: list[str] = field(default_factory=list)
    lines: int = 0
    session: str = ""
    reason: str = ""
    seconds: float = 0.0
    identifiers: int = 0

    def to_json(self) -> str:
        """Return the one line that scripts read."""
        return json.dumps({key: getattr(self, key) for key in REPORTED})


class Tally:
    """Counts a call's events into its summary."""

    def __init__(self):
        self.summary = Summary()
        self._heard: set[int] = set()
        self._turn = 0
        self._tools_told = 0
        self._tools_seen = 0
        self._disclosure = ""
        self._spoken: dict[Any, str] = {}
        self._shown: set[str] = set()
        self._first_sound: float | None = None
        self._first_caption: float | None = None

    def take(self, event: dict[str, Any]) -> None:
        """Take one event of `qa.call.caller.Caller`."""
        summary = self.summary
        summary.seconds = event.get("at", summary.seconds)
        match event["type"]:
            case "connected":
                summary.session = event["session"]
            case "speech" if event["who"] == "bot":
                self._first_sound = self._first_sound or event["at"]
            case "speech" | "typed":
                self._turn = summary.lines = event["turn"]
            case "answered":
                summary.voice_to_voice_ms.append(event["voice_to_voice_ms"])
            case "interrupted":
                summary.interruptions += 1
            case "failed":
                summary.errors.append(event["error"])
            case "ended":
                summary.reason = event["reason"]
            case "rtvi":
                self._take_message(event["message"], event["at"])
        summary.turns = len(self._heard)
        summary.tool_calls = max(self._tools_told, self._tools_seen)
        summary.disclosed_first = self._disclosed_first()

    def _take_message(self, message: dict[str, Any], at: float) -> None:
        data = message.get("data") or {}
        match message["type"]:
            case "user-input" | "user-transcription" if data.get("final") and data.get("text"):
                self._heard.add(self._turn)
            case "llm-function-call-stopped":
                self._tools_seen += 1
            case "bot-output":
                if self._first_caption is None:
                    self._first_caption = at
                self._spoken[data.get("segment_id")] = spoken_text(data)
            case "error" | "error-response":
                self.summary.errors.append(f"The bot reports: {data.get('error')}")
            case "server-message" if data.get("type") == "session":
                self._disclosure = data.get("disclosure") or ""
            case "server-message" if data.get("type") == "tool":
                self._tools_told += data.get("status") != "called"
            case "server-message" if data.get("type") == "saw":
                self._saw(data.get("frames") or [])

    def _saw(self, pieces: list[dict[str, Any]]) -> None:
        summary = self.summary
        self._shown.update(piece["id"] for piece in pieces)
        summary.shown = len(self._shown)
        ages = [piece["age_ms"] for piece in pieces]
        summary.oldest_shown_ms = max([summary.oldest_shown_ms or 0, *ages])

    def _disclosed_first(self) -> bool:
        if not self._disclosure or self._first_sound is None or self._first_caption is None:
            return False
        said, disclosure = (words(t) for t in (" ".join(self._spoken.values()), self._disclosure))
        in_time = self._first_sound >= self._first_caption - EARLY_S
        return in_time and said[: len(disclosure)] == disclosure


def spoken_text(data: dict[str, Any]) -> str:
    """Return what has been spoken of a `bot-output` segment."""
    progress = data.get("spoken_progress") or {}
    return str(progress.get("accumulated_text", data.get("text", "")))


def words(text: str) -> list[str]:
    """Return a text's words, in lower case, without punctuation."""
    return re.findall(r"\w+", text.lower())

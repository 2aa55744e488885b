"""When in a call an identifier was spoken, by the word times that its vendors reported.

Where no word times are known, or they do not add up, the whole stretch of speech counts.
"""

import base64
import binascii
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sessions.phi import PHIFirewall
from sessions.phi.vault import STRICT_SURROGATE
from sessions.tape import TapeMessage
from sessions.tape.schemas import EVENTS, TRANSCRIPT, WIRE

Interval = tuple[float, float]
"""Seconds of the session clock."""

MARGIN_SECS = 0.2
# The lengths of what was sent to be spoken and of what was heard may differ by this much.
DRIFT_SECS = 0.6
LONGEST_TURN_SECS = 30.0


@dataclass(frozen=True)
class Word:
    """A word and when it was spoken, in seconds of the session clock."""

    text: str
    start: float
    end: float


def telling(words: list[Word], phi: PHIFirewall) -> list[Word]:
    """The words that are part of an identifier: by the engine, and by what the vault knows."""
    text, at = "", []
    for word in words:
        text += " " if text else ""
        at.append((len(text), len(text) + len(word.text)))
        text += word.text
    hidden = {
        i
        for span in phi.redact(text).spans
        for i, (begin, end) in enumerate(at)
        if begin < span.end and end > span.start
    }
    plain = [_letters(word.text) for word in words]
    for entry in phi.vault:
        for form in entry.forms:
            sought = [part for part in map(_letters, form.split()) if part]
            for i in range(len(plain) - len(sought) + 1):
                if sought and plain[i : i + len(sought)] == sought:
                    hidden |= set(range(i, i + len(sought)))
            if entry.label == "NAME":
                hidden |= {i for i, word in enumerate(plain) if len(word) > 2 and word in sought}
    return [words[i] for i in sorted(hidden)]


def caller_intervals(messages: list[TapeMessage], phi: PHIFirewall) -> list[Interval]:
    """When the caller said an identifier."""
    lines = {}
    run: list[Word] = []
    surrogates, began, found = 0, 0.0, []
    timed = False

    def settle(now: float) -> None:
        nonlocal surrogates
        words = telling(run, phi) if run else []
        spans = len(phi.redact(" ".join(w.text for w in run)).spans) if run else 0
        if surrogates > spans:  # more was redacted in the call than is found again here
            begin = min((w.start for w in run), default=max(began, now - LONGEST_TURN_SECS))
            found.append((begin, now if not run else max(w.end for w in run)))
        found.extend((word.start, word.end) for word in words)
        run.clear()
        surrogates = 0

    now = 0.0
    for message in messages:
        now = message.clock_ns / 1e9
        if message.topic.startswith(WIRE):
            data = message.data
            line = lines.setdefault((message.topic, data.get("connection")), _Line())
            if data.get("kind") == "open":
                line.rate = _rate(data.get("url") or "")
            elif data.get("direction") == "sent" and data.get("kind") == "binary":
                line.sent(now, int(data.get("length") or 0))
            elif data.get("direction") == "received" and data.get("kind") == "text":
                words = list(_heard(data.get("text") or "", line))
                timed = timed or bool(words)
                run += words
        elif message.topic == TRANSCRIPT:
            data = message.data
            if data["who"] == "caller" and data["kind"] == "final":
                surrogates += len(STRICT_SURROGATE.findall(data["text"]))
            elif data["who"] == "bot" and (run or surrogates):
                settle(now)
        elif message.topic == EVENTS and message.data["name"] == "vad.started" and not run:
            began = now
    settle(now)
    return _merged(found)


@dataclass
class _Line:
    """Audio sent over one connection: where its bytes lie on the session clock."""

    rate: int = 16_000
    total: int = 0
    pieces: list[tuple[int, float]] = field(default_factory=list)

    def sent(self, now: float, length: int) -> None:
        self.total += length
        self.pieces.append((self.total, now))

    def clock(self, secs: float) -> float:
        """Session clock of a second of the stream. A piece ends about when it was sent."""
        position = secs * self.rate * 2
        for end, now in self.pieces:
            if end >= position:
                return now - (end - position) / (self.rate * 2)
        return self.pieces[-1][1] if self.pieces else secs


def _rate(url: str) -> int:
    return int((parse_qs(urlsplit(url).query).get("sample_rate") or ["16000"])[0])


def _heard(text: str, line: _Line) -> Iterator[Word]:
    """Words of a final result of Deepgram's."""
    if '"is_final"' not in text and '"words"' not in text:
        return
    result = _parsed(text)
    if result.get("type") != "Results" or not result.get("is_final"):
        return
    for alternative in (result.get("channel") or {}).get("alternatives", [])[:1]:
        for word in alternative.get("words", []):
            yield Word(word["word"], line.clock(word["start"]), line.clock(word["end"]))


@dataclass
class _Speech:
    """One context of a voice: its words, its length and when its first sound came."""

    first: float
    rate: int = 24_000
    bytes: int = 0
    words: list[Word] = field(default_factory=list)

    @property
    def secs(self) -> float:
        return self.bytes / 2 / self.rate


def bot_intervals(messages: list[TapeMessage], phi: PHIFirewall) -> list[Interval]:
    """When the bot said an identifier."""
    stretches = list(_stretches(messages))
    spoken = _contexts(messages)
    found: list[Interval] = []
    written: dict[int, int] = defaultdict(int)
    for message in messages:
        if message.topic == TRANSCRIPT and message.data["who"] == "bot":
            count = len(STRICT_SURROGATE.findall(message.data["text"]))
            if count and (at := _stretch_of(message.clock_ns / 1e9, stretches)) is not None:
                written[at] += count
    for number, (begin, end) in enumerate(stretches):
        mine = [s for s in spoken if _stretch_of(s.first, stretches) == number]
        length = sum(speech.secs for speech in mine)
        offset, hidden = begin, []
        for speech in mine:
            words = [Word(w.text, offset + w.start, offset + w.end) for w in speech.words]
            hidden += telling(words, phi)
            offset += speech.secs
        exact = (
            mine and abs(length - (end - begin)) <= DRIFT_SECS and (hidden or not written[number])
        )
        if exact:
            found += [(word.start, word.end) for word in hidden]
        elif hidden or written[number]:
            found.append((begin, end))
    return _merged(found)


def _contexts(messages: list[TapeMessage]) -> list[_Speech]:
    """What Cartesia spoke, context by context, in order of its first sound."""
    speeches: dict[str, _Speech] = {}
    rates: dict[str, int] = {}
    for message in messages:
        if not message.topic.startswith(WIRE) or message.data.get("kind") != "text":
            continue
        text = message.data.get("text") or ""
        if '"context_id"' not in text:
            continue
        data = _parsed(text)
        context = data.get("context_id")
        if not context:
            continue
        if message.data.get("direction") == "sent":
            rates[context] = (data.get("output_format") or {}).get("sample_rate", 24_000)
        elif data.get("type") == "chunk":
            now = message.clock_ns / 1e9
            speech = speeches.setdefault(context, _Speech(now, rates.get(context, 24_000)))
            try:
                speech.bytes += len(base64.b64decode(data.get("data") or ""))
            except binascii.Error:
                pass
        elif data.get("type") == "timestamps" and context in speeches:
            times = data.get("word_timestamps") or {}
            speeches[context].words += [
                Word(*item) for item in zip(times["words"], times["start"], times["end"])
            ]
    return sorted(speeches.values(), key=lambda speech: speech.first)


def _stretches(messages: list[TapeMessage]) -> Iterator[Interval]:
    """From where the bot began to speak to where it stopped."""
    begin: float | None = None
    now = 0.0
    for message in messages:
        now = message.clock_ns / 1e9
        if message.topic != EVENTS:
            continue
        if message.data["name"] == "bot.started" and begin is None:
            begin = now
        elif message.data["name"] == "bot.stopped" and begin is not None:
            yield begin, now
            begin = None
    if begin is not None:
        yield begin, now


def _stretch_of(at: float, stretches: list[Interval]) -> int | None:
    """The stretch in which something known at a time is spoken: the first that is not over."""
    return next((i for i, (_, end) in enumerate(stretches) if end > at), None)


def _merged(intervals: Iterable[Interval]) -> list[Interval]:
    out: list[Interval] = []
    for begin, end in sorted((b - MARGIN_SECS, e + MARGIN_SECS) for b, e in intervals):
        if out and begin <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((begin, end))
    return out


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _letters(word: str) -> str:
    return re.sub(r"[\W_]", "", word).lower()

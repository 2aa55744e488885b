"""A tape as turns: what was heard, asked, called and said in each, and when."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from qa.replay.wires import stage_of
from sessions.tape import TapeHeader, TapeMessage
from sessions.tape.schemas import BOT_AUDIO, EVENTS, TOOLS, TRANSCRIPT, WIRE


class Recorded(Protocol):
    """What a diff reads: a tape, or what a replay left."""

    header: TapeHeader

    def messages(self, *topics: str) -> Iterator[TapeMessage]:
        """Its messages."""
        ...


@dataclass
class ToolCall:
    """A tool call.

    Parameters:
        name: The tool.
        arguments: What it was called with.
        result: What it answered; None while it has not.
        at: When it was called, session-clock seconds.
        took: Seconds to its answer.
    """

    name: str
    arguments: Any
    result: Any = None
    at: float = 0.0
    took: float = 0.0


@dataclass
class Turn:
    """One turn: what the caller said, and what the bot made of it. Turn 0 is the greeting.

    All times are session-clock seconds; None where a thing did not happen.

    Parameters:
        number: 0, 1, 2 ...
        started: The VAD heard the caller begin.
        stopped: The VAD heard the caller end.
        transcribed: The last final transcript came.
        ended: The turn was judged over.
        heard: What the context took as the caller's words.
        finals: The final transcripts as they left the ears, joined.
        asked: Bodies of the model requests.
        answered: When the model's first words came.
        written: What the model wrote.
        tools: The calls it made.
        requested: What the mouth was asked to say.
        spoke: When the bot began to speak.
        said: What the caller heard of it, by answer.
        interrupted: Whether the caller spoke over the bot.
        sounded: Seconds of the bot's voice that went out.
        sound: Checksum of them.
    """

    number: int
    started: float | None = None
    stopped: float | None = None
    transcribed: float | None = None
    ended: float | None = None
    heard: str = ""
    finals: str = ""
    asked: list[str] = field(default_factory=list)
    answered: float | None = None
    written: str = ""
    tools: list[ToolCall] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)
    spoke: float | None = None
    said: list[str] = field(default_factory=list)
    interrupted: bool = False
    sounded: float = 0.0
    sound: int = 0

    @property
    def voice_to_voice(self) -> float | None:
        """Seconds from the caller's last sound to the bot's first."""
        return _between(self.stopped, self.spoke)

    def spans(self) -> dict[str, float]:
        """Seconds each stage of the turn took, in order; a stage that did not run is absent."""
        if not self.number:
            return {}
        spans = {
            "stt": _between(self.stopped, self.transcribed),
            "turn": _between(self.transcribed or self.stopped, self.ended),
            "llm": _between(self.ended, self.answered),
            "tts": _between(self.answered, self.spoke),
        }
        return {name: seconds for name, seconds in spans.items() if seconds is not None}


@dataclass
class Call:
    """A call, turn by turn.

    Parameters:
        header: Of its tape.
        turns: The greeting and the turns.
        connections: Addresses of the sockets that were opened, by stage.
        length: Seconds.
    """

    header: TapeHeader
    turns: list[Turn]
    connections: list[tuple[str, str]] = field(default_factory=list)
    length: float = 0.0


def call_of(recorded: Recorded) -> Call:
    """Read a tape into turns."""
    reader = _Reader()
    last = 0.0
    topics = (EVENTS, TRANSCRIPT, TOOLS, BOT_AUDIO, WIRE)
    for message in sorted(recorded.messages(*topics), key=lambda m: m.clock_ns):
        at = message.clock_ns / 1e9
        last = max(last, at)
        if message.topic == BOT_AUDIO:
            reader.sound(message)
        else:
            reader.take(message.topic, at, message.data)
    return Call(recorded.header, reader.turns, reader.connections, last)


class _Reader:
    """Sorts messages into turns.

    What the bot does belongs to the turn the caller ended last; what the caller does belongs to
    the turn that comes. The two meet at ``turn.caller``.
    """

    def __init__(self):
        self.turns = [Turn(0)]
        self.connections: list[tuple[str, str]] = []
        self._coming = Turn(1)
        self._speaking = False
        self._interruption = float("-inf")
        self._open_tools: dict[str, ToolCall] = {}
        self._stages: dict[int, str] = {}
        self._ears: str | None = None

    def take(self, topic: str, at: float, data: dict) -> None:
        if topic == EVENTS:
            self._event(data["name"], at, data["detail"])
        elif topic == TRANSCRIPT:
            self._words(at, data)
        elif topic == TOOLS:
            self._tool(at, data)
        elif topic.startswith(WIRE):
            self._wire(data)

    def sound(self, message: TapeMessage) -> None:
        turn, pcm = self.turns[-1], message.bytes
        if self._speaking:  # silence between and after answers is of no account
            turn.sounded += len(pcm) / 2 / message.data["sample_rate"]
            turn.sound = zlib.crc32(pcm, turn.sound)

    def _event(self, name: str, at: float, detail: dict) -> None:
        turn, coming = self.turns[-1], self._coming
        match name:
            case "vad.started":
                coming.started = coming.started if coming.started is not None else at
            case "vad.stopped":
                coming.stopped = at
            case "turn.caller":
                coming.heard = detail.get("text") or _content(detail.get("content"))
                coming.ended = at
                self.turns.append(coming)
                self._coming = Turn(coming.number + 1)
            case "interruption":
                self._interruption = at
                turn.interrupted = turn.interrupted or self._speaking
            case "bot.started":
                self._speaking = True
                turn.spoke = turn.spoke if turn.spoke is not None else at
            case "bot.stopped":
                self._speaking = False
            case "turn.bot":
                # Playback may have been paused before; what was heard is settled with the cut.
                turn.interrupted = turn.interrupted or at - self._interruption < 0.05
                turn.said.append(detail.get("text") or _content(detail.get("content")))

    def _words(self, at: float, data: dict) -> None:
        turn, coming = self.turns[-1], self._coming
        match data["who"], data["kind"]:
            case "caller", "final":
                self._ears = self._ears or data["source"]
                if data["source"] == self._ears:
                    coming.finals = f"{coming.finals} {data['text']}".strip()
                    coming.transcribed = at
            case "bot", "written":
                turn.written += data["text"]
                turn.answered = turn.answered if turn.answered is not None else at

    def _tool(self, at: float, data: dict) -> None:
        if data["phase"] == "call":
            call = ToolCall(data["name"], data.get("arguments"), at=at)
            self._open_tools[data["id"]] = call
            self.turns[-1].tools.append(call)
        elif call := self._open_tools.get(data["id"]):
            call.took = at - call.at
            call.result = data.get("result", "cancelled")

    def _wire(self, data: dict) -> None:
        number = data["connection"]
        if "url" in data:
            self._stages[number] = stage_of(data["url"])
            if data["kind"] == "open":
                self.connections.append((self._stages[number], data["url"]))
        if data["direction"] != "sent" or data["kind"] != "text":
            return
        match self._stages.get(number):
            case "llm":
                self.turns[-1].asked.append(data["text"])
            case "tts":
                self.turns[-1].requested.append(data["text"])


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start


def _content(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content) if content else ""

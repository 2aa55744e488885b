"""Answers a stream (a WebSocket, a child process) from the tape.

Every taped answer is owed to the message it followed: the last one sent that shares an id with
it, else the last one sent. When the code under replay sends that message, the answer comes after
the taped delay. Audio counts by its position in the stream, everything else by its content and
then its order.
"""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from qa.replay.match import Names, difference, ids_in, key_of, shape_of
from qa.replay.misses import Misses, OnMiss
from qa.replay.wires import Connection, Said

_FINALIZED = re.compile(r'"from_finalize":\s*true')
"""Deepgram's answer to a Finalize carries no id, and audio goes on being sent in between."""


@dataclass
class Anchor:
    """A message sent then, and what it brought.

    Parameters:
        at: When, session-clock seconds.
        text: What was sent; None for audio and for the opening.
        audio_end: Bytes of audio sent with this message included.
        replies: Delay in seconds and answer, in order.
        used: Whether it has been answered in this replay.
    """

    at: float
    text: str | None = None
    audio_end: int = 0
    replies: list[tuple[float, Said]] = field(default_factory=list)
    used: bool = False


class StreamPlayer:
    """Plays the other end of one taped stream."""

    def __init__(
        self,
        connection: Connection,
        *,
        send: Callable[[Said, str | None], None],
        misses: Misses,
        live: Callable[[str], bool] | None = None,
    ):
        """Initialize.

        Args:
            connection: The taped stream.
            send: Called with an answer and its text when it is due.
            misses: Where unknown messages are noted.
            live: Asked to take a message to the real other end; whether it did.
        """
        self._loop = asyncio.get_running_loop()
        self._stage = connection.stage
        self._send = send
        self._misses = misses
        self._live = live
        self._names = Names()
        self._heard = 0
        self._due: dict[str, list[asyncio.TimerHandle]] = defaultdict(list)
        self._opening, self._audio, self._texts = _anchors(connection)
        self._next_audio = 0
        self._by_key: dict[str, list[Anchor]] = defaultdict(list)
        for anchor in self._texts:
            self._by_key[key_of(anchor.text or "")].append(anchor)

    def opened(self) -> None:
        """The stream is open."""
        self._fire(self._opening)

    def binary(self, length: int) -> None:
        """Audio was sent."""
        self._heard += length
        while (
            self._next_audio < len(self._audio)
            and self._audio[self._next_audio].audio_end <= self._heard
        ):
            self._fire(self._audio[self._next_audio])
            self._next_audio += 1

    def text(self, text: str) -> None:
        """A text message was sent."""
        if _cancels(text):
            for name in ids_in(text):
                for timer in self._due.pop(name, []):
                    timer.cancel()
        known = self._by_key.get(key_of(text))
        if known:
            anchor = next((a for a in known if not a.used), known[-1])
        elif _cancels(text):
            return
        else:
            anchor = self._unknown(text)
        if anchor is not None:
            self._names.learn(anchor.text or "", text)
            self._fire(anchor, ids_in(text))

    def _unknown(self, text: str) -> Anchor | None:
        shape = shape_of(text)
        alike = [a for a in self._texts if shape_of(a.text or "") == shape]
        nearest = next((a for a in alike if not a.used), None)
        if nearest:
            what = difference(nearest.text or "", text)
        else:
            what = f"“{text[:120]}” was never sent"
        match self._misses.note(self._stage, what):
            case OnMiss.LIVE if self._live and self._live(text):
                return None
            case OnMiss.FAIL:
                return None
        return nearest

    def _fire(self, anchor: Anchor, ids: list[str] | None = None) -> None:
        anchor.used = True
        for delay, said in anchor.replies:
            timer = self._loop.call_later(delay, self._answer, said)
            for name in ids or ():
                self._due[name].append(timer)

    def _answer(self, said: Said) -> None:
        self._send(said, None if said.text is None else self._names.rewrite(said.text))


def _anchors(connection: Connection) -> tuple[Anchor, list[Anchor], list[Anchor]]:
    """The opening, the audio and the texts that were sent, each with what it brought."""
    opening = last = Anchor(connection.said[0].at)
    audio: list[Anchor] = []
    texts: list[Anchor] = []
    by_id: dict[str, Anchor] = {}
    sent_bytes = 0
    for said in connection.said:
        if said.sent and said.kind == "binary":
            sent_bytes += said.length
            last = Anchor(said.at, audio_end=sent_bytes)
            audio.append(last)
        elif said.sent and said.kind == "text":
            last = Anchor(said.at, text=said.text)
            texts.append(last)
            for name in ids_in(said.text or ""):
                by_id[name] = last
        elif not said.sent and said.kind in ("text", "binary", "close"):
            owed = last
            for name in ids_in(said.text or "") if by_id else ():
                owed = by_id.get(name, owed)
            if said.text and _FINALIZED.search(said.text):
                owed = next((a for a in reversed(texts) if "Finalize" in (a.text or "")), owed)
            owed.replies.append((max(0.0, said.at - owed.at), said))
        elif said.kind == "head":
            opening.at = said.at
    return opening, audio, texts


def _cancels(text: str) -> bool:
    """Whether a message withdraws what an earlier one with its id asked for."""
    if '"cancel"' not in text:
        return False
    try:
        return json.loads(text).get("cancel") is True
    except (ValueError, AttributeError):
        return False

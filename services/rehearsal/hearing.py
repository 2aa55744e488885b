"""One connection's hearing: audio in, utterances and words out."""

import asyncio
import math
from collections.abc import AsyncIterator

import numpy as np

from services.rehearsal.ears import SECONDS, Framer, Gate, Utterance, Word
from services.rehearsal.state import Visit

AHEAD = 0.1  # seconds of quiet after which the final is decoded, in case nothing more is said
PARTIAL_EVERY = 5  # frames: words so far are read every 100 ms


class Listener:
    """One connection's hearing: bytes in, utterances and words out."""

    def __init__(self, visit: Visit, *, rate: int, silence: float):
        """Begin to load the ears in the background.

        Args:
            visit: The session.
            rate: Samples per second of the int16 mono input.
            silence: Seconds of quiet that end an utterance.
        """
        self.gate = Gate(silence=silence)
        self.partial: list[Word] = []
        self._framer = Framer(rate)
        self._frames = 0
        self._visit = visit
        visit.heard = False
        self._ears = asyncio.ensure_future(visit.ears())
        self._decoding: asyncio.Task[list[Word]] | None = None
        self._ahead: asyncio.Task[list[Word]] | None = None

    async def hear(self, data: bytes) -> AsyncIterator[str]:
        """Take audio; yield once per 20 ms frame: ``"start"`` or ``"end"`` of an utterance, or ""."""
        for frame in self._framer.push(data):
            event = self.gate.push(frame)
            if event == "start":
                self._frames = 0
                await self._feed(self.gate.frames)
            elif self.gate.open:
                await self._feed([frame])
            if self.gate.quiet == 0.0:
                self._ahead = None
            elif self.gate.open and self._ahead is None and self.gate.quiet >= AHEAD:
                self._ahead = self._decode(self.gate.utterance())
            yield event

    def drop(self) -> Utterance:
        """Close the utterance without decoding it."""
        if self.gate.open:
            self._ears.result().reset()
        self.partial, self._ahead = [], None
        return self.gate.cut()

    def finish(self) -> "asyncio.Task[list[Word]]":
        """Close the utterance; the task returns its final words (times within the stream)."""
        ahead, utterance = self._ahead, self.drop()
        return asyncio.create_task(self._heard(ahead or self._decode(utterance)))

    async def close(self) -> None:
        """Let running work end."""
        await asyncio.gather(
            self._ears, *([self._decoding] if self._decoding else []), return_exceptions=True
        )

    async def _heard(self, decoding: "asyncio.Task[list[Word]]") -> list[Word]:
        words = await decoding
        self._visit.heard = self._visit.heard or bool(words)
        return words

    def _decode(self, utterance: Utterance) -> "asyncio.Task[list[Word]]":
        before = self._decoding

        async def decode() -> list[Word]:
            if before:
                await before
            return await asyncio.to_thread((await self._ears).decode, utterance)

        self._decoding = asyncio.create_task(decode())
        return self._decoding

    async def _feed(self, frames: list[np.ndarray]) -> None:
        ears = await self._ears
        self._frames += 1
        read = self._frames % PARTIAL_EVERY == 0

        def work() -> list[Word]:
            for frame in frames:
                ears.accept(frame)
            return ears.partial() if read else []

        words = await asyncio.to_thread(work)
        if read:
            start = self.gate.position - len(self.gate.frames) * SECONDS
            self.partial = [Word(w.text, w.start + start, w.end + start, 0.5) for w in words]


def text_of(words: list[Word]) -> str:
    """Return the words as a transcript."""
    return " ".join(word.text for word in words)


def mean_confidence(words: list[Word]) -> float:
    """Return the mean posterior of the words, 0 without words."""
    return round(math.fsum(word.confidence for word in words) / len(words), 4) if words else 0.0

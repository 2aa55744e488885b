"""Keep to the agenda, and to its time."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipecat.frames.frames import CancelFrame, EndFrame, Frame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.meeting.tracks import SegmentFrame

NEXT = re.compile(
    r"\b(next (item|point|topic)|move on to the next|let us move on|let's move on)\b", re.I
)


@dataclass(frozen=True)
class Item:
    """One thing to speak about.

    Parameters:
        title: What, in a few words.
        minutes: How long; 0 for as long as it takes.
    """

    title: str
    minutes: float = 0.0


def agenda_of(body: Mapping[str, Any]) -> list[Item]:
    """The agenda that a session was started with: ``{"agenda": [{"title": ..., "minutes": 5}]}``.

    Raises:
        ValueError: It is none; with the form.
    """
    given: Iterable[Any] = body.get("agenda") or []
    try:
        return [Item(str(item["title"]), float(item.get("minutes", 0))) for item in given]
    except (TypeError, KeyError, ValueError, AttributeError):
        raise ValueError(
            'The agenda cannot be read. Give {"agenda": [{"title": "Budget", "minutes": 5}, ...]}.'
        ) from None


class Agenda(FrameProcessor):
    """Goes through the agenda: somebody says "next item", and the bot says when time is up.

    Frame input/output::

        SegmentFrame  -> itself; the item of the moment is on the tape and at the client
    """

    def __init__(self, session, items: list[Item], **kwargs):
        """Initialize the agenda.

        Args:
            session: The session that is held.
            items: In order; none, and nothing happens.
            **kwargs: Additional arguments passed to the parent FrameProcessor.
        """
        super().__init__(**kwargs)
        self.items = items
        self._session = session
        self.begun: list[tuple[str, int]] = []
        self._at = -1
        self._timer: asyncio.Task | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Begin with the first words, and go on when somebody says so."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, SegmentFrame) and self.items:
            if self._at < 0 or (NEXT.search(frame.segment.text) and self._at + 1 < len(self.items)):
                await self._go_on(frame.segment.id)
        elif isinstance(frame, (EndFrame, CancelFrame)):
            await self._stop()

    async def cleanup(self):
        """Stop the time."""
        await super().cleanup()
        await self._stop()

    async def _go_on(self, segment: str) -> None:
        await self._stop()
        self._at += 1
        item = self.items[self._at]
        at_ms = self._session.clock.now_ns() // 1_000_000
        self.begun.append((item.title, at_ms))
        self._session.recording.event(
            "meeting.item", number=self._at + 1, title=item.title, at_ms=at_ms, segment=segment
        )
        await self._session.notify(
            "agenda", number=self._at + 1, of=len(self.items), title=item.title
        )
        if item.minutes:
            self._timer = self.create_task(self._watch(item), f"{self}::time")

    async def _watch(self, item: Item) -> None:
        await asyncio.sleep(item.minutes * 60)
        self._session.recording.event("meeting.overtime", number=self._at + 1)
        await self._session.say(f"The time for {item.title} is up.")

    async def _stop(self) -> None:
        timer, self._timer = self._timer, None
        if timer:
            await self.cancel_task(timer)

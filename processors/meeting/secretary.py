"""Take the minutes while the meeting runs."""

import asyncio
from datetime import UTC

from loguru import logger
from pipecat.frames.frames import Frame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import LLMService

from processors.meeting import export
from processors.meeting.agenda import Agenda
from processors.meeting.minutes import INSTRUCTION, PROPOSED, Minutes, request, verified
from processors.meeting.tracks import SegmentFrame, Tracks

EVERY = 25
"""Segments after which the minutes are brought up to date by themselves."""

TAKE_SECS = 60.0
MAX_TOKENS = 2000


class Secretary(FrameProcessor):
    """Has a model propose the minutes, verifies them, and shows them to the room.

    They are taken anew every :data:`EVERY` segments, and whenever :meth:`take` is called; the
    last ones count. The proposal is put on the tape, so that they can be made again from it.

    Frame input/output::

        SegmentFrame  -> itself; minutes are taken beside the call
    """

    def __init__(self, session, mind: LLMService, tracks: Tracks, agenda: Agenda, **kwargs):
        """Initialize the secretary.

        Args:
            session: The session that is held.
            mind: The model that proposes; asked out of band.
            tracks: Have the transcript.
            agenda: Says what was spoken about when.
            **kwargs: Additional arguments passed to the parent FrameProcessor.
        """
        super().__init__(**kwargs)
        self.minutes: Minutes | None = None
        self._session, self._mind = session, mind
        self._transcript, self._agenda = tracks.transcript, agenda
        self._lock = asyncio.Lock()

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Count segments, and let everything pass."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, SegmentFrame) and len(self._transcript.segments) % EVERY == 0:
            self.create_task(self.take(), f"{self}::minutes")

    async def take(self) -> Minutes | None:
        """Take the minutes of all that was said so far; None if the model does not answer."""
        async with self._lock:
            asked = LLMContext([{"role": "user", "content": request(self._transcript)}])
            try:
                proposed = await asyncio.wait_for(
                    self._mind.run_inference(
                        asked, max_tokens=MAX_TOKENS, system_instruction=INSTRUCTION
                    ),
                    TAKE_SECS,
                )
            except Exception as error:
                logger.warning(f"The minutes could not be taken: {type(error).__name__}")
                return None
            lines = proposed or ""
            self._session.recording.event(PROPOSED, lines=lines)
            self.minutes = verified(self._transcript, lines, agenda=self._agenda.begun)
            await self._session.notify(
                "minutes",
                markdown=export.to_markdown(self.minutes),
                data=export.to_json(self.minutes),
                calendar=export.to_calendar(
                    self.minutes,
                    session=self._session.id,
                    made_at=self._session.clock.started_at.astimezone(UTC),
                ),
            )
            return self.minutes

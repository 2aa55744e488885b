"""The end of a turn of which the ears made nothing."""

import asyncio

from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_stop import BaseUserTurnStopStrategy

# Silence after a voice, with the detector's own 0.2 s: words that are not there by then seldom
# come. Pipecat waits 5 s more, and a caller bears 3 s of silence in all.
WAIT_SECS = 2.2


class UnheardUserTurnStopStrategy(BaseUserTurnStopStrategy):
    """Ends a turn without a word, so that the caller can be asked to say it again.

    As soon as there is a word, the end of the turn is other strategies' business.
    """

    def __init__(self, **kwargs):
        """Initialize the strategy.

        Args:
            **kwargs: Passed on to Pipecat's base.
        """
        super().__init__(**kwargs)
        self._words = False
        self._waiting: asyncio.Task | None = None

    async def handle_user_turn_started(self):
        """Begin a turn without words."""
        self._words = False

    async def handle_user_turn_stopped(self):
        """Wait for nothing any more."""
        await self._stop_waiting()

    async def cleanup(self):
        """Wait for nothing any more."""
        await super().cleanup()
        await self._stop_waiting()

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Follow the voice and its words.

        Args:
            frame: What the user's aggregator got.
        """
        if isinstance(frame, (TranscriptionFrame, InterimTranscriptionFrame)):
            self._words = True
            await self._stop_waiting()
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            await self._stop_waiting()
        elif isinstance(frame, VADUserStoppedSpeakingFrame) and not self._words:
            await self._stop_waiting()
            self._waiting = self.create_task(self._wait())
        return ProcessFrameResult.CONTINUE

    async def _wait(self) -> None:
        await asyncio.sleep(WAIT_SECS)
        self._waiting = None  # ending the turn would cancel it
        await self.trigger_user_turn_stopped()

    async def _stop_waiting(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, None
            await self.cancel_task(waiting)

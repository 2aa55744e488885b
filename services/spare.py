"""A spare behind the first: who is on duty, and for how long."""

import asyncio

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameProcessor

# A service that failed is left alone for so long, and then tried again with the next turn.
REST_SECS = 30.0


class Duty:
    """Whether the first of two services works, rests, or is gone."""

    def __init__(self, first: FrameProcessor, *, rest_secs: float = REST_SECS):
        """Begin with the first on duty.

        Args:
            first: The service that is preferred.
            rest_secs: How long it is left alone after a failure.
        """
        self._first = first
        self._rest_secs = rest_secs
        self._until = float("-inf")
        self.handovers = 0

    @property
    def is_resting(self) -> bool:
        """Whether the spare works now."""
        return not self._first.is_usable or asyncio.get_running_loop().time() < self._until

    def stand_down(self) -> None:
        """Let the spare work from now on: it is cheaper."""
        self._until = float("inf")

    def hand_over(self) -> None:
        """Let the first rest."""
        self._until = max(self._until, asyncio.get_running_loop().time() + self._rest_secs)
        self.handovers += 1


class Relay(Pipeline):
    """A service and its spare, in the place of one.

    The two stand one behind the other. What the first does not take, because it failed or rests,
    it passes on, and the spare takes it; all else passes the spare by.

    Attributes:
        first: The service that is preferred.
        spare: Who stands in.
        duty: Which of them works.
    """

    def __init__(self, first: FrameProcessor, spare: FrameProcessor, duty: Duty):
        """Join the two."""
        super().__init__([first, spare])
        self.first, self.spare, self.duty = first, spare, duty

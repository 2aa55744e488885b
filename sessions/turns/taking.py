"""The house's turn-taking, put together for one session."""

from collections.abc import Callable

from pipecat.processors.frame_processor import FrameProcessor
from pipecat.turns.user_start import BaseUserTurnStartStrategy

from sessions.clock import Clock
from sessions.turns.barge_in import BargeInUserTurnStartStrategy
from sessions.turns.hearing import Hearing
from sessions.turns.playback import Playback


class TurnTaking:
    """Who may speak, in one session.

    Hand :attr:`hearing` and :attr:`start` to the user aggregator, and :meth:`attach` it to the
    transport's output before the pipeline runs.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        proposed: bool = False,
        realtime: bool = False,
        on_hold: Callable[[bool], None] | None = None,
    ):
        """Initialize the turn-taking.

        Args:
            clock: The session's.
            proposed: Whether ears or a core propose when a turn begins.
            realtime: Whether a core hears the caller itself.
            on_hold: Told ``True`` as the bot's voice is held, ``False`` as it goes on or is cut.
        """
        self.hearing = Hearing(clock)
        self.playback = Playback(clock)
        self.playback.on_hold = on_hold
        self.barge_in = BargeInUserTurnStartStrategy(
            self.hearing, self.playback, proposed=proposed, realtime=realtime
        )

    @property
    def start(self) -> list[BaseUserTurnStartStrategy]:
        """The strategies that start the caller's turn."""
        return [self.barge_in]

    def attach(self, output: FrameProcessor) -> None:
        """Stand between the bot's voice and the caller; see :meth:`Playback.attach`."""
        self.playback.attach(output)

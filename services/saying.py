"""What is known of speech under way: how much of it was asked for, and how much was heard."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pipecat.utils.context.word_timestamp_tracker import WordTimestamp


@dataclass
class Saying:
    """What is known of a context being spoken.

    Parameters:
        audio_secs: Audio received for it, since it was last started over.
        words: Words reported ahead of their audio, not yet counted as said.
        newest: The word counted last.
        asked: Sentences it consists of, since it was last started over.
        said: How many of these the vendor has finished.
        whole: Whether it gets no more text.
        broken: Whether the connection it was spoken on is gone.
        restarted: Whether its words are to be timed from the next audio on.
        mends: How often something was done to get it said.
    """

    audio_secs: float = 0.0
    words: list[WordTimestamp] = field(default_factory=list)
    newest: str = ""
    asked: int = 0
    said: int = 0
    whole: bool = False
    broken: bool = False
    restarted: bool = False
    mends: int = 0

    @property
    def owed(self) -> int:
        """How many of its last sentences are still to be spoken."""
        return max(0, self.asked - self.said)

    def word_due(self) -> WordTimestamp | None:
        """The next word whose audio has come."""
        if self.words and self.words[0].timestamp < self.audio_secs:
            self.newest = self.words[0].word
            return self.words.pop(0)
        return None

    def start_over(self) -> None:
        """Count from zero, as a new connection does."""
        self.words.clear()
        self.audio_secs, self.newest, self.restarted = 0.0, "", True
        self.asked = self.said = 0


class Overheard:
    """A connection whose messages are shown to someone else on their way."""

    def __init__(self, websocket, hear: Callable[[str], Awaitable[None]]):
        """Listen in.

        Args:
            websocket: The connection.
            hear: Called with each message after it was handled.
        """
        self._websocket, self._hear = websocket, hear

    async def __aiter__(self):
        async for message in self._websocket:
            yield message
            await self._hear(message)

    async def send(self, message: str) -> None:
        """Send a message."""
        await self._websocket.send(message)

"""A tape in memory: what a replay leaves, to be compared with the tape it came from."""

from collections.abc import Callable, Iterator
from pathlib import Path

from sessions.tape.reader import TapeHeader, TapeMessage
from sessions.tape.writer import Payload, TapeWriter, encode


class MemoryTape:
    """Takes messages as a :class:`TapeWriter` does and gives them back as a tape does.

    Attributes:
        header: What it says of its session.
        path: The tape it repeats, or its copy on disk.
    """

    def __init__(
        self,
        header: TapeHeader,
        path: Path,
        *,
        copy: TapeWriter | None = None,
        heed: Callable[[str, Payload], None] = lambda topic, payload: None,
    ):
        """Begin.

        Args:
            header: Of the session.
            path: The tape it repeats.
            copy: A tape on disk that gets the same messages.
            heed: Called with every message's topic and payload.
        """
        self.header = header
        self.started_at = header.started_at
        self.path = copy.path if copy else path
        self.complete = True
        self._copy = copy
        self._heed = heed
        self._messages: list[tuple[str, int, Payload]] = []

    def write(self, topic: str, clock_ns: int, payload: Payload, *, size: int = 0) -> None:
        """Put a message on the tape."""
        self._messages.append((topic, clock_ns, payload))
        self._heed(topic, payload)
        if self._copy:
            self._copy.write(topic, clock_ns, payload, size=size)

    def messages(self, *topics: str) -> Iterator[TapeMessage]:
        """Iterate messages, as :meth:`sessions.tape.Tape.messages` does."""
        exact = {t for t in topics if not t.endswith("/")}
        prefixes = tuple(t for t in topics if t.endswith("/"))
        for topic, clock_ns, payload in self._messages:
            if not topics or topic in exact or (prefixes and topic.startswith(prefixes)):
                yield TapeMessage(topic, clock_ns, encode(self.started_at + clock_ns, payload))

    def release(self) -> None:
        """Begin the copy on disk."""
        if self._copy:
            self._copy.release()

    def close(self) -> None:
        """Finish the copy on disk."""
        if self._copy:
            self._copy.close()

    discard = close

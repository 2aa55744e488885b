"""The live report: what the sessions on the line have measured so far, and the tapes of late."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from qa.figures import CallFigures, figures_of
from qa.pages.shelf import Shelf
from qa.replay.tapes import open_tape
from sessions.tape import TapeError

MOST_TAPES = 20
EVERY_SECS = 10

Running = Callable[[], Awaitable[Sequence[dict[str, Any]]]]
"""The books of the sessions on the line, see `sessions.measured.books_so_far`."""


class Report:
    """Gathers the calls to tell of."""

    def __init__(self, shelf: Shelf, running: Running):
        """Tell of the tapes of a shelf, and of the sessions that run."""
        self._shelf, self.running = shelf, running
        self._read: dict[tuple[str, int], CallFigures | None] = {}

    def calls(self, books: Sequence[dict[str, Any]]) -> list[CallFigures]:
        """Those on the line, the newest last, and then the newest tapes. It blocks.

        Args:
            books: Of those on the line.
        """
        live = [CallFigures.of({**one, "live": True}) for one in books]
        live.sort(key=lambda call: call.began_ns)
        on_the_line = {call.session for call in live}
        taped = [call for call in self._taped() if call and call.session not in on_the_line]
        return live + taped[:MOST_TAPES]

    def _taped(self) -> list[CallFigures | None]:
        known, self._read = self._read, {}
        for path in self._shelf.newest(MOST_TAPES):
            key = path.name, path.stat().st_mtime_ns
            self._read[key] = known[key] if key in known else _figures(path)
        return [*self._read.values()]


def _figures(path: Any) -> CallFigures | None:
    try:
        return figures_of(open_tape(path))
    except TapeError:
        return None  # the list of tapes says why

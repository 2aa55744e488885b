"""Who blocks the event loop: while the loop stands still, another thread looks at what it does."""

import asyncio
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from loguru import logger

from sessions.metrics.exported import BLOCKED

BEAT_SECS = 0.05
LIMIT_SECS = 0.2
ROOT = Path(__file__).parents[2]
HOUSE = tuple(
    f"{ROOT / name}/" for name in ("bots", "processors", "services", "sessions", "tools", "serving")
)


@dataclass(frozen=True)
class Blocked:
    """The loop stood still.

    Parameters:
        secs: For how long.
        where: ``file:line in function``: the innermost of our own code, or of anybody's.
        inner: The same of the call it was in.
    """

    secs: float
    where: str
    inner: str


class LoopWatch:
    """Watches the loop it is started in, from a thread of its own.

    Attributes:
        reports: Those of this process, the newest 100.
    """

    def __init__(
        self, *, limit_secs: float = LIMIT_SECS, on_blocked: Callable[[Blocked], None] | None = None
    ):
        """Initialize the watch.

        Args:
            limit_secs: Shorter stops are not worth a word.
            on_blocked: Told of each, in the watching thread.
        """
        self.reports: list[Blocked] = []
        self._limit, self._on_blocked = limit_secs, on_blocked
        self._stop = threading.Event()
        self._beat_at = 0.0

    def start(self) -> None:
        """Watch the running loop from now on."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._beat()
        threading.Thread(target=self._watch, name="loop-watch", daemon=True).start()

    def stop(self) -> None:
        """Watch no more."""
        self._stop.set()
        self._timer.cancel()

    def _beat(self) -> None:
        self._beat_at = monotonic()
        self._timer = self._loop.call_later(BEAT_SECS, self._beat)

    def _watch(self) -> None:
        found: tuple[str, str] | None = None
        stuck_at = 0.0
        while not self._stop.wait(BEAT_SECS):
            beat_at = self._beat_at
            if found and beat_at != stuck_at:
                self._report(Blocked(round(beat_at - stuck_at - BEAT_SECS, 3), *found))
                found = None
            if not found and monotonic() - beat_at - BEAT_SECS > self._limit:
                frame = sys._current_frames().get(self._thread)
                stuck_at = beat_at
                found = blame(traceback.extract_stack(frame)) if frame else None

    def _report(self, blocked: Blocked) -> None:
        self.reports = [*self.reports[-99:], blocked]
        BLOCKED.labels(blocked.where).inc(blocked.secs)
        inner = "" if blocked.inner == blocked.where else f" (in {blocked.inner})"
        logger.warning(
            f"The event loop stood still for {blocked.secs:.2f} s: {blocked.where}{inner}"
        )
        if self._on_blocked:
            self._on_blocked(blocked)


def blame(stack: traceback.StackSummary) -> tuple[str, str]:
    """Our innermost call of a stack, or anybody's; and the innermost at all."""
    own = [step for step in stack if step.filename.startswith(HOUSE)]
    return _place((own or stack)[-1]), _place(stack[-1])


def _place(step: traceback.FrameSummary) -> str:
    path = Path(step.filename)
    short = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(*path.parts[-3:])
    return f"{short}:{step.lineno} in {step.name}"

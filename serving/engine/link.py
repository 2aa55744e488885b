"""One session process, as the front process sees it."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

from loguru import logger

from serving.engine.channel import Channel
from serving.engine.far_sockets import NearSocket, unpacked
from serving.engine.load import resident_mb
from serving.engine.metrics import Snapshot


class Crashed(RuntimeError):
    """A session's process ended before the session did; the message says how."""


class Link:
    """A session process: its line, its sessions, and how it fares.

    Attributes:
        pid: Its process id.
        channel: What it is asked through, once it has begun.
        calls: A future for each of its sessions: done when the session is over.
        sockets: The WebSockets of its callers.
        lag_ms: The p99 of its event loop's lateness over ten seconds.
        beat_at: When it was last heard of, on the loop's clock.
        figures: What it has measured.
        used: Whether it has had a session.
    """

    def __init__(self, pid: int, *, on_over: Callable[["Link", list[str]], None]):
        """Initialize the link.

        Args:
            pid: Its process id.
            on_over: Told when a session is over, and of modules that one had to import.
        """
        self.pid = pid
        self.channel: Channel
        self.calls: dict[str, asyncio.Future[None]] = {}
        self.sockets: dict[str, NearSocket] = {}
        self.lag_ms = 0.0
        self.beat_at = asyncio.get_running_loop().time()
        self.figures: Snapshot = []
        self.used = False
        self.doom = ""
        self._born_mb = resident_mb(pid)
        self._on_over = on_over

    @property
    def grown_mb(self) -> float:
        """Memory it has taken since it was forked, MB."""
        return resident_mb(self.pid) - self._born_mb

    def handlers(self) -> dict[str, Any]:
        """What it may tell the front."""
        return {"beat": self._beat, "over": self._over, "frame": self._frame}

    def seat(self, session: str) -> None:
        """Give it a session."""
        self.used = True
        self.calls[session] = asyncio.get_running_loop().create_future()

    def kill(self, why: str) -> None:
        """End it at once."""
        self.doom = why
        logger.error(f"Session process {self.pid} is ended: {why}")
        os.kill(self.pid, signal.SIGKILL)

    def lost(self) -> None:
        """Fail the sessions of a process that is gone."""
        for over in self.calls.values():
            if not over.done():
                over.set_exception(Crashed(self.doom or "ended without warning"))
                over.exception()  # a session that was dropped meanwhile asks no more

    async def _beat(self, *, lag_ms: float, figures: Snapshot, late: list[str]) -> None:
        self.beat_at = asyncio.get_running_loop().time()
        self.lag_ms, self.figures = lag_ms, figures
        if late:
            self._on_over(self, late)

    async def _over(self, *, session: str, figures: Snapshot, late: list[str]) -> None:
        self.figures = figures
        if over := self.calls.get(session):
            if not over.done():
                over.set_result(None)
        self._on_over(self, late)

    async def _frame(self, *, session: str, message: dict[str, Any], blob: bytes = b"") -> None:
        if socket := self.sockets.get(session):
            socket.take(unpacked(message, blob))

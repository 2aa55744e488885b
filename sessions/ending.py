"""How every call ends: within a bound, whatever hangs."""

import asyncio
from collections.abc import Awaitable, Callable

from loguru import logger
from pipecat.frames.frames import BotSpeakingFrame, CancelFrame, EndFrame, StopFrame
from pipecat.observers.base_observer import FramePushed
from pipecat.workers.runner import WorkerRunner

from sessions.watching import Watcher

# A call is gone within 5 s of its end: 2 s for what is queued, 2 s for Pipecat to cancel, and
# the rest for the event loop. Words that are still being spoken extend the first part.
FLUSH_SECS = 2.0
CANCEL_SECS = 2.0
LAST_WORDS_SECS = 20.0


class EndWatchdog(Watcher):
    """Bounds the end of a call: Pipecat waits for an ``EndFrame`` without a limit."""

    def __init__(self, *, now: Callable[[], float], last_words_secs: float = LAST_WORDS_SECS):
        """Initialize the watchdog.

        Args:
            now: The session's clock, in seconds.
            last_words_secs: How long the bot may go on speaking after the end was asked for.
        """
        super().__init__()
        self.reason: str | None = None
        self._now = now
        self._last_words_secs = last_words_secs
        self._ending = asyncio.Event()
        self._hung_up = asyncio.Event()
        self._spoke_at = float("-inf")

    async def on_push_frame(self, data: FramePushed):
        """Notice that the call is ending, and whether the bot is still speaking."""
        if isinstance(data.frame, BotSpeakingFrame):
            self._spoke_at = self._now()
        elif isinstance(data.frame, (EndFrame, StopFrame)):
            self._ending.set()
        elif isinstance(data.frame, CancelFrame):
            self._ending.set()
            self._hung_up.set()

    @property
    def hung_up(self) -> bool:
        """Whether the call was cut: the caller has gone, or everything was cancelled."""
        return self._hung_up.is_set()

    def end(self, reason: str, *, at_once: bool = False) -> None:
        """Note that the call is over.

        Args:
            reason: Why, in a few words; the first one is kept.
            at_once: Whether nobody is left to hear what the bot still has to say.
        """
        self.reason = self.reason or reason
        self._ending.set()
        if at_once:
            self._hung_up.set()

    async def watch(
        self,
        runner: WorkerRunner,
        *,
        ask: Callable[[], Awaitable],
        close: Callable[[], Awaitable],
    ) -> None:
        """Run the workers until they end, or until the bound is reached.

        Args:
            runner: Holds the session's workers.
            ask: Asks the pipeline to end once it has said what is queued.
            close: Closes the caller's line. Called when the pipeline did not end by itself.
        """
        running = asyncio.ensure_future(runner.run())
        try:
            await _first(running, self._ending.wait())
            asking = asyncio.ensure_future(ask()) if not self._hung_up.is_set() else None
            if await self._flushed(running):
                running.result()
                return
            cancelling = asyncio.ensure_future(runner.cancel(reason=self.reason))
            if await _done_within(running, CANCEL_SECS):
                return
            logger.error(f"The pipeline did not end within its bound ({self.reason}); dropping it")
            for task in filter(None, (asking, cancelling, running)):
                task.cancel()
            await _done_within(running, 0.3)
            await _done_within(asyncio.ensure_future(close()), 0.3)
        except asyncio.CancelledError:
            running.cancel()
            await _done_within(running, CANCEL_SECS)
            raise

    async def _flushed(self, running: asyncio.Future) -> bool:
        """Give the pipeline its time to say what is queued, unless the caller has gone."""
        asked_at = self._now()
        while not self._hung_up.is_set() and not running.done():
            await _first(running, self._hung_up.wait(), asyncio.sleep(0.1))
            now = self._now()
            quiet_for = now - max(self._spoke_at, asked_at)
            if quiet_for > FLUSH_SECS or now - asked_at > self._last_words_secs:
                break
        return running.done()


async def _first(running: asyncio.Future, *others: Awaitable) -> None:
    waiters = [asyncio.ensure_future(other) for other in others]
    await asyncio.wait([running, *waiters], return_when=asyncio.FIRST_COMPLETED)
    for waiter in waiters:
        waiter.cancel()


async def _done_within(task: asyncio.Future, seconds: float) -> bool:
    await asyncio.wait([task], timeout=seconds)
    return task.done()

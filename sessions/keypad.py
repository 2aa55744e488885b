"""What a caller keys in reaches the model as something they typed: behind every door, for every bot."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import Frame, InputDTMFFrame, InterruptionFrame
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.dtmf_aggregator import DTMFAggregator
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from sessions.telling import tell

if TYPE_CHECKING:
    from sessions.session import Session

# Pipecat's own keypad aggregator waits as long for the next key, and ends with the same one.
PAUSE_SECS = 2.0
LAST_KEY = KeypadEntry.POUND
# A choice from a menu names nobody.
MENU_KEYS = 2
# What keyed digits are by their number, when the bot's question does not say.
BY_LENGTH = {9: "SSN", 10: "PHONE", 11: "PHONE"}


class Keypad:
    """Collects keys until a pause or ``#``, and tells the model ``Keyed in: ...`` in one message.

    The first key interrupts the bot, once the disclosure was heard. Where the policy redacts, keys
    end here and more than two of them are told as one surrogate. Elsewhere they go on to the
    bot's processors too, and a bot with a ``DTMFAggregator`` of its own is told nothing twice.
    """

    def __init__(self, session: "Session"):
        """Initialize the keypad. It does nothing before :meth:`attach`."""
        self._session = session
        self._worker: PipelineWorker
        self._keys = ""
        self._timer: asyncio.TimerHandle | None = None
        self._telling: set[asyncio.Task] = set()

    def attach(self, worker: PipelineWorker, parts: Iterable[FrameProcessor]) -> None:
        """Stand at the caller's door from now on.

        Args:
            worker: Runs the session's pipeline.
            parts: What the bot chained together.
        """
        redacts = self._session.phi is not None
        if not redacts and any(isinstance(part, DTMFAggregator) for part in parts):
            return
        self._worker = worker
        source: Any = self._session.transport.input()
        push = source.push_frame

        async def pushed(frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM):
            if not isinstance(frame, InputDTMFFrame):
                return await push(frame, direction)
            # Upstream nothing reads a key but the observers, of which one is the tape.
            await push(frame, FrameDirection.UPSTREAM if redacts else direction)
            await self._pressed(frame.button)

        source.push_frame = pushed

    def close(self) -> None:
        """Forget keys that nobody will read."""
        self._keys = ""
        for work in (self._timer, *self._telling):
            if work:
                work.cancel()

    async def _pressed(self, key: KeypadEntry) -> None:
        if self._timer:
            self._timer.cancel()
        if not self._keys:
            await self._worker.queue_frame(InterruptionFrame())
        if key == LAST_KEY:
            self._told()
        else:
            self._keys += str(key.value)
            self._timer = asyncio.get_running_loop().call_later(PAUSE_SECS, self._told)

    def _told(self) -> None:
        keys, self._keys, self._timer = self._keys, "", None
        if keys:
            task = asyncio.create_task(self._tell(f"Keyed in: {self._named(keys)}"))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    def _named(self, keys: str) -> str:
        """The keys, or their surrogate where the policy redacts and they may name somebody."""
        phi = self._session.phi
        if phi is None or len(keys) <= MENU_KEYS:
            return keys
        asked = phi.redact(keys).spans  # read in the light of what the bot asked
        label = asked[0].label if asked else BY_LENGTH.get(len(keys), "ID")
        surrogate = phi.vault.put(keys, label)
        self._session.ledger.redacted("keypad", "", surrogate)
        return surrogate

    async def _tell(self, text: str) -> None:
        self._session.gate.heard(text)
        await self._worker.flush_pipeline()  # what was cut off is remembered first
        await tell(self._session, text, role="user", run=True)

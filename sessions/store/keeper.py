"""Keeps one session in the store while it runs: off the hot path, in order, under one epoch."""

import asyncio
import contextlib
import json
import os
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from loguru import logger
from pipecat.frames.frames import (
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    LLMContextAssistantTimestampFrame,
    LLMContextAssistantTurnFrame,
    LLMContextFrame,
)
from pipecat.observers.base_observer import FramePushed
from pipecat.processors.aggregators.llm_context import LLMContext

from sessions.store import BEAT_SECS, SessionStore, StaleOwner, StoreDown
from sessions.store.box import Box
from sessions.store.speech import Speech
from sessions.store.state import Kept, pack
from sessions.watching import Watcher

if TYPE_CHECKING:
    from sessions.session import Session

T = TypeVar("T")

KEEP_SECS = 3600.0
"""A session is forgotten so long after its last write; a caller may come back until then."""

RENEW_SECS = KEEP_SECS / 2
"""A silent call is written again so often."""

PATIENCE_SECS = 2.0
"""What a write that must be acknowledged waits for, and what the last write of a call may take."""

AGAIN_SECS = 0.5
"""Between two tries while the store is down."""

WRITTEN = (
    LLMContextFrame,
    LLMContextAssistantTimestampFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallCancelFrame,
)


class Keeper(Watcher):
    """Writes what a session would need to go on elsewhere.

    One task writes: events in the order they came, then the state as it then is, then the beat.
    While the store is down the call goes on: the newest state and all events wait, and go out
    when it is back. A session that has another owner by now ends.
    """

    def __init__(
        self,
        session: "Session",
        store: SessionStore,
        box: Box,
        *,
        contexts: Sequence[LLMContext],
        epoch: int | None = None,
        owner: str = "",
    ):
        """Initialize the keeper. Nothing is written before :meth:`start`.

        Args:
            session: Whose state is kept.
            store: Where.
            box: Seals it.
            contexts: What the models of its pipeline read.
            epoch: Of a session that was resumed; else it is claimed first.
            owner: Who claimed it.
        """
        super().__init__()
        self.down = False
        self.failures = 0
        self.listeners: list[Callable[[str, float], None]] = []
        self._session, self._store, self._box = session, store, box
        self._epoch = epoch
        self._owner = owner or new_owner()
        self._speech = Speech()
        self._contexts = contexts
        self._turns: list[Any] = []
        self._events: deque[tuple[bytes, asyncio.Future]] = deque()
        self._wake = asyncio.Event()
        self._looks = 0
        self._dirty = self._over = False
        self._last: Any = None
        self._saved_at = self._beat_at = 0.0
        self._millis: deque[float] = deque(maxlen=512)
        self._task: asyncio.Task | None = None

    def start(self) -> None:
        """Keep the session from now on."""
        self._turns = [_last_turn(context) for context in self._contexts]
        self._speech.attach(self._session.transport.output(), on_heard=self._look)
        self._task = asyncio.create_task(self._work(), name=f"keeper of {self._session.id}")
        self.touch()

    def touch(self) -> None:
        """Write the state soon."""
        self._dirty = True
        self._wake.set()

    async def append(self, event: Mapping[str, Any]) -> None:
        """Write an event; returns once it is acknowledged.

        Args:
            event: JSON data.

        Raises:
            StoreDown: The store has not acknowledged it in time, and will not be given it later.
            StaleOwner: The session goes on elsewhere.
        """
        written = self.note(event)
        try:
            await asyncio.wait_for(written, PATIENCE_SECS)
        except TimeoutError:
            raise StoreDown("The session store has not acknowledged a write in time.") from None

    def note(self, event: Mapping[str, Any]) -> asyncio.Future:
        """Write an event soon, behind those before it; done once it is acknowledged."""
        plain = json.dumps(event, default=str).encode()
        written = asyncio.get_running_loop().create_future()
        written.add_done_callback(_retrieved)
        self._events.append((self._box.close(plain, sid=self._session.id), written))
        self._wake.set()
        return written

    async def close(self, *, over: bool, lost: bool = False) -> None:
        """Write the end and let go.

        Args:
            over: Whether the conversation came to its end; else the caller may come back.
            lost: Whether this process was told to go: another may take the session over at once.
        """
        if not self._task or self._task.done():
            return
        self._over = over
        self.touch()
        try:
            async with asyncio.timeout(PATIENCE_SECS):
                while (self._dirty or self._events) and not self._task.done():
                    await asyncio.sleep(0.01)
                if self._epoch:
                    await self._timed(
                        "release",
                        self._store.release(self._session.id, self._epoch, over=not lost),
                    )
        except (TimeoutError, StoreDown):
            logger.error(f"Session {self._session.id}: its last state could not be stored")
        finally:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def forget(self) -> None:
        """Delete what is stored of the session, and store no more of it."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._session.once.journal = None
        await self._store.delete(self._session.id)

    def p95_ms(self) -> float | None:
        """p95 of the store's last calls, in milliseconds; None before the first."""
        ordered = sorted(self._millis)
        return ordered[int(0.95 * (len(ordered) - 1))] if ordered else None

    async def on_push_frame(self, data: FramePushed):
        """Notice what is worth a write."""
        frame = data.frame
        if self._speech.follow(data):
            self._look()
        if isinstance(frame, WRITTEN):
            # The context may take the frame in only after this: it is looked at once more.
            self._looks = 2
            self._wake.set()
        if isinstance(frame, LLMContextFrame):
            self._user_turns()
        elif isinstance(frame, LLMContextAssistantTurnFrame):
            if frame.broadcast_sibling_id is None or data.direction.name == "DOWNSTREAM":
                self._turned("assistant", frame.text)

    def _look(self) -> None:
        """Write with the next beat what may have changed."""
        self._looks = max(1, self._looks)

    def _user_turns(self) -> None:
        for i, context in enumerate(self._contexts):
            turn = _last_turn(context)
            if turn is not self._turns[i]:
                self._turns[i] = turn
                self._turned("user", turn and turn.get("content"))

    def _turned(self, role: str, text: Any) -> None:
        if isinstance(text, str) and text:
            at = round(self._session.clock.now(), 3)
            turn = {"turn": role, "text": text, "part": self._session.part, "at": at}
            self.note(turn)

    async def _work(self) -> None:
        while True:
            try:
                await self._write(self._session.id)
                self._up()
            except StaleOwner as stale:
                for _, written in self._events:
                    if not written.done():
                        written.set_exception(stale)
                logger.warning(f"Session {self._session.id} goes on elsewhere; this copy ends")
                self._session.hang_up("the session goes on elsewhere")
                return
            except StoreDown as fault:
                self._failed(fault)
                await asyncio.sleep(AGAIN_SECS)
            except Exception as fault:
                kind = type(fault).__name__
                logger.error(f"Session {self._session.id} is not kept any more: {kind}")
                raise

    async def _write(self, sid: str) -> None:
        """Write what there is to write, then wait for more until the next beat is due."""
        if not self._epoch:
            claimed = self._timed("claim", self._store.claim(sid, self._owner, force=True))
            self._epoch = await claimed
        elif time.monotonic() - self._beat_at >= BEAT_SECS:
            if await self._timed("beat", self._store.beat(self._owner, [sid])):
                raise StaleOwner(sid)
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), BEAT_SECS)
            self._wake.clear()
            await self._write_events(sid)
            await self._write_state(sid)
            return
        self._beat_at = time.monotonic()

    async def _write_events(self, sid: str) -> None:
        assert self._epoch
        while self._events:
            event, written = self._events[0]
            if not written.cancelled():
                await self._timed("append", self._store.append(sid, self._epoch, event))
            self._events.popleft()
            if not written.done():
                written.set_result(None)

    async def _write_state(self, sid: str) -> None:
        assert self._epoch
        now = time.monotonic()
        forced = self._dirty or now - self._saved_at > RENEW_SECS
        if not (forced or self._looks):
            return
        looks, self._looks, self._dirty = self._looks, max(0, self._looks - 1), False
        state, vault = self._state(), self._session.phi and self._session.phi.vault
        essence = (state.to_bytes(), vault and vault.version)
        if essence == self._last and not forced:
            return
        clock = self._session.clock
        state.at = clock.started_at.timestamp() + clock.now()
        if vault:
            state.vault = self._box.close_vault(vault, keep_s=KEEP_SECS)
        blob = self._box.close(state.to_bytes(), sid=sid)
        try:
            await self._timed("save", self._store.save(sid, self._epoch, blob, keep_s=KEEP_SECS))
        except StoreDown:
            self._looks, self._dirty = max(looks, self._looks), True
            raise
        self._last, self._saved_at = essence, now

    def _state(self) -> Kept:
        session = self._session
        return Kept(
            bot=session.bot,
            policy=session.policy.name,
            body=session.body,
            at=0.0,
            part=session.part,
            disclosed=session.disclosed,
            over=self._over,
            contexts=[pack(context.messages) for context in self._contexts],
            facts=dict(session.budget.facts),
            handoff=session.handoff,
            hearing=self._speech.hearing,
            heard=self._speech.heard,
            unheard=self._speech.unheard,
        )

    async def _timed(self, what: str, call: Awaitable[T]) -> T:
        began = time.perf_counter()
        try:
            return await call
        finally:
            millis = (time.perf_counter() - began) * 1000
            self._millis.append(millis)
            for listener in self.listeners:
                listener(what, millis)

    def _failed(self, fault: StoreDown) -> None:
        self.failures += 1
        if not self.down:
            self.down = True
            logger.error(
                f"Session {self._session.id}: {fault} The call goes on; it cannot be resumed "
                "until the store is back"
            )

    def _up(self) -> None:
        if self.down:
            self.down = False
            logger.warning(f"Session {self._session.id}: the session store is back; all is written")


def _last_turn(context: LLMContext) -> Any:
    said = [m for m in context.messages if isinstance(m, dict) and m.get("role") == "user"]
    return said[-1] if said else None


def new_owner() -> str:
    """Who holds a lease: this process, for one copy of a session."""
    return f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}"


def _retrieved(written: asyncio.Future) -> None:
    if not written.cancelled():
        written.exception()

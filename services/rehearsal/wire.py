"""What the wires share: ids, an ordered and delayed outbox that injects faults, and a listener."""

import asyncio
import json
import math
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import numpy as np
from aiohttp import web
from loguru import logger

from services.rehearsal.ears import SECONDS, Framer, Gate, Utterance, Word
from services.rehearsal.faults import Fault
from services.rehearsal.state import Rehearsal, Visit

HOUSE = web.AppKey("house", Rehearsal)
Message = dict[str, Any]
AHEAD = 0.1  # seconds of quiet after which the final is decoded, in case nothing more is said
PARTIAL_EVERY = 5  # frames: words so far are read every 100 ms


def uid() -> str:
    """Return a new random id."""
    return str(uuid.uuid4())


def bearer(request: web.Request) -> str:
    """Return the key of an Authorization header, whatever its scheme."""
    return request.headers.get("Authorization", "").rpartition(" ")[2]


class Outbox:
    """Sends the messages of one WebSocket in order, each not before it is due.

    Faults that act in mid-stream act here.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        *,
        request: web.Request,
        visit: Visit,
        vendor: str,
        fault: Fault | None,
        error: Callable[[str], Message],
    ):
        """Start sending.

        Args:
            socket: Where to.
            request: The request that opened the socket; its connection is what a drop cuts.
            visit: Whose journal is written.
            vendor: The vendor played.
            fault: The fault that hits this connection.
            error: Builds the vendor's error message of a type.
        """
        self._socket = socket
        self._request = request
        self._visit = visit
        self._vendor = vendor
        self._error = error
        self._queue: asyncio.Queue[Callable[[], Awaitable[Message | None]]] = asyncio.Queue()
        self._count = 0
        self._late: set[asyncio.Task] = set()
        self.fault = fault
        self._task = asyncio.create_task(self._run())

    def arm(self) -> None:
        """At the start of a turn, take a fault that was injected since the connection opened."""
        if self.fault is None:
            self.fault = self._visit.fault(self._vendor, live=True)
            self._count = 0

    def post(
        self, message: Message, *, due: float = 0.0, unless: Callable[[], bool] = lambda: False
    ) -> None:
        """Send a message when it is due (loop time), unless it is stale by then."""

        async def wait() -> Message | None:
            await until(due)
            return None if unless() else message

        self.post_job(wait)

    def later(self, post: Callable[[], object], *, due: float) -> None:
        """Post something when it is due; what is posted meanwhile goes before it."""

        async def wait() -> None:
            await until(due)
            post()

        task = asyncio.create_task(wait())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def post_job(self, job: Callable[[], Awaitable[Message | None]]) -> None:
        """Send what a job returns; what was posted later waits for it."""
        self._queue.put_nowait(job)

    async def send(self, message: Message) -> None:
        """Send at once, past the queue."""
        self._count += 1
        fault = self.fault
        if fault and fault.kind == "stall" and self._count > 1:
            self.fault = None
            await asyncio.sleep(fault.number)
        elif fault and fault.kind == "error" and self._count > 1:
            self.fault = None
            message = self._error(fault.text)
        elif fault and fault.kind not in ("stall", "error") and self._count > fault.number:
            self.fault = None
            if fault.kind == "drop_after" and self._request.transport:
                self._request.transport.abort()
                return
            if fault.kind == "close_after":
                await self._socket.close(code=1011, message=b"rehearsal fault")
                return
            if fault.kind == "garbage_after":
                await self._socket.send_str("{not json")
                return
            if fault.kind == "unknown_after":
                await self._write({"type": "SomethingNew", "context_id": message.get("context_id")})
        await self._write(message)

    async def drain(self) -> None:
        """Wait until everything posted is sent."""
        await self._queue.join()

    async def close(self) -> None:
        """Stop sending; what is still queued is dropped."""
        tasks = [self._task, *self._late]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _write(self, message: Message) -> None:
        if not self._socket.closed:
            try:
                await self._socket.send_str(json.dumps(message))
            except ConnectionError:
                pass

    async def _run(self) -> None:
        while True:
            job = await self._queue.get()
            try:
                message = await job()
                if message is not None:
                    await self.send(message)
            except Exception as e:
                logger.exception(f"The {self._vendor} double failed")
                self._visit.journal.write(self._vendor, "double-error", error=repr(e))
            finally:
                self._queue.task_done()


class Listener:
    """One connection's hearing: bytes in, utterances and words out."""

    def __init__(self, visit: Visit, *, rate: int, silence: float):
        """Begin to load the ears in the background.

        Args:
            visit: The session.
            rate: Samples per second of the int16 mono input.
            silence: Seconds of quiet that end an utterance.
        """
        self.gate = Gate(silence=silence)
        self.partial: list[Word] = []
        self._framer = Framer(rate)
        self._frames = 0
        self._visit = visit
        visit.heard = False
        self._ears = asyncio.ensure_future(visit.ears())
        self._decoding: asyncio.Task[list[Word]] | None = None
        self._ahead: asyncio.Task[list[Word]] | None = None

    async def hear(self, data: bytes) -> AsyncIterator[str]:
        """Take audio; yield once per 20 ms frame: ``"start"`` or ``"end"`` of an utterance, or ""."""
        for frame in self._framer.push(data):
            event = self.gate.push(frame)
            if event == "start":
                self._frames = 0
                await self._feed(self.gate.frames)
            elif self.gate.open:
                await self._feed([frame])
            if self.gate.quiet == 0.0:
                self._ahead = None
            elif self.gate.open and self._ahead is None and self.gate.quiet >= AHEAD:
                self._ahead = self._decode(self.gate.utterance())
            yield event

    def drop(self) -> Utterance:
        """Close the utterance without decoding it."""
        if self.gate.open:
            self._ears.result().reset()
        self.partial, self._ahead = [], None
        return self.gate.cut()

    def finish(self) -> "asyncio.Task[list[Word]]":
        """Close the utterance; the task returns its final words (times within the stream)."""
        ahead, utterance = self._ahead, self.drop()
        return asyncio.create_task(self._heard(ahead or self._decode(utterance)))

    async def close(self) -> None:
        """Let running work end."""
        await asyncio.gather(
            self._ears, *([self._decoding] if self._decoding else []), return_exceptions=True
        )

    async def _heard(self, decoding: "asyncio.Task[list[Word]]") -> list[Word]:
        words = await decoding
        self._visit.heard = self._visit.heard or bool(words)
        return words

    def _decode(self, utterance: Utterance) -> "asyncio.Task[list[Word]]":
        before = self._decoding

        async def decode() -> list[Word]:
            if before:
                await before
            return await asyncio.to_thread((await self._ears).decode, utterance)

        self._decoding = asyncio.create_task(decode())
        return self._decoding

    async def _feed(self, frames: list[np.ndarray]) -> None:
        ears = await self._ears
        self._frames += 1
        read = self._frames % PARTIAL_EVERY == 0

        def work() -> list[Word]:
            for frame in frames:
                ears.accept(frame)
            return ears.partial() if read else []

        words = await asyncio.to_thread(work)
        if read:
            start = self.gate.position - len(self.gate.frames) * SECONDS
            self.partial = [Word(w.text, w.start + start, w.end + start, 0.5) for w in words]


def text_of(words: list[Word]) -> str:
    """Return the words as a transcript."""
    return " ".join(word.text for word in words)


def mean_confidence(words: list[Word]) -> float:
    """Return the mean posterior of the words, 0 without words."""
    return round(math.fsum(word.confidence for word in words) / len(words), 4) if words else 0.0


def now() -> float:
    """Return the loop's time, in which messages are due."""
    return asyncio.get_running_loop().time()


async def until(due: float) -> None:
    """Sleep until a loop time, if it is not past."""
    if (wait := due - now()) > 0:
        await asyncio.sleep(wait)

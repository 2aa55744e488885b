"""What the wires share: ids, the pump of a WebSocket, and its outbox, which delays and injects faults."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from aiohttp import web
from loguru import logger

from services.rehearsal.faults import Fault
from services.rehearsal.state import Rehearsal, Visit

HOUSE = web.AppKey("house", Rehearsal)
MAX_MESSAGE = 1 << 24  # bytes: a Realtime message with a picture in it
Message = dict[str, Any]


def uid() -> str:
    """Return a new random id."""
    return str(uuid.uuid4())


def bearer(request: web.Request) -> str:
    """Return the key of an Authorization header, whatever its scheme."""
    return request.headers.get("Authorization", "").rpartition(" ")[2]


async def fault_of(visit: Visit, vendor: str) -> Fault | None:
    """Take the fault that hits this handshake or request; a slow one is waited out here."""
    fault = visit.fault(vendor)
    if fault and fault.kind == "slow":
        await asyncio.sleep(fault.number)
    return fault


class Conversation(Protocol):
    """One open WebSocket of a vendor."""

    async def run(self, socket: web.WebSocketResponse) -> None:
        """Take what the client sends, until either side closes."""
        ...

    async def close(self) -> Message | None:
        """Stop what is still running; what is returned goes into the journal."""
        ...

    def error(self, kind: str) -> Message:
        """Build the vendor's error message of a type."""
        ...


async def converse(
    request: web.Request,
    visit: Visit,
    *,
    vendor: str,
    fault: Fault | None,
    connect: Callable[["Outbox"], Conversation],
    headers: Mapping[str, str] = MappingProxyType({}),
) -> web.WebSocketResponse:
    """Open a WebSocket and serve it to its end.

    Args:
        request: The handshake, admitted.
        visit: The session.
        vendor: The vendor played.
        fault: The fault that hits this connection in mid-stream.
        connect: Builds the vendor's side.
        headers: Of the handshake's answer.
    """
    socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE)
    socket.headers.update(headers)
    await socket.prepare(request)
    outbox = Outbox(
        socket,
        request=request,
        visit=visit,
        vendor=vendor,
        fault=fault,
        error=lambda kind: connection.error(kind),
    )
    connection = connect(outbox)
    try:
        await connection.run(socket)
    finally:
        await outbox.close()
        last = await connection.close()
        visit.journal.write(vendor, "closed", code=socket.close_code, **(last or {}))
    return socket


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


def now() -> float:
    """Return the loop's time, in which messages are due."""
    return asyncio.get_running_loop().time()


async def until(due: float) -> None:
    """Sleep until a loop time, if it is not past."""
    if (wait := due - now()) > 0:
        await asyncio.sleep(wait)

"""Who is on the line: admits sessions, runs each bot, and ends them."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

from aiortc import RTCIceServer
from fastapi import HTTPException
from loguru import logger
from pipecat.runner.types import RunnerArguments, SmallWebRTCRunnerArguments
from pipecat.transports.smallwebrtc.request_handler import (
    SmallWebRTCPatchRequest,
    SmallWebRTCRequest,
)
from pipecat.utils.file_storage import FileStorage
from pipecat.utils.security.redaction import redact_secrets

from serving.engine.load import Gauge, Limits
from serving.engine.metrics import ADMITTED, CPU, LAG, REFUSED, SESSIONS, exposition
from serving.webrtc import GONE, CallerConnection, CallerRequestHandler
from sessions.measured import books_so_far
from sessions.readings import readings_of
from sessions.transfer import transfer_of

Bot = Callable[[RunnerArguments], Awaitable[None]]


class Line(Protocol):
    """The caller's end of a session."""

    async def tell(self, fault: str) -> None:
        """Say why the session cannot go on, if the caller can be reached."""
        ...

    async def hang_up(self) -> None:
        """Close the caller's connection; harmless when it is closed already."""
        ...


@dataclass(eq=False)
class Call:
    """One session from its admission to its end."""

    id: str
    body: dict[str, Any]
    arrival: asyncio.Future[RunnerArguments]
    line: Line | None = None
    uploads: list[str] = field(default_factory=list)
    task: asyncio.Task | None = None

    def __str__(self) -> str:
        return f"Session {self.id} ({self.body.get('bot', 'bot')})"


class Switchboard:
    """Runs the sessions of this process, each in a task of its own.

    Args:
        bot: The bot function, as Pipecat's runner and Pipecat Cloud call it.
        storage: Where callers' documents lie; a session's are deleted when it ends.
        ice_servers: STUN and TURN servers of WebRTC connections.
        limit: Most sessions at a time, however idle they are.
        limits: How busy the process may be and still take a caller; ``None`` for any. One who
            would be the only one is always taken.
        patience: Seconds an admitted caller has to connect.
        candid: Tell callers the text of a fault instead of only that there was one.
            For development: such text may name files, models and settings.
    """

    url = ""
    """Where this host is reached and no other, where there are several."""

    def __init__(
        self,
        bot: Bot,
        *,
        storage: FileStorage,
        ice_servers: Sequence[Mapping[str, Any]] = (),
        limit: int = 24,
        limits: Limits | None = None,
        patience: float = 30.0,
        candid: bool = False,
    ):
        self.storage = storage
        self._bot = bot
        self._limit = limit
        self._limits = limits
        self._patience = patience
        self._candid = candid
        self._calls: dict[str, Call] = {}
        self._draining = self._closed = False
        self._handler = CallerRequestHandler(
            ice_servers=[RTCIceServer(**server) for server in ice_servers] or None
        )
        self.gauge = Gauge()

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def layers(self) -> Sequence[Any]:
        """ASGI middleware that callers' requests pass on their way here."""
        return ()

    @property
    def elsewhere(self) -> Sequence[str]:
        """URLs of the other hosts, which have callers of their own."""
        return ()

    def media_url(self, wishes: Mapping[str, Any]) -> str:
        """Where a new caller's media is best brought; empty when this server has but one address.

        Args:
            wishes: What `serving.engine.placement.wishes` read of the caller's.
        """
        return ""

    async def open(self) -> None:
        """Get ready for callers."""
        self.gauge.start()

    @property
    def refusal(self) -> str:
        """Why no caller can be taken in for good, in words; empty while they can."""
        return "The server is closing." if self._draining or self._closed else ""

    def admit(
        self, body: dict[str, Any], *, session_id: str | None = None, returning: bool = False
    ) -> Call:
        """Take a caller in; their bot starts when they connect.

        Args:
            body: The session's.
            session_id: The session to go on with, from a store; a new one otherwise.
            returning: Whether they were cut off and hold a ticket: they come before new callers.

        Raises:
            HTTPException: 503 when all lines are busy or the server is closing; 409 when the
                session to go on with is on the line.
        """
        if session_id in self._calls:
            raise HTTPException(409, "This session is on the line. Connect to it.")
        refusal, reason = self._refuse() if not returning else (self.refusal, "closing")
        if refusal:
            REFUSED.labels(reason).inc()
            raise HTTPException(
                503, f"{refusal} Call again in a moment.", headers={"Retry-After": "15"}
            )
        ADMITTED.inc()
        call = Call(session_id or str(uuid4()), body, asyncio.get_running_loop().create_future())
        self._calls[call.id] = call
        call.task = asyncio.create_task(self._run(call), name=f"session {call.id}")
        call.task.add_done_callback(lambda _: self._calls.pop(call.id, None))
        return call

    def metrics(self) -> bytes:
        """The text for Prometheus."""
        SESSIONS.set(len(self))
        CPU.set(self.gauge.cpu)
        LAG.labels("front").set(self.gauge.lag_ms / 1000)
        return exposition([])

    def _refuse(self) -> tuple[str, str]:
        """Why the next caller cannot be taken, for them and for the figures; empty if they can."""
        if self.refusal:
            return self.refusal, "closing"
        if len(self._calls) >= self._limit:
            return "All lines are busy.", "lines"
        why = self._limits and self._limits.exceeded(**self._load())
        if why and self._calls:
            return f"All lines are busy ({why}).", "load"
        return "", ""

    def _load(self) -> dict[str, float]:
        return {"lag_ms": self.gauge.lag_ms, "cpu": self.gauge.cpu}

    def get(self, session_id: str) -> Call | None:
        """The session with this id, if it is on the line."""
        return self._calls.get(session_id)

    def find(self, session_id: str) -> Call:
        """The session with this id.

        Raises:
            HTTPException: 404 when it never was, or is over.
        """
        if call := self._calls.get(session_id):
            return call
        raise HTTPException(404, "This session is over or never was. POST /start opens a new one.")

    def on_connection(self, pc_id: str) -> Call:
        """The session of a WebRTC connection.

        Raises:
            HTTPException: 404 when the connection is gone.
        """
        for call in self._calls.values():
            if getattr(call.line, "pc_id", None) == pc_id:
                return call
        raise HTTPException(404, GONE)

    def connect(self, call: Call, runner_args: RunnerArguments, line: Line | None = None) -> None:
        """Put a caller through to the bot of their session.

        Raises:
            HTTPException: 409 when the session has its caller already.
        """
        if call.arrival.done():
            raise HTTPException(
                409, "This session has its caller already. POST /start opens a new one."
            )
        runner_args.session_id = call.id
        runner_args.body = call.body
        runner_args.file_storage = self.storage
        call.line = line
        call.arrival.set_result(runner_args)

    async def offer(self, request: SmallWebRTCRequest, call: Call | None) -> dict[str, str]:
        """Answer a WebRTC offer: of a caller to be put through, or by its ``pc_id``.

        Raises:
            HTTPException: 404 for a connection that is gone, 400 for an offer that is none, 409
                when the session has its caller.
        """

        async def put_through(connection: CallerConnection) -> None:
            assert call, "an offer without a pc_id belongs to a call"
            connection.belong_to(call.id)
            runner_args = SmallWebRTCRunnerArguments(webrtc_connection=connection)
            self.connect(call, runner_args, connection)

        return await self._handler.handle_web_request(request, put_through)

    async def candidates(self, patch: SmallWebRTCPatchRequest) -> None:
        """Take ICE candidates that were found after the offer.

        Raises:
            HTTPException: 404 for a connection that is gone.
        """
        await self._handler.handle_patch_request(patch)

    @property
    def calls(self) -> list[Call]:
        """Who is on the line."""
        return [*self._calls.values()]

    async def books(self) -> list[dict[str, Any]]:
        """Figures of each running session so far, see `sessions.measured.books_so_far`."""
        return [books for session in self._calls if (books := books_so_far(session))]

    async def desk(self, call: Call, what: str) -> dict[str, Any]:
        """How a session's wish for a person stands.

        Args:
            call: The session.
            what: ``"look"``, or ``"refuse"`` to decline it first.

        Raises:
            HTTPException: 409 when there is no such wish (any more).
        """
        transfer = transfer_of(call.id)
        if transfer is None or (what == "refuse" and not await transfer.refuse()):
            raise HTTPException(409, "This caller does not wait for anybody any more.")
        return transfer.as_dict()

    async def push_readings(self, call: Call, pushed: Any, *, source: str) -> int:
        """Hand readings of the operator's devices to a session.

        Returns:
            How many it took.

        Raises:
            HTTPException: 409 when the session has not begun, 422 for what is no reading.
        """
        readings = readings_of(call.id)
        if readings is None:
            raise HTTPException(409, "The session has not begun yet. Send again in a moment.")
        try:
            return readings.push(pushed, source=source)
        except (ValueError, RecursionError) as error:
            raise HTTPException(422, str(error)) from None

    def drop(self, call: Call) -> None:
        """End a session; what it holds is released in its own task."""
        assert call.task
        call.task.cancel()

    async def until_over(self, call: Call) -> None:
        """Wait for a session to end; when the waiter is cancelled, so is the session."""
        assert call.task
        try:
            await asyncio.wait({call.task})
        finally:
            self.drop(call)

    async def drain(self, *, within: float) -> int:
        """Admit nobody more and wait for the calls to end by themselves.

        Args:
            within: Longest wait, seconds.

        Returns:
            How many go on after it. :meth:`close` cancels them: a bot's own ``finally`` is where
            a session is put down for another server to take up.
        """
        self._draining = True
        tasks = {call.task for call in self._calls.values() if call.task}
        if not tasks:
            return 0
        logger.info(f"Closing: {len(tasks)} sessions may go on for {within:g} s")
        return len((await asyncio.wait(tasks, timeout=within))[1])

    async def close(self, *, within: float = 3.0) -> int:
        """Admit nobody more and end every session.

        Args:
            within: Seconds to wait for the sessions to end.

        Returns:
            How many would not end in that time; a second call waits for none.
        """
        if self._closed:
            return 0
        self._closed = True
        tasks = {call.task for call in self._calls.values() if call.task}
        for task in tasks:
            task.cancel()
        left = (await asyncio.wait(tasks, timeout=within))[1] if tasks else ()
        for task in left:
            logger.error(f"The {task.get_name()} did not end within {within:g} s")
        await self._handler.close()
        self.gauge.stop()
        return len(left)

    async def _run(self, call: Call) -> None:
        try:
            await asyncio.wait({call.arrival}, timeout=self._patience)
            if not call.arrival.done():
                logger.info(f"{call}: the caller never connected")
                return
            logger.info(f"{call} begins; {len(self)} on the line")
            await self._converse(call, call.arrival.result())
        except Exception as fault:
            logger.error(redact_secrets(f"{call} failed: {type(fault).__name__}: {fault}"))
            logger.debug(redact_secrets("".join(traceback.format_exception(fault))))
            if call.line:
                await call.line.tell(redact_secrets(str(fault)) if self._candid else "")
        finally:
            try:
                if call.line:
                    await call.line.hang_up()
            finally:
                for url in call.uploads:
                    await self.storage.delete(url)
            logger.info(f"{call} is over")

    async def _converse(self, call: Call, runner_args: RunnerArguments) -> None:
        await self._bot(runner_args)

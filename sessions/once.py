"""A tool with side effects runs once for what was asked once, however often it is called."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from loguru import logger
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.llm_service import FunctionCallParams

from sessions.store.protocol import StoreError

KEY = "_vivace_idempotency_key"

Run = Callable[[FunctionCallParams], Awaitable[None]]

NOT_RECORDED = (
    "{} was not run: it could not be written down that it is about to, and it must not be done "
    "twice. Tell the caller that it cannot be done at the moment."
)


class Journal(Protocol):
    """Where calls are written down, to be known after a crash."""

    async def append(self, event: Mapping[str, Any]) -> None:
        """Write, and return once it is acknowledged; raises ``StoreError`` when it is not."""
        ...

    def note(self, event: Mapping[str, Any]) -> object:
        """Write soon, in its order."""
        ...


@dataclass
class _Record:
    """What is known of one call: its name and its arguments, in this session.

    Parameters:
        finished: How often it has been done for earlier requests of the caller.
        turn: The request it was done for last.
        result: What it then returned, or will return.
        call: The model's id of the call.
        untold: It was done, and a cut came before the caller was told: it answers once more.
    """

    finished: int = 0
    turn: str = ""
    result: asyncio.Future | None = field(default=None)
    call: str = ""
    untold: bool = False


class Once:
    """Remembers the calls of one session.

    A call is known by its name and arguments. Called again for the same request of the caller
    (a generation that was retried, a model that says it twice), it returns what the first one
    returned and does not run. A call that was cut off or failed runs again under the same
    idempotency key, by which the other side can tell that it is the same. Once it is done and
    the caller asks anew, it is a new call with a new key.

    With a :attr:`journal`, that holds across processes: a key is written before its call runs, and
    its result after. A call that was under way when its process died runs again under its key.
    """

    def __init__(self, session_id: str):
        """Begin with nothing done."""
        self.journal: Journal | None = None
        self._session_id = session_id
        self._records: dict[str, _Record] = {}

    async def run(self, params: FunctionCallParams, run: Run) -> None:
        """Run a call, or report what it returned when it ran for the same request before.

        Args:
            params: The call. It is given its key: see :func:`idempotency_key`.
            run: Runs it. Its result is noted by :meth:`done`.
        """
        turn = _request(params.context)
        record = self._records.setdefault(self._content(params), _Record())
        again = record.untold or record.turn == turn
        if record.result and (again or not record.result.done()):
            record.untold, record.turn, earlier = False, turn, record.result
            await asyncio.wait([earlier])
            if not earlier.cancelled():
                await params.result_callback(earlier.result())
                return
        elif record.result:
            record.finished += 1
        record.turn, record.result = turn, asyncio.get_running_loop().create_future()
        record.call = params.tool_call_id
        raw = f"{self._session_id}/{self._content(params)}/{record.finished}"
        setattr(params, KEY, hashlib.sha256(raw.encode()).hexdigest()[:32])
        running = record.result
        try:
            if not await self._written(params, record):
                running.cancel()
                record.result = None
                error = NOT_RECORDED.format(params.function_name)
                await params.result_callback({"error": error})
                return
            await run(params)
        except BaseException:
            running.cancel()
            if record.result is running:
                record.result = None
            raise

    def done(self, params: FunctionCallParams, result: Any) -> None:
        """Note what a run returned; an error leaves the call undone."""
        record = self._records.get(self._content(params))
        if record and record.result and not record.result.done():
            if isinstance(result, dict) and "error" in result:
                record.result.cancel()
                record.result = None
            else:
                record.result.set_result(result)
                if self.journal:
                    self.journal.note({"once": self._content(params), "result": result})

    def restore(self, events: Iterable[Mapping[str, Any]], *, told: Callable[[str], bool]) -> None:
        """Know what was done before this process.

        Args:
            events: What the journal was given, in order; others are passed over.
            told: Whether the caller has heard of the call with this id.
        """
        for event in events:
            if "once" not in event:
                continue
            record = self._records.setdefault(event["once"], _Record())
            if "result" in event:
                record.result = asyncio.get_running_loop().create_future()
                record.result.set_result(event["result"])
                record.untold = not told(record.call)
            else:
                record.finished, record.turn = event["finished"], event["turn"]
                record.call, record.result = event["call"], None

    async def _written(self, params: FunctionCallParams, record: _Record) -> bool:
        if not self.journal:
            return True
        try:
            await self.journal.append(
                {
                    "once": self._content(params),
                    "finished": record.finished,
                    "turn": record.turn,
                    "call": record.call,
                }
            )
        except StoreError as error:
            logger.error(f"{params.function_name} was not run: {error}")
            return False
        return True

    @staticmethod
    def _content(params: FunctionCallParams) -> str:
        arguments = json.dumps(params.arguments, sort_keys=True, default=str)
        return f"{params.function_name}({arguments})"


def idempotency_key(params: FunctionCallParams) -> str:
    """The key of a call with side effects, for the service that carries it out.

    Args:
        params: What the tool was called with.

    Raises:
        LookupError: When the tool was not declared to have side effects.
    """
    if key := getattr(params, KEY, ""):
        return key
    raise LookupError(
        f"{params.function_name!r} has no idempotency key. Declare it with @side_effects and "
        "pass it through session.tools(...)."
    )


def _request(context: LLMContext) -> str:
    """What tells one request of the caller from the next: how much they have said, and what last."""
    words = [
        str(message.get("content"))
        for message in getattr(context, "messages", [])
        if isinstance(message, dict) and message.get("role") == "user"
    ]
    request = f"{len(words)} {words[-1] if words else ''}"
    return hashlib.sha256(request.encode()).hexdigest()[:16]

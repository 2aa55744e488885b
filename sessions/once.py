"""A tool with side effects runs once for what was asked once, however often it is called."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.llm_service import FunctionCallParams

KEY = "_vivace_idempotency_key"

Run = Callable[[FunctionCallParams], Awaitable[None]]


@dataclass
class _Record:
    """What is known of one call: its name and its arguments, in this session.

    Parameters:
        finished: How often it has been done for earlier requests of the caller.
        turn: The request it was done for last.
        result: What it then returned, or will return.
    """

    finished: int = 0
    turn: object = None
    result: asyncio.Future | None = field(default=None)


class Once:
    """Remembers the calls of one session.

    A call is known by its name and arguments. Called again for the same request of the caller
    (a generation that was retried, a model that says it twice), it returns what the first one
    returned and does not run. A call that was cut off or failed runs again under the same
    idempotency key, by which the other side can tell that it is the same. Once it is done and
    the caller asks anew, it is a new call with a new key.
    """

    def __init__(self, session_id: str):
        """Begin with nothing done."""
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
        if record.result and not (record.result.done() and record.turn != turn):
            earlier = record.result
            await asyncio.wait([earlier])
            if not earlier.cancelled():
                await params.result_callback(earlier.result())
                return
        elif record.result:
            record.finished += 1
        record.turn, record.result = turn, asyncio.get_running_loop().create_future()
        raw = f"{self._session_id}/{self._content(params)}/{record.finished}"
        setattr(params, KEY, hashlib.sha256(raw.encode()).hexdigest()[:32])
        running = record.result
        try:
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


def _request(context: LLMContext) -> tuple[int, str]:
    """What tells one request of the caller from the next: how much they have said, and what last."""
    words = [
        str(message.get("content"))
        for message in getattr(context, "messages", [])
        if isinstance(message, dict) and message.get("role") == "user"
    ]
    return len(words), words[-1] if words else ""

"""Let the model take the minutes when somebody asks for them."""

from collections.abc import Awaitable, Callable
from typing import Any

from pipecat.services.llm_service import FunctionCallParams


def minutes_by(take: Callable[[], Awaitable[Any]]) -> Callable:
    """A tool that takes the minutes now and shows them to everybody.

    Args:
        take: ``Secretary.take``.
    """

    async def take_minutes(params: FunctionCallParams):
        """Take the minutes of the meeting so far and show them to everybody."""
        minutes = await take()
        if minutes is None:
            result: dict[str, Any] = {"error": "The minutes could not be taken. Try again later."}
        else:
            kinds = [line.kind for line in minutes.lines]
            result = {
                "shown": True,
                "decisions": kinds.count("decision"),
                "actions": kinds.count("action"),
            }
        await params.result_callback(result)

    return take_minutes

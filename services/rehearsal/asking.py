"""What a request to a model goes through before it is answered: latency, faults, misuse, the script."""

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from services.rehearsal.faults import Fault
from services.rehearsal.mind import Answer
from services.rehearsal.script import ScriptError
from services.rehearsal.state import Visit
from services.rehearsal.wire import fault_of, now, until


async def answer_of(
    visit: Visit,
    body: dict[str, Any],
    *,
    vendor: str,
    misuse: str,
    problem: Callable[[int, str], web.Response],
    statuses: Mapping[str, int],
) -> tuple[Answer, Fault | None] | web.Response:
    """Let the mind answer a request when its first token is due.

    Args:
        visit: The session.
        body: The request in Anthropic form.
        vendor: Who is asked.
        misuse: The message of the 400 the real API would answer, or "".
        problem: Builds the vendor's error response.
        statuses: The HTTP status of each failure that a script may ask for.

    Returns:
        The answer, and the fault that hits its stream; or the error response instead.
    """
    due = now() + visit.profile.first_token.draw(visit.rng(f"{vendor}/first"))
    fault = await fault_of(visit, vendor)
    if fault and fault.kind == "status":
        return problem(int(fault.number), "rehearsal fault")
    if misuse:
        visit.journal.write(vendor, "refused", reason=misuse)
        return problem(400, misuse)
    try:
        answer = await visit.answer(vendor, body)
    except ScriptError as e:
        return problem(500, str(e))
    if answer.fail:
        return problem(statuses[answer.fail], "the script asks for this failure")
    await until(due)
    return answer, fault

"""A person comes to a call as a caller does: through any door, with a ticket that names the call."""

from typing import Any

from pipecat.runner.types import RunnerArguments

from sessions import tokens
from sessions.doors import DoorError, open_door
from sessions.measured import door_of
from sessions.transfer import transfer_of

FIELD, PURPOSE = "joins", "desk"
TICKET_SECS = 60.0


def ticket(session_id: str, *, listen: bool, within: float | None = None) -> str:
    """What lets a person onto a session's line, if they come in time.

    Args:
        session_id: The session.
        listen: Whether they only listen; else they take the call.
        within: Seconds it is good for; ``TICKET_SECS`` by default.
    """
    return tokens.sign([session_id, listen], within or TICKET_SECS, purpose=PURPOSE)


def joined(ticket: str) -> tuple[str, bool]:
    """The session that a ticket names, and whether its holder only listens.

    Raises:
        DoorError: It was not given here, or is too old.
    """
    try:
        session_id, listen = tokens.verify(ticket, purpose=PURPOSE)
    except tokens.TokenError:
        raise DoorError("This ticket opens no call. Take the call at the desk.") from None
    return session_id, listen


async def person(runner_args: RunnerArguments) -> None:
    """Put a person on the line of a session; what a bot is for a caller.

    Args:
        runner_args: What the runner hands to ``bot()``; its body holds the ticket.

    Raises:
        DoorError: The ticket is not good, or the call is over.
    """
    body: dict[str, Any] = runner_args.body or {}
    session_id, listen = joined(body.get(FIELD, ""))
    transfer = transfer_of(session_id)
    if transfer is None:
        raise DoorError("This call is over.")
    transport = await open_door(runner_args, sees={}, policy=transfer.policy)
    who = str(body.get("who", ""))
    await transfer.join(transport, listen=listen, who=who, door=door_of(runner_args))

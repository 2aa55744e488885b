"""Somebody comes to a call that is on the line: a person who takes it, or one more participant.

Both come as a caller does, with words signed here that name the call: a ticket of the desk's, or the
invitation that a meeting's link holds.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from pipecat.runner.types import RunnerArguments

from sessions import tokens
from sessions.doors import DoorError, name_given, open_door
from sessions.measured import door_of
from sessions.transfer import transfer_of

FIELD, PURPOSE = "joins", "desk"
TICKET_SECS = 60.0
INVITED, INVITED_SECS = "meeting", 2 * 3600.0
"""A link is good as long as the longest call."""


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


def invitation(session_id: str, *, id: str = "") -> str:
    """What lets people into a session's room, as participants.

    Args:
        session_id: The session.
        id: As whom. Without one, whoever holds it comes as somebody new; with one, it brings a
            participant back to their own place, and what they were allowed to do.
    """
    return tokens.sign([session_id, id], INVITED_SECS, purpose=INVITED)


def invited(invitation: Any) -> tuple[str, str] | None:
    """The session that an invitation names, and as whom; None for what is none, or is too old."""
    try:
        session_id, id = tokens.verify(invitation, purpose=INVITED)
    except tokens.TokenError:
        return None
    return session_id, id


def whither(body: Mapping[str, Any]) -> str:
    """The session that somebody comes to; empty for a caller, who has one of their own.

    Raises:
        DoorError: What they bring is no ticket and no invitation.
    """
    if FIELD not in body:
        return ""
    return (invited(body[FIELD]) or joined(body[FIELD]))[0]


async def person(runner_args: RunnerArguments) -> None:
    """Put somebody on the line of a session; what a bot is for a caller.

    Args:
        runner_args: What the runner hands to ``bot()``; its body holds the ticket or invitation.

    Raises:
        DoorError: It is not good, or the call is over.
    """
    body: dict[str, Any] = runner_args.body or {}
    if guest := invited(body.get(FIELD)):
        return await _participant(runner_args, *guest)
    session_id, listen = joined(body.get(FIELD, ""))
    transfer = transfer_of(session_id)
    if transfer is None:
        raise DoorError("This call is over.")
    transport = await open_door(runner_args, sees={}, policy=transfer.policy)
    who = str(body.get("who", ""))
    await transfer.join(transport, listen=listen, who=who, door=door_of(runner_args))


async def _participant(runner_args: RunnerArguments, session_id: str, id: str) -> None:
    from sessions.peer_room import room_of

    room, connection = room_of(session_id), getattr(runner_args, "webrtc_connection", None)
    if room is None:
        raise DoorError("This meeting is over.")
    if connection is None:
        raise DoorError("A meeting's link is joined over WebRTC, from the page that it opens.")
    id = id or runner_args.session_id or uuid.uuid4().hex
    await room.join(connection, id=id, name=name_given(runner_args.body or {}))

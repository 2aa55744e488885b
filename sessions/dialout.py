"""A bot that places the call: it dials a number from its Daily room, and speaks when it is answered."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from sessions import tokens
from sessions.callers import remember
from sessions.doors import DoorError
from sessions.measured import audit

if TYPE_CHECKING:
    from sessions.session import Session

FIELD, PURPOSE = "dials", "dial out"
ORDER_SECS = 120.0
RING_SECS = 45.0
NOBODY = "nobody answered"


def order(number: str) -> str:
    """What a session's body holds to have a number dialed: callers' bodies cannot.

    Args:
        number: ``+15550001``, or ``sip:nurse@example.org``.
    """
    return tokens.sign(number, ORDER_SECS, purpose=PURPOSE)


def number_to_dial(session: "Session") -> str:
    """The number that a session is to dial; empty for a caller who came by themselves.

    Raises:
        DoorError: Its body asks for what no operator has ordered.
    """
    given = session.body.get(FIELD)
    if given is None:
        return ""
    try:
        return tokens.verify(given, purpose=PURPOSE)
    except tokens.TokenError:
        raise DoorError("This call was not ordered here. POST /daily/dial-out/BOT orders one.")


def dial(session: "Session", number: str, *, answered: Callable[[], Awaitable[None]]) -> None:
    """Dial once the bot is in its room; nobody who answers is the end of the call.

    Args:
        session: Its door is a Daily room.
        number: Whom to dial.
        answered: Called when somebody, or something, has answered.

    Raises:
        DoorError: The door cannot dial.
    """
    transport: Any = session.transport
    if not hasattr(transport, "start_dialout"):
        raise DoorError("Only a Daily room dials out. POST /daily/dial-out/BOT orders such a call.")
    if session.phi:
        remember({"phone": number}, phi=session.phi, ledger=session.ledger)
    timer: asyncio.TimerHandle | None = None
    leg, up = "", False

    def is_ours(data: Any) -> bool:
        """Whether an event is of this leg, and not of a person who is called into the room.

        One that names no leg is of one that was not answered.
        """
        return data.get("sessionId") in ((leg,) if up else (None, "", leg))

    def give_up() -> None:
        if timer:
            timer.cancel()
        session.hang_up(NOBODY)

    @transport.event_handler("on_joined")
    async def on_joined(_transport, _data):
        nonlocal timer, leg
        timer = asyncio.get_running_loop().call_later(RING_SECS, give_up)
        audit(session, "dialed")
        target = "sipUri" if number.startswith("sip:") else "phoneNumber"
        leg, error = await transport.start_dialout({target: number})
        if error:
            give_up()

    @transport.event_handler("on_dialout_answered")
    async def on_dialout_answered(_transport, data):
        nonlocal up
        if timer and is_ours(data):
            timer.cancel()
            up = True
            await answered()

    @transport.event_handler("on_dialout_error")
    async def on_dialout_error(_transport, data):
        if is_ours(data):
            give_up()

    @transport.event_handler("on_dialout_stopped")
    async def on_dialout_stopped(_transport, data):
        if is_ours(data):
            give_up()

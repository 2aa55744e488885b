"""A person's phone, rung for a caller: from the caller's own Daily room, or by a carrier.

A carrier rings for the caller of any door. Who picks up hears whose caller it is and presses 1; only
then does the call's sound come to this server, as a leg of the session. A machine presses nothing.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol
from xml.sax.saxutils import escape, quoteattr

import aiohttp
from loguru import logger

from sessions.carriers import TransferFailed, ask
from sessions.policy import PolicyError

if TYPE_CHECKING:
    from sessions.session import Session

CARRIER = "twilio"
NEEDED = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_NUMBER", "VIVACE_PUBLIC_URL")
UNRUNG = f"A number is rung from a Daily room, or with {', '.join(NEEDED)} set."
TAKES = "1"
"""The key that takes the call."""

CHOOSE_SECS = 20.0
"""Who has picked up has so long to take the call; it is offered twice."""

LOOK_SECS = 0.5
CLOSE_SECS = 2.0
OFFER = "You have a caller from {bot}, an automated assistant. Press 1 to take the call."


class Phone(Protocol):
    """What rings a person's phone, once.

    Parameters:
        in_room: Whether who answers is in the caller's own room; else they come as a leg.
        taken: Whether the call was taken on it.
    """

    in_room: bool
    taken: bool

    async def ring(self, number: str, *, within: float) -> bool:
        """Ring until it is over. When it is cancelled and was not taken, it rings no more.

        Args:
            number: ``+15550001`` or ``sip:nurse@example.org``.
            within: Seconds it rings at most.

        Returns:
            Whether somebody, or something, has declined; else nobody answered.

        Raises:
            TransferFailed: The carrier did not place the call. The message holds no number.
        """
        ...


class RoomPhone:
    """Rings from the caller's Daily room.

    Args:
        transport: Pipecat's Daily transport.
        on_taken: Called when somebody has answered.
        on_left: Called when they have left.
    """

    in_room = True

    def __init__(
        self,
        transport: Any,
        *,
        on_taken: Callable[[], Awaitable[None]],
        on_left: Callable[[], Awaitable[None]],
    ):
        self.taken = False
        self._transport = transport
        self._leg = ""
        self._left = False
        self._over = asyncio.get_running_loop().create_future()

        @transport.event_handler("on_dialout_answered")
        async def on_dialout_answered(_transport, data):
            if not self._over.done():
                self.taken = True
                await on_taken()
            elif self._leg and not self.taken and data.get("sessionId") == self._leg:
                await transport.stop_dialout(self._leg)  # too late: nobody waits any more

        @transport.event_handler("on_dialout_error")
        async def on_dialout_error(_transport, _data):
            self._end(declined=False)

        @transport.event_handler("on_dialout_stopped")
        async def on_dialout_stopped(_transport, _data):
            if self.taken and not self._left:
                self._left = True
                await on_left()
            self._end(declined=True)

    async def ring(self, number: str, *, within: float) -> bool:
        """See :class:`Phone`; the time is kept by who waits."""
        target = "sipUri" if number.startswith("sip:") else "phoneNumber"
        self._leg, error = await self._transport.start_dialout({target: number})
        if error:
            raise TransferFailed("Daily has not placed the call to a person.")
        try:
            return await self._over
        except asyncio.CancelledError:
            if not self.taken:
                await self._transport.stop_dialout(self._leg)
            raise

    def _end(self, *, declined: bool) -> None:
        if not self._over.done():
            self._over.set_result(declined)


class CarrierPhone:
    """Has Twilio place a call from ``TWILIO_NUMBER``.

    Args:
        session: Whose caller it is. Its policy must allow the carrier.
        on_picked_up: Called when the phone was picked up, by whom or whatever.
    """

    in_room = False

    def __init__(self, session: "Session", *, on_picked_up: Callable[[], None]):
        session.policy.require_vendor(CARRIER)
        self.taken = False
        self._session = session
        self._on_picked_up = on_picked_up
        self._account = os.environ["TWILIO_ACCOUNT_SID"]

    async def ring(self, number: str, *, within: float) -> bool:
        """See :class:`Phone`."""
        from sessions.person import ticket  # which knows of transfers, as this does not

        session, public = self._session, os.environ["VIVACE_PUBLIC_URL"]
        comes = ticket(session.id, listen=False, within=within + 2 * CHOOSE_SECS)
        order = {
            "To": number,
            "From": os.environ["TWILIO_NUMBER"],
            "Timeout": str(round(within)),
            "Twiml": offer(session.bot, f"{public}/sessions/{session.id}/phone/{comes}"),
        }
        placed = await self._ask("POST", "Calls", order)
        if "sid" not in placed:
            raise TransferFailed("Twilio has not said which call it has placed.")
        call = f"Calls/{placed['sid']}"
        picked_up = False
        try:
            while True:
                match (await self._ask("GET", call)).get("status"):
                    case "in-progress" if not picked_up:
                        picked_up = True
                        self._on_picked_up()
                    case "busy" | "completed":
                        return True
                    case "no-answer" | "failed" | "canceled":
                        return False
                await asyncio.sleep(LOOK_SECS)
        except (asyncio.CancelledError, TransferFailed):
            if not self.taken:
                with suppress(TransferFailed):
                    await self._ask("POST", call, {"Status": "completed"})
            raise

    async def _ask(self, method: str, what: str, order: dict[str, str] | None = None) -> dict:
        url = f"https://api.twilio.com/2010-04-01/Accounts/{self._account}/{what}.json"
        login = aiohttp.BasicAuth(self._account, os.environ["TWILIO_AUTH_TOKEN"])
        return await ask(CARRIER, url, {"auth": login, "data": order}, method=method)


def offer(bot: str, where: str) -> str:
    """What Twilio tells who picks up: TwiML that asks for a key, twice.

    Args:
        bot: Whose caller it is.
        where: URL that is told the key.
    """
    words = escape(OFFER.format(bot=bot.replace("_", " ")))
    return (
        f'<Response><Gather numDigits="1" timeout="5" action={quoteattr(where)}>'
        f'<Say loop="2">{words}</Say></Gather><Hangup/></Response>'
    )


def can_ring(session: "Session") -> bool:
    """Whether a person's phone can be rung for a session's caller."""
    dials = hasattr(session.transport, "start_dialout")
    return dials or all(os.environ.get(name) for name in NEEDED)


class Ringing:
    """The wait for somebody to take a call: whoever is at the desk, and whose phone rings."""

    def __init__(
        self,
        session: "Session",
        *,
        on_taken: Callable[[], Awaitable[None]],
        on_left: Callable[[], Awaitable[None]],
        on_over: Callable[..., Awaitable[None]],
    ):
        """Wait for nobody yet.

        Args:
            session: Whose caller waits.
            on_taken: Called when somebody has answered in the caller's own room.
            on_left: Called when they have left it.
            on_over: Called with ``declined`` when nobody takes the call.
        """
        self._session = session
        self._on_taken, self._on_left, self._on_over = on_taken, on_left, on_over
        self.phone: Phone | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task] = set()

    @property
    def in_room(self) -> bool:
        """Whether who took the call is in the caller's own room."""
        return bool(self.phone and self.phone.in_room and self.phone.taken)

    def begin(self, *, within: float, number: str = "") -> None:
        """Wait so many seconds, and ring a number besides if there is one."""
        self.phone = None
        self._wait(within)
        if number:
            self._start(self._ring(number, within=within))

    def picked_up(self) -> None:
        """Somebody, or something, has picked up, and is asked whether they take the call."""
        self._order("picked up")
        self._wait(CHOOSE_SECS)

    def end(self) -> None:
        """Wait no more; a phone that rings is hung up."""
        if self._timer:
            self._timer.cancel()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()

    async def close(self) -> None:
        """Wait no more, and until nothing rings."""
        self.end()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_SECS)

    async def _ring(self, number: str, *, within: float) -> None:
        """Ring a phone; one that is busy, or that nobody takes the call on, is an answer too."""
        try:
            self.phone = self._phone_for()
            if self.phone is None:
                return
            declined = await self.phone.ring(number, within=within)
        except (TransferFailed, PolicyError) as error:
            logger.error(f"Session {self._session.id}: {error}")
            declined = False
        if not declined:
            self._order("unanswered")
        await self._on_over(declined=declined)

    def _phone_for(self) -> Phone | None:
        """What rings a person for this caller; None where nothing can, and in a replay.

        Raises:
            PolicyError: The policy does not allow the carrier.
        """
        session = self._session
        if session.recording.replayed:
            return None  # what came of it is on the tape
        if not can_ring(session):
            logger.warning(f"Session {session.id}: only the desk rings. {UNRUNG}")
            return None
        if hasattr(session.transport, "start_dialout"):
            return RoomPhone(session.transport, on_taken=self._on_taken, on_left=self._on_left)
        return CarrierPhone(session, on_picked_up=self.picked_up)

    def _wait(self, secs: float) -> None:
        if self._timer:
            self._timer.cancel()
        over = lambda: self._start(self._on_over(declined=False))  # noqa: E731
        self._timer = asyncio.get_running_loop().call_later(secs, over)

    def _order(self, type: str) -> None:
        self._session.recording.event("transfer.order", type=type)

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

"""What rooms have in common, whoever hosts them: one per call, and gone when the call is over."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from fastapi import HTTPException
from pipecat.runner.types import RunnerArguments

LIFETIME_SECS = 2 * 3600
"""Longest call: after it the tokens are void, and Daily also ejects whoever is in."""

SEATS = 4
"""Bot, caller, a person taking over, and the ghost of a caller whose line dropped."""


class RoomError(RuntimeError):
    """Raised when no room can be had; the message says what to do about it."""


class Room(Protocol):
    """One call's room: entered with one of two tokens, the bot's and the caller's."""

    @property
    def answer(self) -> dict[str, Any]:
        """What ``/start`` tells the caller: where the room is, and the caller's token."""
        ...

    def arguments(self, *, body: Any = None, session_id: str | None = None) -> RunnerArguments:
        """What ``bot()`` is handed: where the room is, and the bot's token."""
        ...


class Rooms(Protocol):
    """A host of rooms, real or rehearsed."""

    async def open(
        self, *, lifetime_secs: float = LIFETIME_SECS, seats: int = SEATS, video: bool = True
    ) -> Room:
        """Make a room. Raises :class:`RoomError`."""
        ...

    async def close(self, room: Any) -> None:
        """Remove the room and whoever is in it. Never raises: a room that stays expires."""
        ...


class RoomLine:
    """The switchboard's end of a room: hanging up removes it."""

    def __init__(self, rooms: Rooms, room: Room):
        """Initialize the line of one call."""
        self._rooms = rooms
        self._room = room

    async def tell(self, fault: str) -> None:
        """Say nothing: a caller in a room is told by the bot, or by its leaving."""

    async def hang_up(self) -> None:
        """Remove the room."""
        await self._rooms.close(self._room)


def room_door(
    make: Callable[[], Rooms],
) -> Callable[[Any, str], Awaitable[tuple[RunnerArguments, dict[str, Any], RoomLine]]]:
    """The way to a room through ``/start``.

    Args:
        make: Makes the service at the first call, so that a missing key stops no server.

    Returns:
        A coroutine function: request and session id in; the bot's runner arguments, what
        ``/start`` answers, and the line to hang up out. Raises `HTTPException` 503 with a cure.
    """
    rooms: Rooms | None = None

    async def door(request: Any, session_id: str):
        nonlocal rooms
        try:
            rooms = rooms or make()
            room = await rooms.open()
        except RoomError as error:
            raise HTTPException(503, str(error)) from error
        return room.arguments(session_id=session_id), room.answer, RoomLine(rooms, room)

    return door

"""LiveKit rooms, one per call: entered by token only, and gone when the call is over.

LiveKit ejects nobody when a token expires: a call that must end is ended by closing its room.
"""

import datetime
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from loguru import logger
from pipecat.runner.types import LiveKitRunnerArguments

from serving.rooms import LIFETIME_SECS, SEATS, RoomError

EMPTY_SECS = 60
"""How long a room stays that nobody has entered, or that everybody has left."""


@dataclass(frozen=True, kw_only=True)
class LiveKitRoom:
    """One call's room.

    Parameters:
        url: The LiveKit server (``wss://``) both connect to.
        name: The room, unguessable.
        bot_token: Joins as an agent. Never leaves the server.
        caller_token: May be in the room and send media, and nothing else.
    """

    url: str
    name: str
    bot_token: str
    caller_token: str

    @property
    def answer(self) -> dict[str, Any]:
        """What ``/start`` tells the caller."""
        return {"url": self.url, "token": self.caller_token}

    def arguments(
        self, *, body: Any = None, session_id: str | None = None
    ) -> LiveKitRunnerArguments:
        """What ``bot()`` is handed."""
        return LiveKitRunnerArguments(
            room_name=self.name,
            url=self.url,
            token=self.bot_token,
            body=body or {},
            session_id=session_id,
        )


class LiveKitRooms:
    """Makes and removes rooms on one LiveKit server."""

    def __init__(
        self, *, url: str | None = None, api_key: str | None = None, api_secret: str | None = None
    ):
        """Initialize the service.

        Args:
            url: The server. Defaults to ``LIVEKIT_URL``.
            api_key: Defaults to ``LIVEKIT_API_KEY``.
            api_secret: Defaults to ``LIVEKIT_API_SECRET``.

        Raises:
            RoomError: If the extra or a setting is missing.
        """
        try:
            from livekit import api
        except ImportError as error:
            raise RoomError(
                "The LiveKit door needs its extra. Run: pip install '.[livekit]'"
            ) from error
        self._api = api
        self.url = url or os.environ.get("LIVEKIT_URL", "")
        self._key = api_key or os.environ.get("LIVEKIT_API_KEY", "")
        self._secret = api_secret or os.environ.get("LIVEKIT_API_SECRET", "")
        if not (self.url and self._key and self._secret):
            raise RoomError(
                "LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not all set. Add them to"
                " .env, or call through the browser door, which needs no key."
            )

    async def open(
        self, *, lifetime_secs: float = LIFETIME_SECS, seats: int = SEATS, video: bool = True
    ) -> LiveKitRoom:
        """Make a room that only two tokens open.

        Args:
            lifetime_secs: How long the tokens may be used to enter.
            seats: How many may be in it at once.
            video: Whether the caller may show a camera or a screen.

        Raises:
            RoomError: If LiveKit refuses.
        """
        name = f"vivace-{uuid.uuid4().hex}"
        request = self._api.CreateRoomRequest(
            name=name,
            empty_timeout=EMPTY_SECS,
            departure_timeout=EMPTY_SECS,
            max_participants=seats,
        )
        try:
            async with self._server() as server:
                await server.room.create_room(request)
        except Exception as error:
            raise RoomError(
                f"LiveKit gave no room ({error}). Check LIVEKIT_URL, LIVEKIT_API_KEY and"
                " LIVEKIT_API_SECRET."
            ) from error
        sends = ["microphone", "camera", "screen_share"] if video else ["microphone"]
        bot = self._api.VideoGrants(room_join=True, room=name)
        caller = self._api.VideoGrants(room_join=True, room=name, can_publish_sources=sends)
        return LiveKitRoom(
            url=self.url,
            name=name,
            bot_token=self._token("assistant", "AI assistant", "agent", bot, lifetime_secs),
            caller_token=self._token("caller", "Caller", "standard", caller, lifetime_secs),
        )

    async def close(self, room: LiveKitRoom) -> None:
        """Delete the room, which disconnects whoever is in it. A failure is only logged."""
        try:
            async with self._server() as server:
                await server.room.delete_room(self._api.DeleteRoomRequest(room=room.name))
        except Exception as error:
            logger.warning(f"LiveKit room {room.name} is left to empty: {error}")

    @asynccontextmanager
    async def room(self, **options) -> AsyncIterator[LiveKitRoom]:
        """A room for the length of a ``with`` block. Options as in :meth:`open`."""
        room = await self.open(**options)
        try:
            yield room
        finally:
            await self.close(room)

    def _server(self):
        return self._api.LiveKitAPI(self.url, self._key, self._secret)

    def _token(self, identity: str, name: str, kind, grants, lifetime_secs: float) -> str:
        return (
            self._api.AccessToken(self._key, self._secret)
            .with_identity(f"{identity}-{uuid.uuid4().hex[:8]}")
            .with_name(name)
            .with_kind(kind)
            .with_grants(grants)
            .with_ttl(datetime.timedelta(seconds=lifetime_secs))
            .to_jwt()
        )

"""Daily rooms: private, expiring, and gone when the call is over.

Pipecat's own ``runner.daily.configure`` makes public rooms, hands the caller the owner's token
and never deletes; hence this service on its ``DailyRESTHelper``.
"""

import os
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from loguru import logger
from pipecat.runner.types import DailyRunnerArguments
from pipecat.transports.daily.utils import (
    DailyMeetingTokenParams,
    DailyMeetingTokenProperties,
    DailyRESTHelper,
    DailyRoomParams,
    DailyRoomProperties,
    DailyRoomSipParams,
)

from serving.rooms import LIFETIME_SECS, SEATS, RoomError

REQUEST_SECS = 10
"""How long Daily may take over one request."""


@dataclass(frozen=True, kw_only=True)
class DailyRoom:
    """One call's private room.

    Parameters:
        url: Where both join.
        bot_token: The owner's. Never leaves the server.
        caller_token: May be in the room and send media, and nothing else.
        expires_at: Unix time in seconds when Daily closes the room.
    """

    url: str
    bot_token: str
    caller_token: str
    expires_at: float

    @property
    def answer(self) -> dict[str, Any]:
        """What ``/start`` tells the caller."""
        return {"dailyRoom": self.url, "dailyToken": self.caller_token}

    def arguments(self, *, body: Any = None, session_id: str | None = None) -> DailyRunnerArguments:
        """What ``bot()`` is handed."""
        return DailyRunnerArguments(
            room_url=self.url, token=self.bot_token, body=body or {}, session_id=session_id
        )


class DailyRooms:
    """Makes and removes rooms in the Daily domain of one API key."""

    def __init__(
        self, *, api_key: str | None = None, api_url: str | None = None, geo: str | None = None
    ):
        """Initialize the service.

        Args:
            api_key: Defaults to ``DAILY_API_KEY``.
            api_url: Defaults to ``DAILY_API_URL``, then Daily's own.
            geo: Region the media goes through, such as ``eu-central-1``; Daily's choice if unset.

        Raises:
            RoomError: If there is no key.
        """
        self._key = api_key or os.environ.get("DAILY_API_KEY", "")
        self._url = api_url or os.environ.get("DAILY_API_URL") or "https://api.daily.co/v1"
        if not self._key:
            raise RoomError(
                "DAILY_API_KEY is not set. Add it to .env, or call through the browser door,"
                " which needs no key."
            )
        self._geo = geo

    async def open(
        self,
        *,
        lifetime_secs: float = LIFETIME_SECS,
        seats: int = SEATS,
        video: bool = True,
        phone: str | None = None,
        dialout: bool = False,
    ) -> DailyRoom:
        """Make a room that only two tokens open.

        Args:
            lifetime_secs: After this Daily ejects everybody and the tokens are void.
            seats: How many may be in it at once.
            video: Whether the caller may show a camera or a screen.
            phone: The number that is dialing in, for a room with a SIP endpoint.
            dialout: Whether the bot may dial a number from it.

        Raises:
            RoomError: If Daily refuses.
        """
        expires_at = time.time() + lifetime_secs
        properties = DailyRoomProperties.model_validate(
            {
                "exp": expires_at,
                "eject_at_room_exp": True,
                "enable_knocking": False,
                "max_participants": seats,
                "start_video_off": not video,
                "enable_dialout": dialout or None,
                "geo": self._geo,
                "sip": phone and DailyRoomSipParams(display_name=phone, video=False),
            }
        )
        params = DailyRoomParams(
            name=f"vivace-{uuid.uuid4().hex}", privacy="private", properties=properties
        )
        url = ""
        try:
            async with self._daily() as daily:
                url = (await daily.create_room(params)).url
                return DailyRoom(
                    url=url,
                    bot_token=await _bot_token(daily, url, lifetime_secs),
                    caller_token=await _caller_token(daily, url, lifetime_secs, video=video),
                    expires_at=expires_at,
                )
        except Exception as error:
            if url:
                await self._delete(url)
            raise RoomError(
                f"Daily gave no room ({error}). Check DAILY_API_KEY and DAILY_API_URL."
            ) from error

    async def close(self, room: DailyRoom) -> None:
        """Delete the room. A failure is only logged: the room then lives until it expires."""
        await self._delete(room.url)

    @asynccontextmanager
    async def room(self, **options) -> AsyncIterator[DailyRoom]:
        """A room for the length of a ``with`` block. Options as in :meth:`open`."""
        room = await self.open(**options)
        try:
            yield room
        finally:
            await self.close(room)

    @asynccontextmanager
    async def _daily(self) -> AsyncIterator[DailyRESTHelper]:
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECS)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            yield DailyRESTHelper(
                daily_api_key=self._key, daily_api_url=self._url, aiohttp_session=http
            )

    async def _delete(self, url: str) -> None:
        try:
            async with self._daily() as daily:
                await daily.delete_room_by_url(url)
        except Exception as error:
            logger.warning(f"Daily room {url} is left to expire: {error}")


async def _bot_token(daily: DailyRESTHelper, url: str, lifetime_secs: float) -> str:
    properties = DailyMeetingTokenProperties(user_name="AI assistant")
    params = DailyMeetingTokenParams(properties=properties)
    return await daily.get_token(url, lifetime_secs, eject_at_token_exp=True, params=params)


async def _caller_token(
    daily: DailyRESTHelper, url: str, lifetime_secs: float, *, video: bool
) -> str:
    sends = ["audio", "video", "screenVideo"] if video else ["audio"]
    properties = DailyMeetingTokenProperties(
        user_name="Caller",
        user_id=f"caller-{uuid.uuid4().hex[:8]}",
        enable_screenshare=video,
        permissions={"hasPresence": True, "canSend": sends, "canAdmin": False},
    )
    params = DailyMeetingTokenParams(properties=properties)
    return await daily.get_token(
        url, lifetime_secs, eject_at_token_exp=True, owner=False, params=params
    )

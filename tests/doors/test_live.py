"""One real Daily room, for what no double can show."""

import asyncio
import os

import aiohttp
import pytest

from serving.daily_rooms import DailyRooms
from tests.doors import parrot


@pytest.mark.live
@pytest.mark.skipif(not os.environ.get("DAILY_API_KEY"), reason="needs DAILY_API_KEY")
async def test_a_bot_enters_a_real_daily_room_and_the_room_is_deleted():
    rooms = DailyRooms()
    async with rooms.room(lifetime_secs=120) as room:
        bot = asyncio.create_task(parrot.bot(room.arguments()))
        await asyncio.sleep(5)
        assert not bot.done(), "the bot was not let in, or its room closed"
        bot.cancel()
        await asyncio.wait({bot}, timeout=5)
    name = room.url.rsplit("/", 1)[1]
    api = os.environ.get("DAILY_API_URL") or "https://api.daily.co/v1"
    key = {"Authorization": f"Bearer {os.environ['DAILY_API_KEY']}"}
    async with aiohttp.ClientSession() as http, http.get(f"{api}/rooms/{name}", headers=key) as r:
        assert r.status == 404

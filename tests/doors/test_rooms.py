"""Rooms are private, expire, have two unequal keys, and go when the call goes."""

import asyncio
import time

import httpx
import pytest
from livekit import api

from serving.daily_rooms import DailyRooms
from serving.livekit_rooms import LiveKitRooms
from serving.rooms import RoomError
from tests.doors.dialing import dialed
from tests.doubles import livekit_sdk
from tests.doubles.daily_rest import KEY, daily_rest
from tests.doubles.livekit_sdk import SECRET, livekit


@pytest.fixture
async def daily(monkeypatch):
    async with daily_rest() as rest:
        monkeypatch.setenv("DAILY_API_KEY", KEY)
        monkeypatch.setenv("DAILY_API_URL", rest.url)
        yield rest


@pytest.fixture
async def server(monkeypatch):
    async with livekit(monkeypatch) as server:
        monkeypatch.setenv("LIVEKIT_URL", server.url)
        monkeypatch.setenv("LIVEKIT_API_KEY", livekit_sdk.KEY)
        monkeypatch.setenv("LIVEKIT_API_SECRET", SECRET)
        yield server


async def test_a_daily_room_is_private_and_expires_with_everybody_in_it(daily):
    room = await DailyRooms(geo="eu-central-1").open(lifetime_secs=600)
    (made,) = daily.rooms.values()
    assert made["privacy"] == "private"
    assert made["config"]["eject_at_room_exp"] and not made["config"]["enable_knocking"]
    assert made["config"]["exp"] == pytest.approx(time.time() + 600, abs=5)
    assert made["config"]["geo"] == "eu-central-1"
    assert room.expires_at == made["config"]["exp"]


async def test_the_caller_of_a_daily_room_is_never_its_owner(daily):
    room = await DailyRooms().open(lifetime_secs=600, video=False)
    bot, caller = daily.rights(room.bot_token), daily.rights(room.caller_token)
    assert (bot["is_owner"], caller["is_owner"]) == (True, False)
    assert caller["permissions"]["canSend"] == ["audio"]
    assert caller["permissions"]["canAdmin"] is False
    for rights in (bot, caller):
        assert rights["room_name"] in room.url
        assert rights["exp"] == pytest.approx(room.expires_at, abs=2)
    assert room.answer == {"dailyRoom": room.url, "dailyToken": room.caller_token}
    assert room.arguments().token == room.bot_token


async def test_a_daily_room_is_deleted_at_the_end_also_of_a_failed_call(daily):
    with pytest.raises(ZeroDivisionError):
        async with DailyRooms().room():
            assert len(daily.rooms) == 1
            raise ZeroDivisionError
    assert not daily.rooms


async def test_a_daily_room_without_its_tokens_is_not_left_behind(daily):
    daily.fails.add("/meeting-tokens")
    with pytest.raises(RoomError, match="status: 500"):
        await DailyRooms().open()
    assert len(daily.deleted) == 1


async def test_a_room_that_cannot_be_deleted_ends_no_session_in_error(daily):
    rooms = DailyRooms()
    room = await rooms.open()
    daily.fails.add(f"/rooms/{room.url.rsplit('/', 1)[1]}")
    await rooms.close(room)


async def test_a_wrong_or_missing_daily_key_is_said_with_its_cure(daily, monkeypatch):
    with pytest.raises(RoomError, match="401.*Check DAILY_API_KEY"):
        await DailyRooms(api_key="wrong").open()
    monkeypatch.delenv("DAILY_API_KEY")
    with pytest.raises(RoomError, match="DAILY_API_KEY is not set. Add it to .env"):
        DailyRooms()


async def test_a_livekit_room_opens_to_two_unequal_tokens_and_closes(server):
    rooms = LiveKitRooms()
    async with rooms.room(lifetime_secs=600, seats=2, video=False) as room:
        assert server.rooms[room.name].max_participants == 2
        verify = api.TokenVerifier(livekit_sdk.KEY, SECRET).verify
        bot, caller = verify(room.bot_token), verify(room.caller_token)
        assert (bot.kind, caller.kind) == ("agent", "standard")
        assert caller.video.can_publish_sources == ["microphone"]
        assert not caller.video.room_admin and not bot.video.room_admin
        assert bot.video.room == caller.video.room == room.name
        assert bot.identity != caller.identity
        assert room.answer == {"url": server.url, "token": room.caller_token}
    assert server.deleted == [room.name]


async def test_a_livekit_token_expires(server):
    room = await LiveKitRooms().open(lifetime_secs=-120)
    with pytest.raises(Exception, match="expired"):
        server.enter(room.caller_token)


async def test_wrong_or_missing_livekit_settings_are_said_with_their_cure(server, monkeypatch):
    with pytest.raises(RoomError, match="invalid token.*Check LIVEKIT_URL"):
        await LiveKitRooms(api_secret="wrong-secret-that-is-long-enough-for-hs256").open()
    monkeypatch.delenv("LIVEKIT_URL")
    with pytest.raises(RoomError, match="LIVEKIT_URL, LIVEKIT_API_KEY"):
        LiveKitRooms()


@pytest.mark.parametrize("door", ["daily", "livekit"])
async def test_the_server_deletes_a_room_when_its_call_is_over(door, monkeypatch, tmp_path):
    async with dialed(door, monkeypatch=monkeypatch, tmp_path=tmp_path) as line:
        assert len(line.vendor.rooms) == 1 and not line.vendor.deleted
        await line.caller.hang_up()
        await line.over()
        assert not line.vendor.rooms and len(line.vendor.deleted) == 1


async def test_a_door_without_its_key_answers_with_the_cure(monkeypatch, tmp_path):
    async with dialed("websocket", monkeypatch=monkeypatch, tmp_path=tmp_path) as line:
        monkeypatch.delenv("DAILY_API_KEY", raising=False)
        async with httpx.AsyncClient(base_url=line.url) as http:
            answer = await http.post("/start", json={"transport": "daily", "body": {}})
        assert answer.status_code == 503
        assert "DAILY_API_KEY is not set" in answer.json()["detail"]
        await line.caller.hang_up()
        await line.over()


async def test_a_second_person_leaving_does_not_end_the_call(monkeypatch, tmp_path):
    async with dialed("daily", monkeypatch=monkeypatch, tmp_path=tmp_path) as line:
        second = line.caller.room.enter(name="doctor")
        await asyncio.sleep(0.05)
        await second.hang_up()
        await asyncio.sleep(0.1)
        assert len(line.sessions) == 1

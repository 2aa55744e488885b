"""A room that cannot be entered, or closes, ends the session."""

import asyncio

import pytest
from livekit import api
from pipecat.runner.types import DailyRunnerArguments, LiveKitRunnerArguments

from sessions.doors import end_on_join_failure
from tests.doors import parrot, two_tones
from tests.doors.dialing import dialed
from tests.doubles import daily_sdk, livekit_sdk


def daily_arguments():
    return DailyRunnerArguments(room_url="https://x.daily.example/r", token="t")


def livekit_arguments():
    return LiveKitRunnerArguments(room_name="r", url="ws://127.0.0.1:1", token=_token())


def _token() -> str:
    grants = api.VideoGrants(room_join=True, room="r")
    token = api.AccessToken(livekit_sdk.KEY, livekit_sdk.SECRET).with_identity("bot")
    return token.with_grants(grants).to_jwt()


async def test_a_refused_daily_room_ends_the_session_at_once(monkeypatch):
    daily_sdk.install(monkeypatch).refuses = daily_sdk.REFUSED
    await asyncio.wait_for(parrot.bot(daily_arguments()), 0.9)


async def test_a_daily_room_that_never_answers_ends_the_session_within_the_bound(monkeypatch):
    daily_sdk.install(monkeypatch).silent = True
    await asyncio.wait_for(parrot.bot(daily_arguments()), 3)


async def test_a_refused_livekit_room_ends_the_session_within_the_bound(monkeypatch):
    async with livekit_sdk.livekit(monkeypatch) as server:
        await asyncio.wait_for(parrot.bot(livekit_arguments()), 3)
        assert server.attempts >= 1


@pytest.mark.slow
async def test_a_whole_session_ends_when_its_room_refuses_it(monkeypatch):
    daily_sdk.install(monkeypatch).refuses = daily_sdk.REFUSED
    await asyncio.wait_for(two_tones.bot(daily_arguments()), 6)


@pytest.mark.parametrize("door", ["daily", "livekit"])
async def test_a_room_that_closes_under_the_call_ends_the_session(door, monkeypatch, tmp_path):
    async with dialed(door, monkeypatch=monkeypatch, tmp_path=tmp_path) as line:
        if door == "daily":
            line.caller.room.close()
        else:
            line.vendor.delete(line.caller.name)
        await line.over()


async def test_a_door_without_a_room_is_left_alone():
    class Transport:
        pass

    end_on_join_failure(Transport(), asyncio.sleep)


async def test_the_reason_is_given_once(monkeypatch):
    daily_sdk.install(monkeypatch).refuses = daily_sdk.REFUSED
    reasons = []

    class DailyTransport:
        def __init__(self):
            self.handlers = {}

        def add_event_handler(self, name, handler):
            self.handlers[name] = handler

    async def end(reason):
        reasons.append(reason)

    transport = DailyTransport()
    end_on_join_failure(transport, end, within=0.05)
    await transport.handlers["on_error"](transport, "no such room")
    await transport.handlers["on_call_state_updated"](transport, "left")
    await asyncio.sleep(0.1)
    assert reasons == ["no such room"]

"""Daily and the phone network: a bot that dials out, and a caller who is put through."""

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from services.rehearsal.mouth import speak
from services.rehearsal.process import ADDRESS, start
from sessions import Session
from sessions.dialout import FIELD, number_to_dial
from sessions.doors import DoorError
from tests.doors.dialing import until
from tests.doubles import daily_sdk
from tests.doubles.daily_rest import KEY, daily_rest
from tests.doubles.heard import chunks, silence
from tests.phone import clinic
from tests.transfer.desk import house
from tools.transfer import transfer_by_phone

ORDER = "/daily/dial-out/clinic"
NUMBER = "+15552174098"


@asynccontextmanager
async def daily_house(monkeypatch, tmp_path):
    daily_sdk.install(monkeypatch)
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path / "tapes"))
    monkeypatch.setenv("VIVACE_STORE", "off")
    rehearsal = start(scripts=Path(__file__).parent)
    monkeypatch.setenv(ADDRESS, rehearsal.address)
    try:
        async with daily_rest() as rest, house(tmp_path, bot=clinic.bot, cards=[clinic.CARD]) as at:
            monkeypatch.setenv("DAILY_API_KEY", KEY)
            monkeypatch.setenv("DAILY_API_URL", rest.url)
            async with httpx.AsyncClient(base_url=at[0]) as http:
                yield http, rest, at[1].state.switchboard, rehearsal
    finally:
        rehearsal.stop()


async def say(caller, text: str):
    """Speak as fast as a voice is."""
    due = asyncio.get_running_loop().time()
    for chunk in chunks(speak(text) + silence(1.0)):
        await caller.say(chunk)
        due += 0.02
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))


async def test_a_call_is_placed_for_the_operator_only(monkeypatch, tmp_path):
    async with house(tmp_path, bot=clinic.bot, cards=[clinic.CARD]) as (url, _):
        async with httpx.AsyncClient(base_url=url) as http:
            monkeypatch.setenv("VIVACE_START_KEY", "operator")
            order = {"to": NUMBER}
            assert (await http.post(ORDER, json=order)).status_code == 403
            wrong = {"Authorization": "Bearer nobody"}
            assert (await http.post(ORDER, json=order, headers=wrong)).status_code == 403
            right = {"Authorization": "Bearer operator"}
            for nonsense in ("911", "call me", "+1", "sip:"):
                answer = await http.post(ORDER, json={"to": nonsense}, headers=right)
                assert answer.status_code == 422
            monkeypatch.delenv("VIVACE_START_KEY")
            forwarded = {"X-Forwarded-For": "203.0.113.9"}
            assert (await http.post(ORDER, json=order, headers=forwarded)).status_code == 403


def test_a_caller_cannot_have_a_number_dialed_by_asking_for_it():
    class Asked:
        body = {FIELD: NUMBER}

    with pytest.raises(DoorError, match="not ordered here"):
        number_to_dial(Asked())  # type: ignore[arg-type]
    assert Session and number_to_dial(type("Came", (), {"body": {}})()) == ""


@pytest.mark.slow
async def test_a_bot_dials_out_and_speaks_when_it_is_answered(monkeypatch, tmp_path):
    async with daily_house(monkeypatch, tmp_path) as (http, rest, switchboard, rehearsal):
        answer = (await http.post(ORDER, json={"to": NUMBER})).raise_for_status().json()
        (made,) = rest.rooms.values()
        assert made["config"]["enable_dialout"] is True
        room = daily_sdk.CLOUD.room(made["url"])
        await until(lambda: ("start_dialout", {"phoneNumber": NUMBER}) in room.done, within=10)
        callee = room.enter(name="phone")
        await until(lambda: callee.is_heard)
        await asyncio.sleep(1.0)
        assert callee.heard.loud_secs == 0, "it rings; nobody has answered"
        room.tell("on_dialout_connected", {"sessionId": "dialout"})
        room.tell("on_dialout_answered", {"sessionId": "dialout"})
        await callee.heard.sound(0.5, within=15)
        await asyncio.sleep(8)
        await say(callee, "i want to talk to the doctor")
        transferred = (
            "sip_call_transfer",
            {"toEndPoint": clinic.NIGHT_DESK, "sessionId": "dialout"},
        )
        await until(lambda: transferred in room.done, within=20)
        await until(lambda: not switchboard.calls, within=20)
        assert NUMBER not in json.dumps(rehearsal.journal(answer["sessionId"]))


@pytest.mark.slow
async def test_nobody_answers_and_the_call_is_over(monkeypatch, tmp_path):
    async with daily_house(monkeypatch, tmp_path) as (http, rest, switchboard, _):
        await http.post(ORDER, json={"to": "sip:nurse@example.org"})
        (made,) = rest.rooms.values()
        room = daily_sdk.CLOUD.room(made["url"])
        dialed = ("start_dialout", {"sipUri": "sip:nurse@example.org"})
        await until(lambda: dialed in room.done, within=10)
        room.tell("on_dialout_error", {"sessionId": "", "errorMsg": "busy"})
        await until(lambda: not switchboard.calls, within=10)
        assert made["name"] in rest.deleted


@pytest.mark.slow
async def test_a_person_who_is_phoned_into_the_room_has_the_caller_until_they_leave(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(clinic, "transfer_to_person", transfer_by_phone("+15550007"))
    async with daily_house(monkeypatch, tmp_path) as (http, rest, _, rehearsal):
        asked = {"transport": "daily", "body": {"bot": "clinic"}}
        answer = (await http.post("/start", json=asked)).raise_for_status().json()
        room = daily_sdk.CLOUD.room(answer["dailyRoom"])
        await until(lambda: room.bots)
        caller = room.enter()
        await until(lambda: caller.is_heard)
        await caller.heard.sound(0.5, within=15)
        await asyncio.sleep(8)
        await say(caller, "i want to talk to a nurse")
        dialed = ("start_dialout", {"phoneNumber": "+15550007"})
        await until(lambda: dialed in room.done, within=20)
        room.tell("on_dialout_connected", {"sessionId": "leg2"})
        room.tell("on_dialout_answered", {"sessionId": "leg2"})

        def said() -> str:
            return json.dumps(rehearsal.journal(answer["sessionId"]))

        await until(lambda: "You are now together on the line" in said(), within=15)
        await asyncio.sleep(8)
        before = said().count('"what": "final"')
        await say(caller, "please tell me a story")
        await asyncio.sleep(3)
        assert said().count('"what": "final"') == before, "the bot does not listen"
        room.tell("on_dialout_stopped", {"sessionId": "leg2"})
        await until(lambda: "The transfer is over" in said(), within=15)

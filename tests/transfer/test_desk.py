"""The desk: nobody sees or takes a call without its key, and a person comes to it over WebRTC."""

import asyncio
import json
import time

import httpx
import pytest
from pipecat.runner.types import RunnerArguments

import bots
from services.rehearsal.process import ADDRESS, rehearsal
from serving.app import create_app
from serving.desk import LOOKS, desk_router, shared_key
from serving.engine.hosts import Hosts
from serving.engine.pool import Pool
from serving.engine.zygote import Spec
from serving.server import listening
from sessions import tokens
from sessions.doors import DoorError
from sessions.person import joined, ticket
from tests.doubles.browser_call import browser_call
from tests.doubles.heard import silence, tone
from tests.support.machines import free_port
from tests.transfer.desk import CARD, KEY, a_person, at_desk, house


async def test_nobody_looks_or_comes_without_the_key(tmp_path):
    async with house(tmp_path) as (url, _), httpx.AsyncClient(base_url=url) as http:
        offer = {"sdp": "v=0\nm=audio"}
        assert (await http.get("/desk")).status_code == 403
        assert (await http.get("/desk", params={"key": "another"})).status_code == 403
        assert (await http.get("/desk/calls")).status_code == 403
        assert (await http.post("/desk/calls/x/refuse")).status_code == 403
        assert (await http.post("/desk/calls/x/offer", json=offer)).status_code == 403
        http.cookies.set("vivace-desk", "ключ".encode().hex())
        assert (await http.get("/desk/calls")).status_code == 403
        forged = {LOOKS: tokens.sign(True, 60, purpose="session")}
        assert (await http.get("/desk/calls", headers=forged)).status_code == 403
        other_host = {LOOKS: tokens.sign(True, 60, purpose=LOOKS)}
        assert (await http.get("/desk/calls", headers=other_host)).json() == []
        assert (await http.post("/desk/calls/x/refuse", headers=other_host)).status_code == 403


async def test_the_key_is_swapped_for_a_cookie_that_no_script_and_no_other_site_has(tmp_path):
    async with house(tmp_path) as (url, _), httpx.AsyncClient(base_url=url) as http:
        answer = await http.get("/desk", params={"key": KEY})
        assert answer.status_code == 303 and answer.headers["location"] == "/desk"
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/desk" in cookie
        assert (await http.get("/desk")).status_code == 200
        assert (await http.get("/desk/calls")).json() == []
        other = {"Origin": "https://elsewhere.example"}
        assert (await http.post("/desk/calls/x/refuse", headers=other)).status_code == 403
        assert (await http.post("/desk/calls/x/refuse")).status_code == 404


def test_a_ticket_names_one_call_and_is_soon_too_old(monkeypatch):
    assert joined(ticket("s1", listen=True)) == ("s1", True)
    forged = tokens.sign(["s1", False], 60, purpose="session")
    monkeypatch.setattr("sessions.person.TICKET_SECS", -1)
    for bad in ("", "x", None, forged, ticket("s1", listen=False)):
        with pytest.raises(DoorError):
            joined(bad)


async def test_a_caller_cannot_join_anothers_call_by_claiming_to_be_a_person():
    for forged in ("s1", "", None, ["s1", False], ticket("s1", listen=False)):
        args = RunnerArguments()
        args.body = {"bot": "consultation", "joins": forged}
        with pytest.raises(DoorError):  # the last one is good, and its call is over
            await bots.bot(args)


async def greeted(caller, *, within: float = 60.0):
    async with asyncio.timeout(within):
        while sum(m.get("type") == "bot-stopped-speaking" for m in caller.messages) < 2:
            await asyncio.sleep(0.1)


async def asks_for_a_nurse(caller):
    await caller.send({"type": "send-text", "data": {"content": "please transfer me to a nurse"}})


def told(caller, status: str) -> bool:
    data = [m.get("data") or {} for m in caller.messages if m.get("type") == "server-message"]
    return any(d.get("type") == "transfer" and d.get("status") == status for d in data)


async def until(condition, *, within: float = 20.0):
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.05)


async def transferred(url, caller, *, note=lambda **figures: None):
    """Ask for a person, be taken, talk both ways, and come back to the bot."""
    await greeted(caller)
    await asks_for_a_nurse(caller)
    async with at_desk(url) as desk:
        call = await desk.ringing(within=20)
        assert call["brief"]["reason"] == "The caller asked for a person."
        async with a_person(desk, call["id"]) as person:
            await person.heard.sound(0.1, within=20)
            note(accept_to_hearing_ms=round((time.monotonic() - person.came_at) * 1000))
            await person.until_shown("brief")
            person.order(type="talk")
            await person.until_shown("state", state="talking", within=30)
            note(accept_to_talking_ms=round((time.monotonic() - person.came_at) * 1000))
            heard = caller.heard.loud_secs, person.heard.loud_secs
            await person.say(tone(1.0))
            await caller.say(tone(1.0) + silence(0.2))
            await asyncio.sleep(2.0)
            assert caller.heard.loud_secs - heard[0] > 0.6
            assert person.heard.loud_secs - heard[1] > 0.6
            assert [c["state"] for c in await desk.calls()] == ["talking"]
        await until(lambda: told(caller, "returned"))
        assert [c["people"] for c in await desk.calls()] == [0]


@pytest.mark.slow
async def test_a_warm_transfer_end_to_end_and_back(tmp_path, monkeypatch):
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path / "tapes"))
    monkeypatch.setenv("VIVACE_STORE", "off")
    async with house(tmp_path) as (url, _):
        async with browser_call(url, {"bot": "consultation"}) as caller:
            await transferred(url, caller, note=lambda **figures: print(figures))
            said = json.dumps(caller.messages)
            assert "You have a caller" not in said


@pytest.mark.slow
async def test_a_person_is_told_when_the_caller_hangs_up(tmp_path, monkeypatch):
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path / "tapes"))
    monkeypatch.setenv("VIVACE_STORE", "off")
    async with house(tmp_path) as (url, app), at_desk(url) as desk:
        async with browser_call(url, {"bot": "consultation"}) as caller:
            await greeted(caller)
            await asks_for_a_nurse(caller)
            call = await desk.ringing(within=20)
            async with a_person(desk, call["id"]) as person:
                await person.until_shown("brief")
                async with a_person(desk, call["id"]) as late:
                    await late.until_shown("taken")
                await caller.hang_up()
                await person.until_shown("over")
                await until(lambda: not app.state.switchboard.calls)


@pytest.mark.slow
async def test_a_supervisor_hears_both_unheard_and_takes_over(tmp_path, monkeypatch):
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path / "tapes"))
    monkeypatch.setenv("VIVACE_STORE", "off")
    async with house(tmp_path) as (url, _), at_desk(url) as desk:
        async with browser_call(url, {"bot": "consultation"}) as caller:
            await caller.heard.sound(0.5, within=30)
            (call,) = await desk.calls()
            async with a_person(desk, call["id"], listen=True) as supervisor:
                await supervisor.heard.sound(1.0, within=20)  # the bot
                await greeted(caller)
                heard = supervisor.heard.loud_secs, caller.heard.loud_secs
                await caller.say(tone(1.0) + silence(0.2))
                await asyncio.sleep(2.0)
                assert supervisor.heard.loud_secs - heard[0] > 0.6
                await supervisor.say(tone(1.0))
                await asyncio.sleep(1.5)
                supervisor.order(type="take")
                await supervisor.until_shown("state", state="talking", within=30)
                heard = caller.heard.loud_secs
                await supervisor.say(tone(1.0))
                await asyncio.sleep(2.0)
                assert caller.heard.loud_secs - heard > 0.6


@pytest.mark.slow
async def test_the_person_comes_into_the_process_of_the_callers_session(tmp_path, monkeypatch):
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path / "tapes"))
    monkeypatch.setenv("VIVACE_STORE", "off")
    monkeypatch.setenv(ADDRESS, rehearsal().address)
    spec = Spec(
        bot="bots:bot", imports=[], uploads=str(tmp_path / "uploads"), lines=1, loopback=True
    )
    app = create_app(
        bot=None,
        catalogue=lambda: [CARD],
        uploads=tmp_path / "uploads",
        engine=lambda storage: Pool(spec, storage=storage),
        loopback=True,
    )
    app.include_router(desk_router(key=KEY))
    async with listening(app) as (url, _), browser_call(url, {"bot": "consultation"}) as caller:
        await transferred(url, caller)


@pytest.mark.slow
async def test_the_desk_of_any_host_shows_all_callers_and_puts_a_person_through(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path / "tapes"))
    monkeypatch.setenv("VIVACE_STORE", f"sqlite:{tmp_path / 'sessions.db'}")
    monkeypatch.setenv("VIVACE_SECRET", "only for tests")
    monkeypatch.setenv(ADDRESS, rehearsal().address)

    def host(port: int):
        spec = Spec(
            bot="bots:bot", imports=[], uploads=str(tmp_path / "uploads"), lines=1, loopback=True
        )
        where = f"http://127.0.0.1:{port}"
        app = create_app(
            bot=None,
            catalogue=lambda: [CARD],
            uploads=tmp_path / "uploads",
            engine=lambda storage: Hosts(spec, url=where, storage=storage),
            loopback=True,
        )
        app.include_router(desk_router(key=shared_key()))
        return listening(app, port=port)

    ports = free_port(), free_port()
    async with host(ports[0]) as (one, _), host(ports[1]) as (other, _):
        async with httpx.AsyncClient(base_url=one) as http:
            while len((await http.get("/hosts")).json()) < 2:
                await asyncio.sleep(0.1)
        async with browser_call(one, {"bot": "consultation"}) as caller:
            await greeted(caller)
            await asks_for_a_nurse(caller)
            async with at_desk(other, key=shared_key()) as desk:
                call = await desk.ringing(within=20)
                async with a_person(desk, call["id"]) as person:
                    await person.until_shown("state", state="talking", within=40)
                    heard = caller.heard.loud_secs
                    await person.say(tone(1.0))
                    await asyncio.sleep(2.0)
                    assert caller.heard.loud_secs - heard > 0.6
                await until(lambda: told(caller, "returned"))
                await asks_for_a_nurse(caller)
                call = await desk.ringing(within=20)
                assert (await desk.refuse(call["id"])).status_code == 200
                await until(lambda: told(caller, "refused"))
            async with httpx.AsyncClient(base_url=other) as http:
                http.cookies.set("vivace-desk", "another")
                offer = {"sdp": "v=0"}
                path = f"/desk/calls/{call['id']}/offer"
                assert (await http.post(path, json=offer)).status_code == 403

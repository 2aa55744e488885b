"""A person is rung on the phone for a caller who came by the web."""

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from services.rehearsal.process import ADDRESS, start
from sessions.person import ticket
from sessions.transfer import transfer_of
from tests.doubles.browser_call import browser_call
from tests.doubles.heard import silence, tone
from tests.doubles.phone_stream import stream_call
from tests.doubles.twilio_stream import TwilioCaller, twilio_rest
from tests.phone import clinic
from tests.phone.lines import KEYS
from tests.transfer.desk import a_person, at_desk, house
from tests.transfer.test_desk import told, until
from tools.transfer import transfer_by_phone

NURSE = "+15550007"
TOKEN = KEYS["TWILIO_AUTH_TOKEN"]

pytestmark = pytest.mark.slow


class Ward:
    """A web caller of the clinic, and the carrier that rings for them."""

    def __init__(self, url, app, caller, carrier, rehearsal):
        self.url, self.app, self.caller, self.carrier = url, app, caller, carrier
        self._rehearsal = rehearsal

    @property
    def session(self) -> str:
        return self.app.state.switchboard.calls[0].id

    @property
    def transfer(self):
        return transfer_of(self.session)

    def asked(self, vendor: str) -> str:
        journal = self._rehearsal.journal(self.session)
        return json.dumps([entry for entry in journal if entry["vendor"] == vendor])

    async def ask(self, words: str = "i want to talk to a nurse"):
        await self.caller.send({"type": "send-text", "data": {"content": words}})

    async def ring(self, *words: str):
        """Ask for somebody; the phone that rings."""
        before = len(self.carrier.placed)
        await self.ask(*words)
        await until(lambda: len(self.carrier.placed) > before)
        return self.carrier.placed[-1]

    @asynccontextmanager
    async def taken(self, phone):
        """The person presses 1; their end of the line."""
        stream = await phone.press("1", token=TOKEN)
        async with stream_call(TwilioCaller, stream) as person:
            yield person
        phone.status = "completed"

    async def back(self, words: str):
        """Wait until the bot has its caller again, and has been told why."""
        await until(lambda: words in self.asked("anthropic"), within=20)
        assert not self.transfer.away and self.app.state.switchboard.calls


@asynccontextmanager
async def on_the_ward(monkeypatch, tmp_path):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TWILIO_NUMBER", "+15550001")
    monkeypatch.setenv("VIVACE_BAA", "twilio")
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path / "tapes"))
    monkeypatch.setattr(clinic, "transfer_to_person", transfer_by_phone(NURSE))
    rehearsal = start(scripts=Path(clinic.__file__).parent)
    monkeypatch.setenv(ADDRESS, rehearsal.address)
    try:
        async with (
            house(tmp_path, bot=clinic.bot, cards=[clinic.CARD]) as (url, app),
            twilio_rest(monkeypatch) as carrier,
        ):
            monkeypatch.setenv("VIVACE_PUBLIC_URL", url)
            async with browser_call(url, {"bot": "clinic"}) as caller:
                await caller.heard.sound(1.0, within=30)
                yield Ward(url, app, caller, carrier, rehearsal)
    finally:
        rehearsal.stop()


async def test_a_web_caller_is_joined_with_a_person_on_the_phone_and_comes_back(
    monkeypatch, tmp_path
):
    async with on_the_ward(monkeypatch, tmp_path) as ward:
        phone = await ward.ring()
        assert phone.number == NURSE and "a caller from clinic" in phone.said
        assert "nurse" not in phone.said, "what it is about is for who takes the call"
        async with ward.taken(phone) as person:
            await until(lambda: told(ward.caller, "briefing"))
            await until(lambda: "You have a caller from clinic" in ward.asked("cartesia"))
            await person.heard.sound(1.0, within=20)  # the brief
            await until(lambda: told(ward.caller, "talking"), within=40)
            heard = ward.caller.heard.loud_secs, person.heard.loud_secs
            await person.say(tone(1.0), paced=True)
            await ward.caller.say(tone(1.0) + silence(0.2))
            await asyncio.sleep(2.0)
            assert ward.caller.heard.loud_secs - heard[0] > 0.6
            assert person.heard.loud_secs - heard[1] > 0.6
            said = json.dumps(ward.caller.messages)
            assert "You have a caller" not in said and NURSE not in said
        await ward.back("The transfer is over")


async def test_who_is_busy_does_not_answer_or_declines_leaves_the_caller_with_the_bot(
    monkeypatch, tmp_path
):
    async with on_the_ward(monkeypatch, tmp_path) as ward:
        for status, words in (("busy", "declined"), ("no-answer", "not answered")):
            phone = await ward.ring()
            phone.status = status
            await ward.back(f"The transfer was {words}")
        phone = await ward.ring()
        assert await phone.press("9", token=TOKEN) == ""
        await until(lambda: ward.transfer.state == "none")
        ward.carrier.fails = True
        refused = ward.asked("anthropic").count("not answered")
        await ward.ask()
        await until(lambda: ward.asked("anthropic").count("not answered") > refused)


async def test_a_web_caller_who_is_put_through_has_nothing_told_of_them_first(
    monkeypatch, tmp_path
):
    async with on_the_ward(monkeypatch, tmp_path) as ward:
        phone = await ward.ring("i want to talk to the doctor")
        assert phone.number == clinic.NIGHT_DESK
        async with ward.taken(phone):
            await until(lambda: told(ward.caller, "talking"), within=10)
            assert "You have a caller" not in ward.asked("cartesia")
        await ward.back("The transfer is over")


async def test_a_machine_that_answers_is_told_nothing_and_given_up(monkeypatch, tmp_path):
    monkeypatch.setattr("sessions.ringing.CHOOSE_SECS", 3.0)
    async with on_the_ward(monkeypatch, tmp_path) as ward:
        phone = await ward.ring()
        phone.status = "in-progress"  # and it presses nothing
        await ward.back("The transfer was not answered")
        await until(lambda: phone.sid in ward.carrier)
        assert "You have a caller" not in ward.asked("cartesia")


async def test_a_phone_rings_no_more_when_somebody_at_the_desk_takes_the_call(
    monkeypatch, tmp_path
):
    async with on_the_ward(monkeypatch, tmp_path) as ward, at_desk(ward.url) as desk:
        phone = await ward.ring()
        async with a_person(desk, ward.session) as person:
            await person.until_shown("brief")
            await until(lambda: phone.sid in ward.carrier)
            late = await phone.press("1", token=TOKEN)
            async with stream_call(TwilioCaller, late) as second:
                await asyncio.wait_for(second.closed.wait(), 10)
            await person.until_shown("state", state="talking", within=40)


async def test_the_phone_is_hung_up_when_the_caller_hangs_up(monkeypatch, tmp_path):
    async with on_the_ward(monkeypatch, tmp_path) as ward:
        phone = await ward.ring()
        await ward.caller.hang_up()
        await until(lambda: phone.sid in ward.carrier)


async def test_only_the_carrier_with_a_ticket_of_the_call_comes_onto_its_line(
    monkeypatch, tmp_path
):
    async with on_the_ward(monkeypatch, tmp_path) as ward:
        phone = await ward.ring()
        async with httpx.AsyncClient() as http:
            unsigned = await http.post(phone.where, data={"Digits": "1"})
            assert unsigned.status_code == 403
        with pytest.raises(httpx.HTTPStatusError, match="403"):
            await phone.press("1", token="another")
        phone.where = f"{ward.url}/sessions/{ward.session}/phone/{ticket('other', listen=False)}"
        with pytest.raises(httpx.HTTPStatusError, match="403"):
            await phone.press("1", token=TOKEN)
        phone.status = "ringing"
        for forged in ("x", ticket("other", listen=False)):
            stream = f"ws{ward.url.removeprefix('http')}/ws-person/{forged}"
            with pytest.raises(Exception):  # noqa: B017
                async with stream_call(TwilioCaller, stream) as nobody:
                    await asyncio.wait_for(nobody.closed.wait(), 5)
                    raise ConnectionError("closed")
        assert ward.transfer.state == "ringing"

"""A whole meeting by a link: three callers over WebRTC, the bot's own file, its tape and its replay."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

import bots
from processors.meeting.export import to_json, to_markdown
from processors.meeting.minutes import from_tape
from qa.replay.report import How, replay_file
from services.rehearsal.mouth import speak
from sessions.tape import read_tape
from sessions.transcript import Transcript
from tests.meeting.test_peer_room import comes, link, served, until

pytestmark = pytest.mark.slow


def shown(caller, type: str) -> list[dict]:
    data = [m.get("data") or {} for m in caller.messages if m.get("type") == "server-message"]
    return [d for d in data if d.get("type") == type]


async def silence_around(caller, secs: float = 1.5):
    """Until a caller has heard something, and then nothing new for a while."""
    async with asyncio.timeout(60):
        heard = -1.0
        while heard <= 0 or heard < caller.heard.loud_secs:
            heard = caller.heard.loud_secs
            await asyncio.sleep(secs)


async def says(caller, words: str, voice: str = "en-us"):
    sound = speak(words, voice=voice)
    await caller.say(sound + bytes(-len(sound) % 640))
    await asyncio.sleep(len(sound) / 32000 + 1.5)


async def held(tmp_path) -> list[dict]:
    """Hold the meeting; returns the minutes that were shown."""
    async with served(bots.bot, tmp_path) as url, AsyncExitStack() as all_of_them:
        ana = await all_of_them.enter_async_context(
            comes(url, bot="meeting", name="Ana", consent={"recording": True})
        )
        await ana.heard.sound(0.5, within=30)  # the disclosure has begun
        ben = await all_of_them.enter_async_context(comes(url, joins=link(ana), name="Ben"))
        cleo = await all_of_them.enter_async_context(comes(url, joins=link(ana), name="Cleo"))
        await silence_around(ana)
        await until(lambda: len(shown(ben, "attendance")[-1]["people"]) == 3)
        told = [m["data"]["text"] for m in ben.messages if m.get("type") == "bot-output"]
        assert any("AI" in text for text in told), "who came during the disclosure was told after"
        await says(ben, "we agreed to move the release to june", "en-us+f3")
        await says(cleo, "i will send the figures to bob on friday", "en-gb+m1")
        await says(ana, "vivace please take the minutes")
        async with asyncio.timeout(20):
            while not shown(cleo, "minutes"):
                await asyncio.sleep(0.1)
        names = {d["name"] for d in shown(cleo, "speaking")}
        assert {"Ana", "Ben", "Cleo"} <= names
        minutes = shown(cleo, "minutes")
        await silence_around(ana)
    return minutes


def test_three_people_meet_by_a_link_and_the_tape_replays_identically(tmp_path, monkeypatch):
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path / "tapes"))
    monkeypatch.setenv("VIVACE_STORE", "off")
    minutes = asyncio.run(held(tmp_path))
    (path,) = Path(tmp_path, "tapes").glob("*.mcap*")
    tape = read_tape(path)
    assert {(s.who, s.text) for s in Transcript.from_tape(tape).segments} == {
        ("Ben", "we agreed to move the release to june"),
        ("Cleo", "i will send the figures to bob on friday"),
        ("Ana", "vivace please take the minutes"),
    }
    again = from_tape(tape)
    assert again and to_json(again) == minutes[-1]["data"]
    assert [line.owner for line in again.lines if line.kind == "action"] == ["Cleo"]
    assert "nobody has verified" in to_markdown(again)
    assert replay_file(path, How()).same

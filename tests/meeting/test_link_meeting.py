"""A whole meeting by a link: three callers over WebRTC, the bot's own file, its tape and its replay."""

import asyncio
import fractions
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiortc.mediastreams import MediaStreamTrack
from av import VideoFrame
from PIL import Image, ImageDraw, ImageFont

import bots
from processors.meeting.export import to_json, to_markdown
from processors.meeting.minutes import from_tape
from qa.replay.report import How, replay_file
from services.rehearsal.mouth import speak
from sessions.tape import read_tape
from sessions.transcript import Transcript
from tests.meeting.test_peer_room import comes, link, served, until

pytestmark = pytest.mark.slow

SLIDE = "we agreed on forty chairs"


class Picture(MediaStreamTrack):
    """Five times a second the same picture: a slide with these words, or nothing."""

    kind = "video"

    def __init__(self, words: str):
        super().__init__()
        image = Image.new("RGB", (1280, 720), "white")
        font = ImageFont.load_default(64)
        ImageDraw.Draw(image).text((80, 200), words, fill="black", font=font)
        self._image, self._count = image, 0

    async def recv(self) -> VideoFrame:
        await asyncio.sleep(0.2)
        self._count += 1
        frame = VideoFrame.from_image(self._image)
        frame.pts, frame.time_base = self._count * 18_000, fractions.Fraction(1, 90_000)
        return frame


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


async def with_a_slide(tmp_path) -> list[dict]:
    """Ben shares his screen, and Ana has the minutes taken; returns them."""
    pictures = [Picture(""), Picture(SLIDE)]
    async with served(bots.bot, tmp_path) as url:
        async with comes(url, bot="meeting", name="Ana", consent={"recording": True}) as ana:
            async with comes(url, joins=link(ana), name="Ben", pictures=pictures) as ben:
                ben.wire.switch(2, on=True)
                await silence_around(ana)
                await says(ana, "vivace please take the minutes")
                async with asyncio.timeout(20):
                    while not shown(ana, "minutes"):
                        await asyncio.sleep(0.1)
                minutes = shown(ana, "minutes")
                await silence_around(ana)
    return minutes


def test_the_words_of_a_shared_slide_are_evidence_from_the_screen_of_who_shows_it(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path / "tapes"))
    monkeypatch.setenv("VIVACE_STORE", "off")
    minutes = asyncio.run(with_a_slide(tmp_path))
    (path,) = Path(tmp_path, "tapes").glob("*.mcap*")
    tape = read_tape(path)
    (slide,) = [s for s in Transcript.from_tape(tape).segments if s.shown]
    assert (slide.speaker, slide.text) == ("Ben", SLIDE)
    (line,) = [line for line in minutes[-1]["data"]["lines"] if line["kind"] == "decision"]
    assert [(s["speaker"], s["shown"]) for s in line["evidence"]] == [("Ben", True)]
    assert f"{SLIDE} — Ben’s screen 00:" in minutes[-1]["markdown"]
    assert [m.data["picture"]["why"] for m in tape.messages("/caller/screen")]
    again = from_tape(tape)
    assert again and to_json(again) == minutes[-1]["data"]
    assert replay_file(path, How()).same

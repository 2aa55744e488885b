"""A meeting in real browser tabs: one opens it, another joins by the link, and a third by wire."""

import argparse
import asyncio
import os

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

import runner
from services.rehearsal.mouth import speak
from serving.server import listening
from tests.meeting.test_peer_room import comes
from tests.support import browser
from tests.support.runner import KEYS

pytestmark = pytest.mark.slow

RATE = 16_000


async def shot(page, name: str):
    if folder := os.environ.get("MEETING_SHOTS"):
        await page.evaluate("scrollTo(0, 0)")
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            await page.screenshot(path=f"{folder}/meeting-{name}-{scheme}.png", full_page=True)
        await page.set_viewport_size({"width": 390, "height": 844})
        await page.screenshot(path=f"{folder}/meeting-{name}-phone-dark.png", full_page=True)
        await page.set_viewport_size({"width": 1280, "height": 800})
        await page.emulate_media(color_scheme="light")


async def heard_out(page):
    """Until the bot has begun, and then said nothing for a while."""
    state = page.locator("#state")
    await expect(state).to_have_text("Speaking", timeout=30_000)
    quiet = 0
    while quiet < 8:
        await asyncio.sleep(0.25)
        quiet = 0 if await state.text_content() == "Speaking" else quiet + 1


async def say(caller, words: str):
    sound = speak(words, voice="en-gb+f2")
    await caller.say(sound + bytes(-len(sound) % 640))


async def faultless(page):
    faults = await Axe().run(page)
    assert not faults.response["violations"], faults.generate_report()


async def test_two_tabs_and_a_third_caller_hold_a_meeting(visit, tmp_path, monkeypatch):
    for name in KEYS:
        monkeypatch.delenv(f"{name}_API_KEY", raising=False)
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path))
    monkeypatch.setenv("VIVACE_STORE", "off")
    app = runner.app_for(argparse.Namespace(), only="meeting", loopback=True)
    async with listening(app) as (url, _):
        ana = await visit(url, before=browser.equip, bypass_csp=True)
        await ana.get_by_label("Your name").fill("Ana")
        await ana.get_by_label("No, do not record it").check()
        await ana.get_by_role("button", name="Start the call").click()
        await expect(ana.locator("#here")).to_contain_text("Ana", timeout=30_000)
        address = await ana.get_by_label("Link to this meeting").input_value()
        assert address.startswith(f"{url}/?bot=meeting&joins=")

        ben = await visit(address, before=browser.equip, bypass_csp=True)
        await expect(ben.locator("h1").first).to_have_text("You are invited to a meeting")
        join = ben.get_by_role("button", name="Join the meeting")
        await join.click(force=True)
        await expect(ben.locator("#start-hint")).to_have_text("Say first who you are.")
        await expect(ben.get_by_label("Your name")).to_be_focused()
        await faultless(ben)
        await shot(ben, "join")
        await ben.get_by_label("Your name").fill("Ben")
        await join.click()
        await expect(ben.locator("#here li")).to_have_count(2, timeout=30_000)
        await expect(ben.locator("#typing")).to_be_hidden()

        wire = address.partition("joins=")[2]
        async with comes(url, joins=wire, name="Cleo") as cleo:
            await expect(ana.locator("#here li")).to_have_count(3)
            await heard_out(ana)
            await say(cleo, "we agreed to move the release to june")
            speaking = ben.locator("#here li.speaking")
            await expect(speaking).to_have_text("Cleo")
            await expect(ana.locator("#captions")).to_contain_text("we agreed to move the release")
            await browser.speak(ben, speak("vivace please take the minutes"), RATE)
            await expect(ana.locator("#here li.speaking")).to_have_text("Ben", timeout=10_000)
            await shot(ana, "call")
            await expect(ana.locator("#captions .said.yours b").last).to_have_text("Ben")
            await expect(ana.locator("#here li.speaking")).to_have_count(0, timeout=10_000)
            await say(cleo, "vivace please take the minutes")
            answer = "The minutes are on your screens"
            await expect(ana.locator("#captions")).to_contain_text(answer, timeout=20_000)
            rows = await ana.locator("#captions .said.yours b").all_text_contents()
            assert {"Cleo", "Ben"} == set(rows)
            await faultless(ana)
        await expect(ana.locator("#here li")).to_have_count(2, timeout=10_000)
        await ana.get_by_role("button", name="Hang up").click()
        await expect(ben.locator("#here li")).to_have_count(1)
        await expect(ben.locator("#state")).to_have_text("Listening")
        await ben.get_by_role("button", name="Hang up").click()
        async with asyncio.timeout(20):
            while len(app.state.switchboard):
                await asyncio.sleep(0.1)

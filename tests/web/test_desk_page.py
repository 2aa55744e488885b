"""The desk's page in a real browser: a caller rings, is taken, and both hear each other."""

import asyncio
import json
import os

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.doubles.browser_call import browser_call
from tests.transfer.desk import KEY, house

pytestmark = pytest.mark.slow


async def until(condition, *, within: float = 60.0):
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.05)


async def ask(caller):
    said = {"content": "please transfer me to a nurse"}
    await caller.send({"type": "send-text", "data": said})


async def test_a_person_takes_a_call_talks_and_leaves(visit, tmp_path, monkeypatch):
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path / "tapes"))
    monkeypatch.setenv("VIVACE_STORE", "off")
    async with house(tmp_path) as (url, _), browser_call(url, {"bot": "consultation"}) as caller:
        page = await visit(url)
        await page.context.grant_permissions(["microphone"], origin=url)
        assert (await page.request.get(f"{url}/desk/calls")).status == 403
        await page.goto(f"{url}/desk?key={KEY}")
        assert KEY not in page.url
        await expect(page.get_by_text("with the assistant")).to_be_visible(timeout=30_000)
        ends = "bot-stopped-speaking"
        await until(lambda: sum(m.get("type") == ends for m in caller.messages) >= 2)

        await ask(caller)
        await expect(page.locator("#calls li.ringing")).to_be_visible(timeout=20_000)
        await expect(page.locator("#calls")).to_contain_text("The caller asked for a person.")
        await page.get_by_role("button", name="Decline").click()
        declined = '"refused"'
        await until(lambda: declined in json.dumps(caller.messages))

        await asyncio.sleep(6)
        await ask(caller)
        await page.get_by_role("button", name="Take the call").click(timeout=20_000)
        await expect(page.locator("#brief")).to_contain_text("The caller asked for a person.")
        await page.get_by_role("button", name="Talk now").click()
        await expect(page.locator("#line-state")).to_contain_text("hear each other", timeout=20_000)
        heard = caller.heard.loud_secs
        await until(lambda: caller.heard.loud_secs - heard > 0.5, within=15)
        faults = await Axe().run(page)
        assert not faults.response["violations"], faults.generate_report()
        if folder := os.environ.get("DESK_SHOTS"):
            await page.screenshot(path=f"{folder}/desk.png", full_page=True)
        await page.get_by_role("button", name="Leave").click()
        await expect(page.locator("#line")).to_be_hidden()
        await until(lambda: '"returned"' in json.dumps(caller.messages), within=15)

"""The QA page in a real browser: a cassette listed, played, replayed and compared."""

import shutil
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from qa.pages import qa_router
from serving.server import listening

pytestmark = pytest.mark.slow

CASSETTES = Path(__file__).parents[1] / "cassettes"
NAME = "plain-turns.mcap.sealed"


@pytest.fixture
def tapes(tmp_path, monkeypatch):
    """A folder with one sealed tape, and the key that QA has."""
    monkeypatch.delenv("VIVACE_TAPE_KEY", raising=False)
    for name in (NAME, "local.key"):
        shutil.copy(CASSETTES / name, tmp_path / name)
    return tmp_path


async def test_only_who_has_the_key_sees_the_tapes(make_app, visit, tapes):
    app = make_app(routers=[qa_router(tapes=tapes, key="sesame")])
    async with listening(app) as (url, _):
        page = await visit(url)
        for path in ("/qa", "/qa/tapes", f"/qa/tapes/{NAME}", f"/qa/tapes/{NAME}/sound"):
            assert (await page.request.get(url + path)).status == 403
        assert (await page.request.get(f"{url}/qa?key=wrong")).status == 403
        await page.goto(f"{url}/qa?key=sesame")
        await expect(page.get_by_role("button", name="consultation")).to_be_visible()
        assert "sesame" not in page.url


async def test_a_tape_is_played_replayed_and_compared(make_app, visit, tapes):
    app = make_app(routers=[qa_router(tapes=tapes, key="sesame")])
    async with listening(app) as (url, _):
        page = await visit(url)
        await page.goto(f"{url}/qa?key=sesame")
        await page.get_by_role("button", name="consultation").click()
        await expect(page.get_by_text("policy HIPAA")).to_be_visible()
        turns = page.locator("#turns li")
        await expect(turns.nth(2)).to_be_visible()
        await expect(page.locator("#turns")).to_contain_text("Bot: ")
        await page.get_by_role("button", name="Play from").nth(2).click()
        await expect(page.locator("#sound")).to_have_js_property("paused", False)
        await expect(turns.nth(2)).to_have_class("now")

        await page.get_by_role("button", name="Replay it").click()
        await expect(page.locator("#outcome")).to_contain_text("%")
        await expect(page.get_by_role("link", name="See the diff")).to_be_visible(timeout=60_000)
        await expect(page.locator("#outcome")).not_to_contain_text("Error")
        async with page.context.expect_page() as opening:
            await page.get_by_role("link", name="See the diff").click()
        diff = await opening.value
        await expect(diff.get_by_text("replay").first).to_be_visible()
        result = await Axe().run(await fresh(page, url), options={"runOnly": ["wcag2a", "wcag2aa"]})
        assert not result.response["violations"]
        assert not page.complaints


async def fresh(page, url):
    """The same page where axe-core may be put into it."""
    context = await page.context.browser.new_context(bypass_csp=True)
    other = await context.new_page()
    await other.goto(f"{url}/qa?key=sesame#{NAME}")
    await expect(other.locator("#turns li").first).to_be_visible()
    return other


async def test_a_tape_without_its_key_says_so_in_the_list(make_app, visit, tapes):
    (tapes / "local.key").unlink()
    app = make_app(routers=[qa_router(tapes=tapes, key="sesame")])
    async with listening(app) as (url, _):
        page = await visit(url)
        await page.goto(f"{url}/qa?key=sesame")
        await expect(page.locator("#tapes")).to_contain_text("VIVACE_TAPE_KEY")

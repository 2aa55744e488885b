"""Everything that can go wrong on the page, told in plain words with the cure."""

import pytest
from playwright.async_api import expect

from serving.server import listening
from tests.web.steps import say, start_call
from tests.web.teller import CARD, teller

pytestmark = pytest.mark.slow

REFUSES = """() => {
  navigator.mediaDevices.getUserMedia = async (wanted) => { throw new DOMException("", "%s"); };
}"""


async def fail_to_start(page):
    await page.get_by_label("No, do not record it").check()
    await page.get_by_role("button", name="Start the call").click()
    return page.get_by_role("alert")


@pytest.mark.parametrize(
    ("error", "words", "cure"),
    [
        ("NotFoundError", "No microphone was found", "Connect one and try again"),
        ("NotReadableError", "Your microphone is in use", "Close that program"),
        ("NotAllowedError", "may not use your microphone", "Allow it with the icon"),
    ],
)
async def test_a_microphone_that_cannot_be_used_is_told_with_its_cure(
    make_app, visit, error, words, cure
):
    async with listening(make_app()) as (url, _):
        page = await visit(url)
        await page.evaluate(REFUSES % error)
        trouble = await fail_to_start(page)
        await expect(trouble).to_contain_text(words)
        await expect(trouble).to_contain_text(cure)
        await trouble.get_by_role("button", name="Type instead").click()
        await expect(page.locator("#state")).to_have_text("Listening")


async def test_an_insecure_place_is_named_and_typing_works_there(make_app, visit):
    async with listening(make_app(hosts=("vivace.test",))) as (url, _):
        page = await visit(url.replace("127.0.0.1", "vivace.test"), permissions=[])
        trouble = await fail_to_start(page)
        await expect(trouble).to_contain_text("Microphones work on secure pages only")
        await expect(trouble).to_contain_text("https://")
        await trouble.get_by_role("button", name="Type instead").click()
        await expect(page.locator("#state")).to_have_text("Listening")
        await say(page, "Good morning")
        await expect(page.locator("#captions")).to_contain_text("You said: Good morning")


async def test_a_browser_without_calls_is_told_which_to_use(make_app, visit):
    async with listening(make_app()) as (url, _):
        page = await visit(url)
        await page.evaluate("delete window.RTCPeerConnection; 0")
        await expect(await fail_to_start(page)).to_contain_text("current Firefox, Chrome")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("NotFoundError", "No camera was found"),
        ("NotReadableError", "Your camera is in use"),
        ("NotAllowedError", "may not use your camera"),
    ],
)
async def test_a_camera_that_cannot_be_used_does_not_end_the_call(make_app, visit, error, words):
    bot, _ = teller()
    async with listening(make_app(bot, cards=(CARD,))) as (url, _):
        page = await visit(url)
        await start_call(page, button="Type instead")
        await page.evaluate(REFUSES % error)
        await page.get_by_role("button", name="Camera").click()
        await expect(page.locator("#notice")).to_contain_text(words)
        await say(page, "Still there?")
        await expect(page.locator("#captions")).to_contain_text("You said: Still there?")


async def test_a_screen_that_is_not_shared_does_not_end_the_call(make_app, visit):
    bot, _ = teller()
    async with listening(make_app(bot, cards=(CARD,))) as (url, _):
        page = await visit(url)
        await start_call(page, button="Type instead")
        await page.evaluate(
            """() => {
                navigator.mediaDevices.getDisplayMedia = async () => {
                    throw new DOMException("", "NotAllowedError");
                };
            }"""
        )
        await page.get_by_role("button", name="Screen").click()
        await expect(page.locator("#notice")).to_contain_text("Your screen is not shared")


async def test_a_page_that_cannot_ask_who_is_there_offers_to_try_again(make_app, visit):
    async with listening(make_app()) as (url, _):
        page = await visit(url)
        await page.route("**/bots", lambda route: route.abort())
        await page.reload()
        trouble = page.get_by_role("alert")
        await expect(trouble).to_contain_text("The server does not answer")
        await page.unroute("**/bots")
        await trouble.get_by_role("button", name="Try again").click()
        await expect(page.get_by_text("Says back what it heard.")).to_be_visible()

"""The page can be used without a mouse, without sight, without motion, and on a phone."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from serving.server import listening
from tests.web.steps import say, start_call
from tests.web.teller import CARD, teller

pytestmark = pytest.mark.slow

WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
SEES = {"permissions": ["microphone", "camera"]}


async def found(page) -> list[str]:
    """What axe-core finds wrong, as readable lines."""
    result = await Axe().run(page, options=WCAG)
    return [
        f"{one['id']}: {node['html'][:120]}"
        for one in result.response["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("colors", ["light", "dark"])
async def test_axe_finds_nothing_wrong_in_any_state(make_app, visit, colors):
    bot, _ = teller()
    async with listening(make_app(bot, cards=(CARD,))) as (url, _):
        # axe-core is put into the page, which its policy would not allow.
        page = await visit(url, color_scheme=colors, bypass_csp=True, **SEES)
        await page.get_by_text("Check your microphone").click()
        await page.get_by_role("button", name="Try the camera").click()
        await expect(page.locator("#preview")).to_be_visible()
        assert not await found(page), "before the call"
        await start_call(page)
        await page.get_by_role("button", name="Camera").click()
        await page.get_by_role("button", name="Keypad").click()
        await say(page, "tell turn tell saw tell cost tell line tell session tell cue")
        await page.get_by_text("For the team").click()
        await expect(page.locator("#frames li").first).to_be_visible()
        await expect(page.locator("#withdraw")).to_be_visible()
        assert not await found(page), "in the call"
        await page.get_by_role("button", name="Hang up").click()
        await page.get_by_text("What was said", exact=True).click()
        assert not await found(page), "after the call"
        await page.evaluate(
            "navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error); 0"
        )
        await page.get_by_role("button", name="Call again").click()
        await page.get_by_label("No, do not record it").check()
        await page.get_by_role("button", name="Start the call").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        assert not await found(page), "in trouble"


async def tab_to(page, name, *, most=40):
    """Press Tab until the focus is on what has this name."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(
            """() => {
                const at = document.activeElement;
                if (at === document.body) return "";
                const label = at.labels?.[0]?.textContent;
                return at.getAttribute("aria-label") ?? label ?? at.textContent;
            }"""
        )
        if name in " ".join(focused.split()):
            return
    raise AssertionError(f"Tab never reached {name!r}")


async def test_a_whole_call_is_made_with_the_keyboard_alone(make_app, visit):
    bot, eyes = teller()
    async with listening(make_app(bot, cards=(CARD,))) as (url, _):
        page = await visit(url, **SEES)
        press = page.keyboard.press
        await tab_to(page, "Yes, you may record it")
        await press("ArrowDown")  # to No
        await tab_to(page, "Start the call")
        await press("Enter")
        await expect(page.locator("#state")).to_have_text("Listening")
        assert await page.evaluate("document.activeElement.id") == "call-title"
        await tab_to(page, "Type your words")
        await page.keyboard.type("Good morning")
        await press("Enter")
        await expect(page.locator("#captions")).to_contain_text("You said: Good morning")
        for name in ("Mute", "Camera", "Keypad"):
            await tab_to(page, name)
            await press("Space")
        await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
        await expect(page.locator("#view-camera")).to_be_visible()
        await press("5")
        await press("Escape")
        assert await page.evaluate("document.activeElement.id") == "keys"
        await tab_to(page, "Hang up")
        await press("Enter")
        await expect(page.get_by_role("heading", name="The call is over")).to_be_focused()
        assert eyes.keys == ["5"]


async def test_what_is_said_is_announced_to_screen_readers(make_app, visit):
    async with listening(make_app()) as (url, _):
        page = await visit(url)
        await start_call(page, button="Type instead")
        await say(page, "Good morning")
        announcer = page.locator('[aria-live="polite"]')
        await expect(announcer).to_contain_text(": You said: Good morning")


async def test_a_phone_shows_everything_without_scrolling_sideways(make_app, visit):
    bot, _ = teller()
    async with listening(make_app(bot, cards=(CARD,))) as (url, _):
        page = await visit(url, **PHONE, **SEES)
        fits = "document.documentElement.scrollWidth <= innerWidth"
        assert await page.evaluate(fits)
        await start_call(page)
        await say(page, "tell turn tell saw tell cost")
        await page.get_by_text("For the team").click()
        await page.get_by_role("button", name="Keypad").click()
        assert await page.evaluate(fits)
        small = await page.evaluate(
            """() => [...document.querySelectorAll("#call button")]
                .map((button) => button.getBoundingClientRect())
                .filter((box) => box.width && (box.width < 44 || box.height < 44)).length"""
        )
        assert small == 0, "every button is large enough for a finger"


async def test_nothing_moves_for_who_asked_for_less_motion(make_app, visit):
    async with listening(make_app()) as (url, _):
        page = await visit(url, reduced_motion="reduce")
        await start_call(page, button="Type instead")
        await page.evaluate("document.getElementById('orb').dataset.state = 'thinking'")
        assert await page.evaluate("document.getAnimations().length") == 0

"""What the page sends and shows besides words: pictures, keys, cues, figures."""

import asyncio
import dataclasses

import pytest
import pytest_asyncio
from playwright.async_api import expect

from services.rehearsal.mouth import speak as spoken
from serving.server import listening
from tests.serving import echo
from tests.support import browser
from tests.web.steps import say, start_call
from tests.web.teller import CARD, teller

pytestmark = pytest.mark.slow

INVOICE = """<!doctype html><title>Invoice</title>
<body style="margin:0;background:#c81e5a;height:100vh"></body>"""
SEES = {"permissions": ["microphone", "camera"]}


async def until(condition, *, within=20):
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.05)


@pytest_asyncio.fixture(loop_scope="session")
async def call(make_app, visit):
    """A call with the bot that looks, from a page that may use a camera."""
    bot, eyes = teller()
    async with listening(make_app(bot, cards=(CARD,))) as (url, _):
        page = await visit(url, **SEES)
        await start_call(page)
        yield page, eyes


async def test_the_camera_reaches_the_bot_in_detail_and_only_while_it_is_on(call):
    page, eyes = call
    assert not eyes.pictures
    camera = page.get_by_role("button", name="Camera")
    await camera.click()
    await expect(camera).to_have_attribute("aria-pressed", "true")
    await until(lambda: "camera" in eyes.pictures)
    height, width, _ = eyes.pictures["camera"].shape
    assert (width, height) >= (1280, 720)
    await camera.click()
    await expect(page.get_by_label("Your camera", exact=True)).to_be_hidden()
    await asyncio.sleep(0.5)
    eyes.pictures.clear()
    await asyncio.sleep(1.2)
    assert not eyes.pictures


async def test_on_a_poor_line_the_camera_steps_down_by_itself(call):
    page, _ = call
    await page.evaluate(
        """() => {
            const real = RTCPeerConnection.prototype.getStats;
            RTCPeerConnection.prototype.getStats = async function () {
                const report = { type: "remote-inbound-rtp", fractionLost: 0.2 };
                return new Map([...(await real.call(this)), ["loss", report]]);
            };
        }"""
    )
    await page.get_by_role("button", name="Camera").click()
    camera = page.locator("#view-camera")
    await expect(camera).to_have_attribute("data-step", "3", timeout=10_000)


async def test_the_pixels_of_a_shared_tab_reach_the_bot(call):
    page, eyes = call
    invoice = await page.context.new_page()
    await invoice.set_content(INVOICE)
    await page.bring_to_front()
    await page.get_by_role("button", name="Screen").click()
    await until(lambda: "screenVideo" in eyes.pictures)
    height, width, _ = eyes.pictures["screenVideo"].shape
    middle = eyes.pictures["screenVideo"][height // 2, width // 2].astype(int)
    assert abs(middle - (0xC8, 0x1E, 0x5A)).max() < 16
    await invoice.close()  # the browser ends the sharing, and the page says so
    await expect(page.get_by_role("button", name="Screen")).to_have_attribute(
        "aria-pressed", "false"
    )


async def test_keys_pressed_on_the_keypad_reach_the_bot(call):
    page, eyes = call
    await page.get_by_role("button", name="Keypad").click()
    await page.get_by_role("button", name="4", exact=True).click()
    await page.get_by_role("button", name="Hash").click()
    await page.keyboard.press("7")
    await until(lambda: eyes.keys == ["4", "#", "7"])
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("group", name="Keypad")).to_be_hidden()


async def test_what_the_bot_saw_is_shown_with_its_age(call):
    page, _ = call
    await page.get_by_role("button", name="Camera").click()
    await page.wait_for_timeout(1200)
    await say(page, "tell saw")
    await expect(page.get_by_alt_text("Camera, as the bot saw it")).to_be_visible()
    await expect(page.get_by_text("Camera, 0.3 s old")).to_be_visible()


async def test_a_cue_frames_the_region_once_the_bot_speaks(call):
    page, _ = call
    await page.get_by_role("button", name="Camera").click()
    await say(page, "tell cue")
    cue = page.locator("#view-camera .cue")
    await expect(cue).to_be_visible()
    style = await cue.evaluate("cue => [cue.style.left, cue.style.top, cue.style.width]")
    assert style == ["10%", "20%", "30%"]
    await expect(page.locator("#announcer")).to_have_text("Look at the left connector.")


async def test_the_team_sees_time_frames_and_cost_behind_a_toggle(call):
    page, _ = call
    await say(page, "tell turn tell saw tell cost")
    await expect(page.locator("#figures")).to_be_hidden()
    await page.get_by_text("For the team").click()
    figures = page.locator("#figures")
    await expect(figures).to_contain_text("2 frames looked at. 0.042 $ so far")
    times = page.locator("#times")
    await expect(times).to_contain_text("952 ms (hearing you out 203, transcript 60, model 420")
    assert await times.locator("li", has_text="952 ms").locator(".bar span").count() == 5


async def test_words_that_went_unheard_are_struck_out(call):
    page, _ = call
    await say(page, "Good morning to you")
    captions = page.locator("#captions")
    await expect(captions.locator(".ahead")).to_be_empty()
    await say(page, "tell line")
    await expect(page.locator("#notice")).to_contain_text("The line was down for 4 s.")
    await expect(captions.locator("s.unheard").first).to_have_text("to you")


async def test_a_person_is_asked_for_with_one_button(call):
    page, _ = call
    await page.get_by_role("button", name="Ask for a person").click()
    await expect(page.locator("#captions")).to_contain_text("I want to talk to a person.")
    await say(page, "tell transfer")
    await expect(page.locator("#notice")).to_have_text(
        "A colleague is being called. You can go on talking meanwhile."
    )


async def test_after_the_call_it_is_summed_up_and_its_words_can_be_kept(call):
    page, _ = call
    await say(page, "tell tool tell minutes")
    await expect(page.locator("#captions")).to_contain_text("You said: tell tool")
    await page.get_by_role("button", name="Hang up").click()
    await expect(page.get_by_text("find part")).to_be_visible()
    await expect(page.get_by_text("No to recording this call, at ")).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Save the transcript").click()
    text = (await (await download.value).path()).read_text()
    assert "You: tell tool tell minutes" in text
    assert "generated by an AI system" in text and "trainedAlgorithmicMedia" in text
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Save the minutes").click()
    assert "It is to be replaced." in (await (await download.value).path()).read_text()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Save the dates").click()
    assert (await download.value).suggested_filename == "meeting.ics"


async def test_the_voice_is_marked_as_generated_where_machines_look(make_app, visit):
    async with listening(make_app()) as (url, _):
        page = await visit(url)
        label = page.locator('[data-ai-generated="true"]:has(#voice)')
        source = await label.get_attribute("data-digital-source-type")
        assert source == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


async def test_the_microphone_is_tried_before_the_call(make_app, visit):
    async with listening(make_app()) as (url, _):
        page = await visit(url, **SEES)
        await page.get_by_text("Check your microphone").click()
        await page.get_by_role("button", name="Try the microphone").click()
        meter = page.get_by_role("meter", name="Microphone level")
        loud = "meter => Number(meter.getAttribute('aria-valuenow')) > 5"
        await page.wait_for_function(loud, arg=await meter.element_handle())
        await page.get_by_role("button", name="Try the camera").click()
        await expect(page.get_by_label("What your camera sees")).to_be_visible()
        await start_call(page)
        await expect(page.get_by_label("What your camera sees")).to_be_hidden()


async def sent(page, seconds):
    """Bytes of sound the page sends in so many seconds."""
    script = """async () => [...(await test.peers.at(-1).getStats()).values()]
        .find((one) => one.type === "outbound-rtp" && one.kind === "audio").bytesSent"""
    before = await page.evaluate(script)
    await page.wait_for_timeout(seconds * 1000)
    return await page.evaluate(script) - before


async def test_a_gated_microphone_sends_noise_to_nobody_and_a_voice_as_ever(make_app, visit):
    noise = browser.noise(5.0, level=0.01)
    line = spoken("I would like to see a doctor, please.", 16000)
    cards = [dataclasses.replace(echo.CARD, gates=gates) for gates in (False, True)]
    amounts = []
    for card in cards:
        async with listening(make_app(cards=(card,))) as (url, _):
            page = await visit(url, before=browser.equip, bypass_csp=True)
            await start_call(page)
            await browser.speak(page, noise, 16000)
            await page.wait_for_timeout(2200)
            amounts.append(await sent(page, 2))
            await browser.speak(page, line, 16000)
            await expect(page.locator("#captions")).to_contain_text("This is utterance")
    open_gate, gated = amounts
    assert gated < open_gate / 4

"""The caller's page, in a real browser, against a real server and a bot without vendors."""

import asyncio
import dataclasses
import re

import pytest
from playwright.async_api import expect

from serving.server import listening
from tests.serving import echo
from tests.web.steps import say, start_call

pytestmark = pytest.mark.slow

NO_CONSENT = dataclasses.replace(echo.CARD, name="open_house", records=False, rehearsed=())


async def test_the_page_loads_from_this_server_alone_and_breaks_no_policy(make_app, visit):
    async with listening(make_app()) as (url, _):
        page = await visit(url)
        await expect(page.get_by_text(echo.CARD.about)).to_be_visible()
        await expect(page.get_by_text(echo.CARD.disclosure)).to_be_visible()
        assert page.requested
        assert all(asked.startswith(url) for asked in page.requested)
        assert not page.complaints


async def test_no_call_starts_before_the_recording_question_is_answered(make_app, visit):
    app = make_app()
    async with listening(app) as (url, _):
        page = await visit(url)
        await page.get_by_role("button", name="Start the call").click(force=True)
        await expect(page.get_by_text("Answer the question about the recording")).to_be_visible()
        assert len(app.state.switchboard) == 0
        assert not any(asked.endswith("/start") for asked in page.requested)


@pytest.mark.parametrize(("answer", "given"), [("Yes, you may", True), ("No, do not", False)])
async def test_the_session_is_told_what_the_caller_answered(make_app, visit, answer, given):
    bodies = []

    async def bot(runner_args):
        bodies.append(runner_args.body)
        await echo.bot(runner_args)

    async with listening(make_app(bot)) as (url, _):
        page = await visit(url)
        await start_call(page, recording=answer)
    assert bodies[0]["consent"]["recording"] is given
    assert bodies[0]["consent"]["at"].endswith("Z")


async def test_a_bot_that_records_nothing_asks_no_question(make_app, visit):
    async with listening(make_app(cards=(echo.CARD, NO_CONSENT))) as (url, _):
        page = await visit(url)
        await page.get_by_label("Open house").check()
        await expect(page.get_by_text("May this call be recorded?")).to_be_hidden()
        await page.get_by_role("button", name="Start the call").click()
        await expect(page.locator("#state")).to_have_text("Listening")


async def test_a_spoken_line_is_captioned_and_answered_in_captions(make_app, visit):
    async with listening(make_app()) as (url, _):
        page = await visit(url)
        await start_call(page)
        captions = page.locator("#captions")
        await expect(captions.get_by_text("This is utterance 1.", exact=True)).to_be_visible()
        await expect(captions.get_by_text("You said: This is utterance 1.")).to_be_visible()
        await expect(page.locator("#times")).to_contain_text("412 ms (hearing you out 203")
        assert not page.complaints


async def test_a_caller_without_a_microphone_can_type(make_app, visit):
    async with listening(make_app()) as (url, _):
        page = await visit(url, permissions=[])
        await start_call(page, button="Type instead")
        await expect(page.get_by_role("button", name="Mute")).to_be_hidden()
        await say(page, "Good morning")
        await expect(page.locator("#captions")).to_contain_text("You said: Good morning")


async def test_a_refused_microphone_is_explained_and_typing_offered(make_app, visit):
    async with listening(make_app()) as (url, _):
        page = await visit(url, permissions=[])
        await page.get_by_label("No, do not record it").check()
        await page.get_by_role("button", name="Start the call").click()
        trouble = page.get_by_role("alert")
        await expect(trouble).to_contain_text("may not use your microphone")
        await trouble.get_by_role("button", name="Type instead").click()
        await expect(page.locator("#state")).to_have_text("Listening")


async def test_an_interruption_silences_the_voice_until_the_bot_speaks_again(make_app, visit):
    async with listening(make_app()) as (url, _):
        page = await visit(url)
        await page.evaluate(
            """() => {
                const voice = document.getElementById("voice");
                voice.onvolumechange = () => { document.title += ` ${voice.muted}`; };
            }"""
        )
        await start_call(page)
        await expect(page).to_have_title(re.compile("true false"))


async def test_a_rehearsal_says_that_it_is_scripted_and_a_call_that_it_is_an_ai(make_app, visit):
    async with listening(make_app(cards=(echo.CARD, NO_CONSENT))) as (url, _):
        page = await visit(url)
        await expect(page.get_by_text("AI, not a person")).to_be_visible()
        await page.get_by_label("Echo").check()
        await start_call(page)
        await expect(page.get_by_text("Scripted rehearsal, not an AI")).to_be_visible()
        await expect(page.locator("#ai")).to_have_text("AI rehearsal")


async def test_a_document_is_uploaded_and_announced_to_the_bot(make_app, visit, tmp_path):
    async with listening(make_app()) as (url, _):
        page = await visit(url)
        await start_call(page)
        await page.locator("#file").set_input_files(
            {"name": "letter.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"}
        )
        await expect(page.locator("#notice")).to_have_text("letter.pdf was sent.")
        await page.locator("#file").set_input_files(
            {"name": "tool.exe", "mimeType": "application/pdf", "buffer": b"MZ"}
        )
        await expect(page.locator("#notice")).to_contain_text("save other documents as PDF")


async def test_hanging_up_ends_the_session_and_offers_another_call(make_app, visit):
    app = make_app()
    async with listening(app) as (url, _):
        page = await visit(url)
        await start_call(page)
        await page.get_by_role("button", name="Hang up").click()
        await expect(page.get_by_role("heading", name="The call is over")).to_be_visible()
        async with asyncio.timeout(5):
            while len(app.state.switchboard):
                await asyncio.sleep(0.05)
        await page.get_by_role("button", name="Call again").click()
        await start_call(page)


async def test_a_server_that_is_gone_is_told_with_the_cure(make_app, visit):
    async with listening(make_app()) as (url, _):
        page = await visit(url)
    await page.get_by_label("No, do not record it").check()
    await page.get_by_role("button", name="Start the call").click()
    await expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    await expect(page.get_by_role("alert")).to_contain_text("Check your connection")


async def test_a_full_server_is_told_in_plain_words(make_app, visit):
    async with listening(make_app(limit=0)) as (url, _):
        page = await visit(url)
        await page.get_by_label("No, do not record it").check()
        await page.get_by_role("button", name="Start the call").click()
        await expect(page.get_by_role("alert")).to_contain_text("All lines are busy")


async def test_a_bot_that_fails_tells_the_caller_why(make_app, visit):
    async def bot(runner_args):
        raise RuntimeError("EARS_API_KEY is not set. Add it to .env.")

    async with listening(make_app(bot, candid=True)) as (url, _):
        page = await visit(url)
        await page.get_by_label("No, do not record it").check()
        await page.get_by_role("button", name="Start the call").click()
        await expect(page.get_by_role("alert")).to_contain_text("The bot could not go on")
        await expect(page.get_by_role("alert")).to_contain_text("EARS_API_KEY is not set")


async def test_a_dropped_connection_comes_back_to_the_same_session(make_app, visit):
    app = make_app()
    async with listening(app) as (url, _):
        page = await visit(url)
        connections = await page.evaluate_handle("() => (window.made = [])")
        await page.evaluate(
            """made => {
                const Real = RTCPeerConnection;
                window.RTCPeerConnection = class extends Real {
                    constructor(...options) { super(...options); made.push(this); }
                };
            }""",
            connections,
        )
        await start_call(page)
        await page.evaluate(
            """made => {
                Object.defineProperty(made[0], "connectionState", { get: () => "failed" });
                made[0].onconnectionstatechange();
            }""",
            connections,
        )
        await expect(page.locator("#state")).not_to_have_text("Connection lost. Reconnecting…")
        await say(page, "Are you still there?")
        await expect(page.locator("#captions")).to_contain_text("You said: Are you still there?")
        assert await page.evaluate("made => made.length", connections) == 2
        assert len(app.state.switchboard) == 1

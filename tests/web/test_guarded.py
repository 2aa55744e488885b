"""The page calls a server that asks for tokens, and nobody has to do anything for it."""

import pytest
from playwright.async_api import expect

from serving.server import listening
from tests.web.steps import start_call

pytestmark = pytest.mark.slow


async def test_the_page_gets_its_token_calls_and_hands_over_a_document(
    make_app, visit, monkeypatch
):
    monkeypatch.setenv("VIVACE_SECRET", "only for tests")
    monkeypatch.delenv("VIVACE_START_KEY", raising=False)
    answers = []

    async def before(page):
        page.on("response", lambda answer: answers.append((answer.request.method, answer)))

    app = make_app(guarded=True)
    async with listening(app) as (url, _):
        page = await visit(url, before=before)
        await start_call(page)
        await expect(page.locator("#state")).to_have_text("Listening")
        document = {"name": "letter.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7\n"}
        async with page.expect_response("**/files*"):
            await page.locator("input[type=file]").set_input_files(document)
        await expect(page.get_by_text("letter.pdf")).to_be_visible()
        kinds = {(how, a.url.split("?")[0].rsplit("/", 1)[-1]) for how, a in answers if a.ok}
        assert {("POST", "token"), ("POST", "start"), ("POST", "offer"), ("POST", "files")} <= kinds
        assert all(a.status < 400 for _, a in answers)
        assert not page.complaints

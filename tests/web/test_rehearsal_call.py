"""A caller in a real browser and the consultation bot: by voice, over the bot's voice, after a cut."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

import bots
import runner
from services.rehearsal.mouth import speak as spoken
from services.rehearsal.script import load
from serving.server import listening
from tests.support import browser
from tests.support.runner import KEYS
from tests.web.steps import say, start_call

pytestmark = pytest.mark.slow

RATE = 16_000
NAME = "my name is jordan miller and my date of birth is march fifth nineteen eighty two"
HEARD = {
    "good morning": "Please tell me your name and your date of birth",
    "my name is": "I have found your record",
    "my phone number": "I have written that down",
    "i am allergic": "Your record lists an allergy",
    "can you read": "I have your letter",
    "i am also taking": "a nurse should say",
    "please let me talk": "I am calling a nurse for you",
}


@pytest_asyncio.fixture(loop_scope="session")
async def consultation(visit, tmp_path, monkeypatch):
    """The page of the consultation bot, played by the rehearsal, with a microphone to speak into."""
    for name in KEYS:
        monkeypatch.delenv(f"{name}_API_KEY", raising=False)
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path))
    monkeypatch.setenv("VIVACE_STORE", f"sqlite:{tmp_path}/sessions.db")
    app = runner.app_for(argparse.Namespace(), only="consultation", loopback=True)
    async with listening(app) as (url, _):
        page = await visit(url, before=browser.equip, bypass_csp=True)
        page.sessions = app.state.switchboard
        page.set_default_timeout(30_000)
        yield page


async def dial(page, *, recording="No, do not record it"):
    await page.get_by_label(recording).check()
    await page.get_by_role("button", name="Start the call").click()
    await until_it_has_said(page, "What brings you in today?")


async def until_it_has_said(page, words):
    """Wait until the bot has said something, and is silent."""
    captions, state = page.locator("#captions"), page.locator("#state")
    await expect(captions).to_contain_text(words, timeout=40_000)
    await expect(state).to_have_text("Listening", timeout=30_000)


async def speak(page, line):
    return await browser.speak(page, spoken(line, RATE), RATE)


async def test_a_whole_rehearsal_call_is_held_by_voice(consultation):
    page, script = consultation, load("consultation")
    await dial(page, recording="Yes, you may record it")
    await expect(page.get_by_text("Recording. Stop it")).to_be_visible()
    for line in script.lines:
        if "letter" in line.say:
            await page.locator("#file").set_input_files(bots.FOLDER / script.documents[0])
            await expect(page.locator("#notice")).to_contain_text("was sent")
        await speak(page, line.say)
        answer = next(words for start, words in HEARD.items() if line.say.startswith(start))
        await until_it_has_said(page, answer)
    await expect(page.locator("#notice")).to_contain_text("A colleague is being called")
    await page.get_by_text("For the team").click()
    assert await page.locator("#times li").count() >= 6
    await page.get_by_role("button", name="Hang up").click()
    await expect(page.get_by_text("Yes to recording this call, at ")).to_be_visible()
    # The tape of this policy is sealed: the caller is not handed what only QA can open.
    await expect(page.get_by_role("link", name="Save the recording")).to_be_hidden()
    assert not [line for line in page.complaints if "403" not in line and "425" not in line]


async def test_the_bot_falls_silent_in_the_browser_when_the_caller_speaks_over_it(consultation):
    page = consultation
    await dial(page)
    await speak(page, "can you speak more slowly")
    await expect(page.locator("#captions")).to_contain_text("I can look into your record")
    await expect(page.locator("#state")).to_have_text("Speaking")
    await page.wait_for_timeout(700)
    await browser.listen(page)
    await speak(page, "i want to talk to a person")
    await page.wait_for_timeout(1500)
    heard = await browser.listen(page)
    (began, _), *_ = browser.runs(heard.microphone)
    bot = browser.runs(heard.bot)
    assert bot and bot[0][0] < began, "the bot was speaking"
    assert bot[0][1] < began + 0.6, "and fell silent for the caller"
    await expect(page.locator("#captions")).to_contain_text("I am calling a nurse for you")


async def cut(page):
    """Let the page find its connection failed."""
    await page.evaluate(
        """() => {
            const cut = test.peers.at(-1);
            Object.defineProperty(cut, "connectionState", { get: () => "failed" });
            cut.onconnectionstatechange();
        }"""
    )


async def refuse(page, path):
    """Let the server know nothing of what is asked for next."""
    answer = {"status": 404, "json": {"detail": "This is gone."}}
    await page.route(path, lambda route: route.fulfill(**answer), times=1)


async def test_a_cut_call_goes_on_and_one_that_is_gone_is_resumed_where_it_was(
    consultation, tmp_path
):
    page, captions = consultation, consultation.locator("#captions")
    await dial(page)
    await say(page, "i have a rash on my arm")
    await until_it_has_said(page, "your name and your date of birth")
    first = set(page.sessions._calls)

    await cut(page)
    await expect(page.locator("#notice")).to_contain_text("The line was down for")
    await expect(page.locator("#state")).to_have_text("Listening")
    assert set(page.sessions._calls) == first, "the same session goes on"
    assert await page.evaluate("test.peers.length") == 2

    await refuse(page, "**/sessions/*/api/offer")
    await cut(page)
    await expect(captions).to_contain_text("The bot picks up where you were")
    await until_it_has_said(page, "We were cut off.")
    assert not first & set(page.sessions._calls), "another session has taken it up"
    await say(page, NAME)
    await until_it_has_said(page, "I have found your record")
    words = await captions.inner_text()
    assert words.count("You are speaking with an AI assistant, not a person") == 1
    assert words.count("What brings you in today?") == 1
    assert not list(tmp_path.glob("*.mcap*")), "without a yes nothing is recorded"


async def test_a_call_that_was_not_kept_says_so_and_offers_a_new_one(
    make_app, visit, monkeypatch, tmp_path
):
    monkeypatch.setenv("VIVACE_STORE", f"sqlite:{tmp_path}/sessions.db")
    async with listening(make_app()) as (url, _):
        page = await visit(url, before=browser.equip, bypass_csp=True)
        await start_call(page)
        await refuse(page, "**/sessions/*/api/offer")
        await refuse(page, "**/start")
        await cut(page)
        trouble = page.get_by_role("alert")
        await expect(trouble).to_contain_text("The connection was lost for too long")
        await expect(trouble).to_contain_text("the bot will not remember it")
        await trouble.get_by_role("button", name="Call again").click()
        await expect(page.locator("#state")).to_have_text("Listening")


def test_a_real_outage_pauses_the_bot_and_is_told_on_the_page():
    alone = ["unshare", "--net", "--map-root-user"]
    if subprocess.run([*alone, "true"], capture_output=True).returncode:
        pytest.skip("This machine lets no process have a network of its own (unshare).")
    done = subprocess.run(
        [*alone, sys.executable, "-m", "tests.web.outage", "7"],
        capture_output=True,
        text=True,
        timeout=150,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr[-2000:]
    facts = json.loads(done.stdout.splitlines()[-1])
    assert "Your turn is kept, and the bot waits." in facts["told"]
    assert "The line was down for" in facts["notice"]
    assert facts["unheard"], "words that were spoken into the void are struck out"
    assert facts["heard_while_down"] == 0
    assert facts["greetings"] == 1 and facts["sessions"] == 1

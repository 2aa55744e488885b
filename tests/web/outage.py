"""A real outage: run in a network namespace of its own, it takes the loopback down in mid-call.

unshare --net --map-root-user python -m tests.web.outage SECONDS

The last line is one JSON object: what the page said, and when the bot was heard again.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile

from loguru import logger
from playwright.async_api import async_playwright, expect

import runner
from serving.server import listening
from tests.support import browser
from tests.web.conftest import CHROMIUM, FLAGS
from tests.web.steps import say


def loopback(state: str) -> None:
    """Take the only network there is up or down."""
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


async def main(secs: float) -> dict:
    """Call, lose the line while the bot speaks, and see what becomes of the call."""
    loopback("up")
    app = runner.app_for(argparse.Namespace(), only="consultation", loopback=True)
    async with listening(app) as (url, _), async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS, ignore_default_args=["--headless=old"]
        )
        context = await chromium.new_context(permissions=["microphone"], bypass_csp=True)
        page = await context.new_page()
        page.set_default_timeout(60_000)
        await browser.equip(page)
        await page.goto(url)
        await page.get_by_label("No, do not record it").check()
        await page.get_by_role("button", name="Start the call").click()
        captions, state = page.locator("#captions"), page.locator("#state")
        await expect(captions).to_contain_text("What brings you in today?", timeout=60_000)
        await expect(state).to_have_text("Listening", timeout=60_000)
        await say(page, "can you speak more slowly")
        await expect(captions).to_contain_text("I can look into your record", timeout=30_000)
        await page.wait_for_timeout(500)
        loopback("down")
        await expect(page.locator("#line-state")).to_be_visible(timeout=10_000)
        told = await page.inner_text("#line-state")
        await browser.listen(page)
        await page.wait_for_timeout((secs - 4) * 1000)
        silence = browser.runs((await browser.listen(page)).bot)
        loopback("up")
        await expect(page.locator("#notice")).to_contain_text("The line was down", timeout=30_000)
        notice = await page.inner_text("#notice")
        await expect(page.locator("#line-state")).to_be_hidden()
        await page.wait_for_timeout(3000)
        await say(page, "i have a rash on my arm")
        await expect(captions).to_contain_text("your date of birth", timeout=30_000)
        facts = {
            "told": told,
            "notice": notice,
            "heard_while_down": len(silence),
            "greetings": (await captions.inner_text()).count("What brings you in today?"),
            "unheard": await page.locator("s.unheard").all_text_contents(),
            "sessions": len(app.state.switchboard),
        }
        await chromium.close()
        return facts


if __name__ == "__main__":
    logger.remove()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VIVACE_TAPES"] = folder
        print(json.dumps(asyncio.run(main(float(sys.argv[1])))))

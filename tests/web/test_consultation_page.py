"""A caller at the page, and the consultation bot: typed text and a document, found in the record."""

import argparse
from pathlib import Path

import pytest
from playwright.async_api import expect

import bots
import runner
from serving.server import listening
from tests.support.runner import KEYS

pytestmark = pytest.mark.slow

LETTER = Path(bots.FOLDER) / "consultation.referral.txt"


async def test_a_caller_types_and_hands_over_a_letter(visit, tmp_path, monkeypatch):
    for name in KEYS:
        monkeypatch.delenv(f"{name}_API_KEY", raising=False)
    monkeypatch.setenv("VIVACE_TAPES", str(tmp_path))
    app = runner.app_for(argparse.Namespace(), only="consultation", loopback=True)
    async with listening(app) as (url, _):
        page = await visit(url)
        page.set_default_timeout(40_000)
        await expect(page.get_by_text("Scripted rehearsal, not an AI")).to_be_visible()
        await page.get_by_label("No, do not record it").check()
        await page.get_by_role("button", name="Type instead").click()
        captions = page.locator("#captions")
        await expect(captions).to_contain_text("What brings you in today?", timeout=60_000)

        await page.get_by_placeholder("Type instead of speaking").fill(
            "my name is jordan miller and my date of birth is march fifth nineteen eighty two"
        )
        await page.get_by_role("button", name="Send", exact=True).click()
        await expect(captions).to_contain_text("I have found your record", timeout=40_000)

        await page.locator("#file").set_input_files(LETTER)
        await expect(page.get_by_text("consultation.referral.txt was sent.")).to_be_visible()
        await page.get_by_placeholder("Type instead of speaking").fill("please read my letter")
        await page.get_by_role("button", name="Send", exact=True).click()
        await expect(captions).to_contain_text("itching rash on the left arm", timeout=40_000)
        assert not page.complaints
        assert not list(tmp_path.glob("*.mcap*")), "without a yes nothing is recorded"

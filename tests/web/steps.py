"""Steps that callers take on the page."""

from playwright.async_api import expect


async def start_call(page, *, recording="No, do not record it", button="Start the call"):
    """Answer the question, start, and wait for the bot to listen."""
    await page.get_by_label(recording).check()
    await page.get_by_role("button", name=button).click()
    await expect(page.locator("#state")).to_have_text("Listening")


async def say(page, text):
    """Type a line and send it."""
    await page.get_by_label("Type your words").fill(text)
    await page.get_by_role("button", name="Send", exact=True).click()

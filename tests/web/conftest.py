import inspect
import os
import shutil
import wave
from pathlib import Path

import pytest
import pytest_asyncio

from services.rehearsal.mouth import speak
from tests.serving.conftest import make_app  # noqa: F401

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    # This machine only; under its second name it is no secure place.
    "--host-resolver-rules=MAP vivace.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--auto-select-tab-capture-source-by-title=Invoice",
]


def pytest_collection_modifyitems(items):
    """One event loop for all of them, so that they share one browser."""
    for item in items:
        if item.path.parent == Path(__file__).parent and inspect.iscoroutinefunction(item.obj):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def speech(tmp_path_factory) -> Path:
    """A microphone's worth of sound: 2 s of quiet, one spoken line, 4 s of quiet, repeated."""
    path, rate = tmp_path_factory.mktemp("sound") / "microphone.wav", 16000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(
            bytes(2 * rate * 2)
            + speak("I would like to see a doctor, please.", rate)
            + bytes(4 * rate * 2)
        )
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(speech):
    """Debian's Chromium with a fake microphone; it reaches this machine only."""
    if not CHROMIUM and not os.environ.get("CI"):
        pytest.skip("There is no Chromium here. Install it: apt-get install chromium")
    assert CHROMIUM, "CI runs the browser tests. Install it: apt-get install chromium"
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[*FLAGS, f"--use-file-for-fake-audio-capture={speech}"],
            ignore_default_args=["--headless=old"],
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(chromium):
    """Opens the page of a server and keeps what the browser complained of and asked for.

    ``before`` is called with the page before it is opened.
    """
    contexts = []

    async def open_page(url, *, before=None, **options):
        context = await chromium.new_context(**{"permissions": ["microphone"]} | options)
        contexts.append(context)
        page = await context.new_page()
        if before:
            await before(page)
        page.requested, page.complaints = [], []
        page.on("request", lambda request: page.requested.append(request.url))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.set_default_timeout(15_000)
        await page.goto(url)
        return page

    yield open_page
    for context in contexts:
        await context.close()

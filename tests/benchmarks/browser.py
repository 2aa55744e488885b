"""What a caller in a real browser waits for: the dial, the answer, silence when they speak, the sight.

    python -m tests.benchmarks.browser [--quick]

Debian's Chromium with the shipped page calls the served bots over loopback WebRTC; the vendors are the
rehearsal's, with the typical profile. Microphone and bot are recorded on one audio clock, the bot after
the page's own muting. Absolute figures carry the load of the machine (``load``). The last line is one
JSON object; times in milliseconds:

- ``runs``: answers and barge-ins measured, of each the smaller number.
- ``dial_p50_ms``: click on "Start the call" to the bot's first sample, microphone included.
- ``voice_p50_ms``, ``voice_p95_ms``: the caller's last sample to the bot's first. The ears of the rehearsal
  listen for the whole phrase, which vendors do not: ``server_p50_ms`` of it is the session's own waterfall.
- ``barge_p50_ms``, ``barge_p95_ms``: the caller's first sample to the bot's last one heard before it
  falls silent for 300 ms. ``overturned``: how often it then went on for a moment, as it does when it
  takes a sound for no interruption, and gave way after all.
- ``jitter_ms``, ``round_trip_ms``: the browser's mean jitter buffer and the connection's round trip.
- ``transport_p50_ms``: what of an answer lies outside the session: the way up, the way down, the buffer.
- ``glass_p50_ms``, ``glass_p95_ms``: something shown to the camera, to the bot's first sample
  about it, by the ``vision_copilot`` bot: a warning sign comes into view, and it speaks up. Its
  cool-down is 1 s here, for one call to see it often. ``glass_missed``: signs it said nothing of.
- ``undetected``: barge-ins after which the bot went on; they are in no percentile.
- ``duck_off_barge_p50_ms``: the baseline, the same barge-ins heard without the page's muting.
"""

import argparse
import asyncio
import dataclasses
import json
import os
import sys
import tempfile
import time
from contextlib import asynccontextmanager

import numpy as np
from loguru import logger
from playwright.async_api import async_playwright

import bots
import runner
from qa.call.pictures import clip
from services.rehearsal.mouth import speak as spoken
from serving.server import listening
from tests.support import browser
from tests.web.conftest import CHROMIUM, FLAGS

RATE = 16_000
ASK = "can you speak more slowly"  # is answered at some length
OVER = "i want to talk to a person"
BETWEEN_WORDS = 0.3  # seconds a speaking bot may be silent
GOES_ON = 1.2  # seconds over the caller's voice, after which the bot did not give way
BEGUN = 1.6  # seconds the bot has spoken when it is interrupted: well into its second sentence
OPENED = 6.0  # seconds into the clip the cabinet is open, and the sign in full view
GLASS_WAIT = 6.0  # seconds a picture has to be spoken of


@asynccontextmanager
async def served(bot: str):
    """A server of one bot."""
    app = runner.app_for(argparse.Namespace(), only=bot, loopback=True)
    async with listening(app) as (url, _):
        yield url


@asynccontextmanager
async def visitor(chromium, url):
    """A page that is ready to call."""
    context = await chromium.new_context(permissions=["microphone", "camera"], bypass_csp=True)
    page = await context.new_page()
    page.set_default_timeout(60_000)
    await browser.equip(page)
    await page.goto(url)
    await page.wait_for_selector("#before", state="visible")
    for answer in await page.get_by_label("No, ").all():
        await answer.check()
    yield page
    await context.close()


async def dial(page) -> float:
    """Call; milliseconds from the click to the bot's first sample."""
    clicked = await page.evaluate("document.getElementById('start').click(), test.clock()")
    await page.wait_for_selector("#state:text('Speaking')")
    await page.wait_for_timeout(1000)
    heard = await browser.listen(page)
    began = await page.evaluate("test.clock()") - len(heard.bot) / browser.RATE
    return (began + browser.runs(heard.bot)[0][0] - clicked) * 1000


async def state(page, name: str) -> None:
    """Wait until the bot is in a state."""
    await page.wait_for_selector(f"#state:text-is('{name}')", timeout=60_000)


async def speak(page, line: str) -> float:
    """Say a line; returns its seconds at once."""
    return await browser.speak(page, spoken(line, RATE), RATE)


async def answered(page) -> tuple[float, int]:
    """Ask, and hear the beginning of the answer: voice to voice, and the session's part of it."""
    before = await page.locator("#times li").count()
    await browser.listen(page)
    await speak(page, ASK)
    await state(page, "Speaking")
    await page.wait_for_timeout(BEGUN * 1000)
    heard = await browser.listen(page)
    ended = browser.runs(heard.microphone)[-1][1]
    first = next((start for start, _ in browser.runs(heard.bot) if start > ended), None)
    totals = await page.locator("#times strong").all_text_contents()
    session = int(totals[-1].split()[0]) if len(totals) > before else 0
    return ((first - ended) * 1000 if first else float("nan")), session


@dataclasses.dataclass(frozen=True)
class Yield:
    """How the bot gave way, in milliseconds from the caller's first sample.

    Parameters:
        heard: To its last sample in the page.
        sent: To its last sample that arrived: what would be heard without the page's muting.
        overturned: Whether its voice came back before it gave way for good.

    One that is longer than :data:`GOES_ON` is none: the bot went on speaking.
    """

    heard: float
    sent: float
    overturned: bool


async def interrupted(page) -> Yield | None:
    """Speak over the bot; None if it was silent just then, which is no barge-in."""
    await speak(page, OVER)
    await page.wait_for_timeout(1600)
    heard = await browser.listen(page)
    began = browser.runs(heard.microphone)[-1][0]
    ends = []
    for track in (heard.bot, heard.unmuted):
        runs = [run for run in browser.runs(track) if run[0] < began + BETWEEN_WORDS]
        if not runs or runs[-1][1] < began - BETWEEN_WORDS:
            return None
        ends.append(max(0.0, runs[-1][1] - began) * 1000)
    again = [start for start, _ in browser.runs(heard.bot) if start > began + BETWEEN_WORDS]
    return Yield(*ends, overturned=bool(again))


async def network(page) -> dict[str, float]:
    """The browser's own figures of the line."""
    return await page.evaluate(
        """async () => {
            const all = [...(await test.peers.at(-1).getStats()).values()];
            const sound = all.find((one) => one.type === "inbound-rtp" && one.kind === "audio");
            const pair = all.find((one) => one.type === "candidate-pair" && one.nominated);
            return {
                jitter: 1000 * sound.jitterBufferDelay / sound.jitterBufferEmittedCount,
                round_trip: 1000 * (pair?.currentRoundTripTime ?? 0),
            };
        }"""
    )


async def talk(chromium, *, dials: int, turns: int) -> dict:
    """Dial, ask and interrupt the consultation bot."""
    dialled, voices, sessions, yields, line = [], [], [], [], {}
    async with served("consultation") as url:
        for number in range(dials):
            async with visitor(chromium, url) as page:
                dialled.append(await dial(page))
                if number < dials - 1:
                    continue
                await state(page, "Listening")
                while len(yields) < turns and len(voices) < 2 * turns:
                    voice, session = await answered(page)
                    voices.append(voice)
                    sessions.append(session)
                    if over := await interrupted(page):
                        yields.append(over)
                    await state(page, "Listening")
                    await page.wait_for_timeout(600)
                line = await network(page)
    gave_way = [one for one in yields if one.heard < GOES_ON * 1000]
    outside = [v - s for v, s in zip(voices, sessions) if s]
    return {
        "runs": min(len(voices), len(gave_way)),
        "dials": len(dialled),
        "dial_p50_ms": percentile(dialled, 50),
        "voice_p50_ms": percentile(voices, 50),
        "voice_p95_ms": percentile(voices, 95),
        "server_p50_ms": percentile([s for s in sessions if s], 50),
        "transport_p50_ms": percentile(outside, 50),
        "barge_p50_ms": percentile([one.heard for one in gave_way], 50),
        "barge_p95_ms": percentile([one.heard for one in gave_way], 95),
        "duck_off_barge_p50_ms": percentile([one.sent for one in gave_way], 50),
        "overturned": sum(one.overturned for one in gave_way),
        "undetected": len(yields) - len(gave_way),
        "jitter_ms": round(line["jitter"]),
        "round_trip_ms": round(line["round_trip"], 1),
    }


def percentile(values: list[float], q: float) -> int | None:
    """A percentile in whole milliseconds."""
    values = [value for value in values if value == value]
    return round(float(np.percentile(values, q))) if values else None


async def look(chromium, *, runs: int) -> dict:
    """Show the copilot something, again and again, and time its first word about it."""
    glass, missed = [], 0
    if "vision_copilot" in bots.names():
        copilot = bots.load("vision_copilot")
        copilot.HAZARDS[:] = [dataclasses.replace(h, cooldown=1.0) for h in copilot.HAZARDS]
        bench, sign = clip("bench").frame(0.0), clip("opened").frame(OPENED)
        async with served("vision_copilot") as url, visitor(chromium, url) as page:
            await browser.show(page, bench)
            await dial(page)
            await state(page, "Listening")
            await page.get_by_role("button", name="Camera").click()
            for _ in range(runs):
                await browser.show(page, bench)
                await page.wait_for_timeout(4000)
                await state(page, "Listening")
                seen = await glimpse(page, sign)
                glass += [seen] if seen else []
                missed += not seen
    return {
        "glass_runs": len(glass),
        "glass_missed": missed,
        "glass_p50_ms": percentile(glass, 50),
        "glass_p95_ms": percentile(glass, 95),
    }


async def glimpse(page, picture: np.ndarray) -> float | None:
    """Show a picture; milliseconds to the bot's first sample, or None if it says nothing of it."""
    await browser.listen(page)
    start = await page.evaluate("test.clock()")
    shown = await browser.show(page, picture)
    await page.wait_for_timeout(GLASS_WAIT * 1000)
    spoke = browser.runs((await browser.listen(page)).bot)
    return (spoke[0][0] - (shown - start)) * 1000 if spoke else None


async def measure(*, quick: bool) -> dict:
    """All of it."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS, ignore_default_args=["--headless=old"]
        )
        figures = await talk(chromium, dials=2 if quick else 20, turns=3 if quick else 24)
        figures |= await look(chromium, runs=2 if quick else 20)
        await chromium.close()
    return figures


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    if not CHROMIUM:
        sys.exit("There is no Chromium here. Install it: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VIVACE_TAPES"] = folder
        began = time.monotonic()
        figures = asyncio.run(measure(quick=args.quick))
    figures |= {"secs": round(time.monotonic() - began), "load": round(os.getloadavg()[0], 1)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

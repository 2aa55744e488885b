"""Barge-in on the phone: how long the caller's ear still hears the bot.

    python -m tests.benchmarks.phone [--carrier twilio] [--times 7] [--held 0]

A call through the double of each carrier's media stream, which plays what it was sent in real time
and drops the rest on ``clear``; the server, the rehearsal's vendors and the caller's voice are on
this machine, and no network lies in between. The last line is one JSON object, by carrier, medians
in ms:

- ``ear_silent_ms``: from the first audible sample of the caller's voice to the end of the last
  sound of the bot's that the caller hears; ``ear_silent_max_ms`` the slowest.
- ``cleared_ms``: from there to the carrier's ``clear``, which comes with the judgement that the
  caller takes the turn.
- ``ahead_ms``: sound that lay with the carrier when the caller began to speak.
- ``dropped_ms``: what the ``clear`` still found there.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from loguru import logger

from services.rehearsal.mouth import speak
from sessions.transfer import transfer_of
from tests.doubles.heard import LOUD, silence
from tests.phone.lines import CALLERS, on_the_phone

ASK, CUT = "please tell me a story", "wait a moment please"
HOLD_SECS = 0.3
STORY_SECS = 1.5  # longer than anything else the bot says


def first_sound(pcm: bytes, *, rate: int = 16000) -> float:
    """Seconds of silence that a recording begins with."""
    loud = np.abs(np.frombuffer(pcm, np.int16).astype(int)) > LOUD
    return int(loud.argmax()) / rate


async def quiet(caller, *, secs: float = 1.2) -> None:
    """Wait until the bot has said what it was about to say."""
    while time.monotonic() - max(caller.ends, 0) < secs:
        await asyncio.sleep(0.02)


async def _story(caller) -> None:
    """Ask for a story until one is told: the rehearsal's ears may mishear."""
    for _ in range(4):
        await caller.say(speak(ASK) + silence(1.0), paced=True)
        try:
            return await caller.heard.sound(caller.heard.loud_secs + STORY_SECS, within=6)
        except TimeoutError:
            await quiet(caller)
    raise TimeoutError("no story was told")


async def cut(line, *, held: int) -> dict[str, float]:
    """Have a story told and speak over it; ms."""
    caller = line.caller
    await _story(caller)
    transfer = transfer_of(line.session)
    assert transfer
    playback = transfer._session.turns.playback  # type: ignore[union-attr]
    for _ in range(held):  # as after an "mm-hmm"
        assert playback.hold()
        await asyncio.sleep(HOLD_SECS)
        playback.resume()
        await asyncio.sleep(HOLD_SECS)
    before, words = len(caller.cleared), speak(CUT)
    onset, ahead = time.monotonic() + first_sound(words), caller.ends - time.monotonic()
    talking = asyncio.create_task(caller.say(words + silence(1.0), paced=True))
    async with asyncio.timeout(10):
        while len(caller.cleared) == before:
            await asyncio.sleep(0.01)
    cleared = caller.cleared[before]
    silent = min(cleared, caller.heard.last_sound(before=cleared))
    await talking
    await quiet(caller)
    return {
        "ear_silent_ms": (silent - onset) * 1000,
        "cleared_ms": (cleared - onset) * 1000,
        "ahead_ms": ahead * 1000,
        "dropped_ms": caller.dropped[before] * 1000,
    }


async def measured(carrier: str, *, times: int, held: int) -> dict[str, int]:
    """The medians of one carrier."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        line_up = on_the_phone(carrier, monkeypatch=patch, tmp_path=Path(folder))
        async with line_up as line:
            await line.caller.heard.sound(1.0, within=20)
            await quiet(line.caller)
            cuts = [await cut(line, held=held) for _ in range(times)]
    found = {name: round(statistics.median(c[name] for c in cuts)) for name in cuts[0]}
    return found | {"ear_silent_max_ms": round(max(c["ear_silent_ms"] for c in cuts))}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--carrier", choices=list(CALLERS), action="append")
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--held", type=int, default=0, help="sounds let pass before, in each story")
    asked = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    found = {
        carrier: asyncio.run(measured(carrier, times=asked.times, held=asked.held))
        for carrier in asked.carrier or CALLERS
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()

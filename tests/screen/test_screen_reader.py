"""The text of the shared screen reaches the model with its age, is taped, and replays as it was."""

import asyncio
import io
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pipecat.frames.frames import UserImageRawFrame
from pipecat.pipeline.pipeline import Pipeline

from processors import screen_reader
from processors.frame_sampler import MAX_AGE
from processors.screen_reader import ScreenReader
from qa.cassettes.caller import Line as Step
from qa.cassettes.record import Scenario, record
from qa.diff import compare
from qa.replay.player import Options, replay
from qa.replay.tapes import open_tape
from sessions import HIPAA, Session
from sessions.tape.schemas import EVENTS
from sessions.vision import privacy
from sessions.vision.ocr import Line, ScreenText, read
from tests.support.virtual_call import calling, virtually
from tests.vision.test_seeing import SCRIPT, Bot, ask, film, saw, sent_of


def text_of(*texts: str) -> ScreenText:
    lines = [
        Line(text, (0, 20 * n, 100, 20 * n + 16), 0.9, ((text, (0, 20 * n, 100, 20 * n + 16)),))
        for n, text in enumerate(texts)
    ]
    return ScreenText(tuple(lines), 0, np.zeros((1, 1), np.uint8))


class Reads(Bot):
    """A bot that reads the screen."""

    def __call__(self, session):
        parts = super().__call__(session)
        self.reader = ScreenReader(session, eyes=self.eyes)
        return [*parts[:3], self.reader, *parts[3:]]


@pytest.fixture
def reading(monkeypatch):
    """What is read of every picture, as tests set it, and how often."""
    state = {"text": text_of("Torque 12 newton metres"), "count": 0}

    def read_raw(image, size, before, at_ns):
        state["count"] += 1
        if isinstance(state["text"], Exception):
            raise state["text"]
        return state["text"]

    monkeypatch.setattr(screen_reader, "read_raw", read_raw)
    monkeypatch.setattr(screen_reader, "prepare", lambda: None)
    monkeypatch.setattr(screen_reader, "available", lambda: True)
    return state


def test_the_model_reads_the_screen_as_data_beside_its_picture(reading):
    async def scenario():
        async with calling(Reads(), script=SCRIPT) as call:
            filming = asyncio.create_task(film(call, 2, source="screenVideo"))
            await asyncio.sleep(1.5)
            requests = sent_of(call)
            await ask(call)
            await filming
            assert '<untrusted source=\\"screen text\\"' in requests[0]
            assert "Torque 12 newton metres" in requests[0]
            seen = {frame["source"]: frame["id"] for frame in saw(call)[0]}
            assert seen["screen text"] == f"{seen['screen']}-text"

    virtually(scenario)


def test_what_stood_on_the_screen_is_gone_when_it_is_gone_old_or_cannot_be_read(reading):
    async def scenario():
        async with calling(Reads(), script=SCRIPT) as call:
            await film(call, 1, source="screenVideo")
            evidence = call.session.evidence
            texts = lambda: [p.text for p in evidence.at(0) if p.source == "screen text"]  # noqa: E731
            assert texts() == ["Torque 12 newton metres"]
            (piece,) = [p for p in evidence.at(0) if p.source == "screen text"]
            assert piece.max_age == MAX_AGE and not piece.trusted
            reading["text"] = RuntimeError("no")
            await film(call, 6, source="screenVideo", offset=1)
            assert texts() == []

    virtually(scenario)


def test_an_inference_waits_for_the_text_of_now_and_for_a_screen_that_is_gone_only_once(reading):
    async def scenario():
        async with calling(Reads(), script=SCRIPT) as call:
            loop = asyncio.get_running_loop()
            filming = asyncio.create_task(film(call, 5, source="screenVideo"))
            await asyncio.sleep(4.5)  # a still screen: the last picture is older than the limit
            requests = sent_of(call)
            await ask(call)
            assert "Torque 12" in requests[0]
            assert max(frame["age_ms"] for frame in saw(call)[0]) < 500
            await filming
            await asyncio.sleep(5)
            took = []
            for _ in range(2):
                began = loop.time()
                await call.session.evidence.freshen(call.session.clock.now_ns())
                took.append(loop.time() - began)
            assert took[0] > 0.2 and took[1] == 0

    virtually(scenario)


def test_the_camera_is_not_read(reading):
    async def scenario():
        async with calling(Reads(), script=SCRIPT) as call:
            await film(call, 1)
            assert reading["count"] == 0

    virtually(scenario)


def test_without_the_recogniser_the_bot_sees_and_reads_nothing(reading, monkeypatch):
    monkeypatch.setattr(screen_reader, "available", lambda: False)
    bot = Reads()

    async def scenario():
        async with calling(bot, script=SCRIPT) as call:
            await film(call, 1, source="screenVideo")
            assert bot.samples and reading["count"] == 0

    virtually(scenario)


def test_under_a_redacting_policy_the_model_reads_surrogates(reading, monkeypatch):
    screen = text_of("Maria Alvarez", "blood pressure")

    def hide(rgb, rules, before=None, at_ns=0):
        memory = privacy.PictureMemory(screen, {(0, 0): "NAME"})
        return privacy.SeenPicture(np.zeros_like(rgb), Counter(NAME=1), memory)

    monkeypatch.setattr(privacy, "redact_picture", hide)
    monkeypatch.setattr("processors.frame_sampler.require_image_privacy", lambda policy: None)
    bot = Reads()

    async def scenario():
        async with calling(bot, script=SCRIPT, policy=HIPAA) as call:
            filming = asyncio.create_task(film(call, 2, source="screenVideo"))
            await asyncio.sleep(1)
            requests = sent_of(call)
            await ask(call)
            await filming
            assert "[NAME_1]\\nblood pressure" in requests[0]
            assert "Maria" not in requests[0] and "Alvarez" not in requests[0]
            assert reading["count"] == 0  # privacy has read it already
            assert bot.samples and all(sample.raw is None for sample in bot.samples)
            assert call.session.ledger.kinds["picture", "NAME"] > 0

    virtually(scenario)


@pytest.mark.slow
def test_of_a_form_that_is_really_read_no_identifier_reaches_the_model():
    pytest.importorskip("rapidocr")
    form = Image.new("RGB", (640, 360), "white")
    draw, font = ImageDraw.Draw(form), ImageFont.load_default(22)
    for top, (label, value) in enumerate(
        [("Patient name:", "Wei Okafor"), ("Phone:", "(415) 555-0162"), ("Dose:", "20 mg")]
    ):
        draw.text((30, 40 + 60 * top), label, "black", font)
        draw.text((260, 40 + 60 * top), value, "black", font)
    frame = UserImageRawFrame(image=form.tobytes(), size=form.size, format="RGB", user_id="caller")
    frame.transport_source = "screenVideo"
    bot = Reads()

    async def scenario():
        async with calling(bot, script=SCRIPT, policy=HIPAA) as call:
            door: Any = call.line.transport
            await door.input().push_frame(frame)
            await asyncio.sleep(0.5)
            requests = sent_of(call)
            await ask(call)
            assert "Patient name: | [NAME_1]\\nPhone: | [PHONE_1]\\nDose: | 20 mg" in requests[0]
            assert not re.search("Okafor|0162", requests[0])
            assert call.session.phi and "Wei Okafor" in call.session.phi.restore("[NAME_1]")

    virtually(scenario)
    jpeg = bot.samples[-1].evidence.image
    shown = np.asarray(Image.open(io.BytesIO(jpeg)))
    words = " ".join(one.text for one in read(shown))
    assert "Patient name" in words and "20 mg" in words
    assert not re.search("Wei|Okafor|415|555|0162", words)


async def bot(runner_args):
    session = await Session.open(runner_args, sees={"screenVideo": 10})
    await session.run(Pipeline(Reads()(session)), greet=False)


def test_a_call_replays_with_the_text_that_was_read_and_reads_nothing(
    reading, monkeypatch, tmp_path: Path
):
    lines = [Step(say="good morning", screen="manual"), Step(type="hello")]
    path = record(Scenario("reads", "consultation", lines, video_fps=10), tmp_path, bot=bot)
    tape = open_tape(path)
    read = [m for m in tape.messages(EVENTS) if m.data["name"] == "screen.read"]
    assert read and read[0].data["detail"]["text"] == "Torque 12 newton metres"
    before = reading["count"]
    monkeypatch.setattr(screen_reader, "available", lambda: False)
    again = replay(tape, Options(bot=bot))
    assert not again.misses and not again.error
    assert compare(tape, again.tape) == []
    assert reading["count"] == before

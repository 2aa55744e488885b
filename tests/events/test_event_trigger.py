"""What happens opens a turn: at the right moment, once, and not over the caller."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import pytest
from pipecat.frames.frames import UserStartedSpeakingFrame, UserStoppedSpeakingFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.runner.types import RunnerArguments

from processors.event_trigger import EventTrigger, Motion, Present, Threshold
from qa.virtual import run
from services.rehearsal.latency import PROFILES
from sessions import OPEN, Session
from sessions.evidence import Evidence
from sessions.vision.detect import WHOLE, mask_of, people
from sessions.vision.eye import Sample
from sessions.vision.picture import gray_of, jpeg_of
from tests.events.detectors import dark_blocks
from tests.support.loopback import Line
from tests.support.tone_voice import ToneVoice
from tests.support.turn_model import Model, Reply

HOT = Threshold(name="the pump is too hot", reading="pump", above=80, slack=5, cooldown=20)
GONE = Threshold(name="no pressure", reading="pressure", below=1, severity="critical")


class Eyes:
    """As much of a sampler as the trigger needs."""

    def add_event_handler(self, _name, handler):
        self.handler = handler

    async def see(self, rgb, at_secs: float, source="camera"):
        evidence = Evidence(f"{source}-1", source, int(at_secs * 1e9), image=jpeg_of(rgb))
        sample = Sample(evidence, rgb.shape[1::-1], "change", gray_of(rgb))
        await self.handler(self, sample)


class Call:
    """A session with a trigger, whose model says what it was told."""

    def __init__(self, session, line, trigger, model, voice):
        self.session, self.line, self.trigger = session, line, trigger
        self.model, self.voice = model, voice
        self.events = []
        trigger.add_event_handler("on_event", self._note)

    async def _note(self, _trigger, happening):
        self.events.append(happening)

    def measure(self, name, value):
        self.session.readings.push({"reading": name, "value": value}, source="plc")

    @property
    def told(self) -> list[str]:
        return [text for text in self.voice.said if text.startswith("Told")]


@asynccontextmanager
async def calling(*watches, eyes=None, disclosed=True):
    line = Line(session_id="events")
    session = await Session.open(line)

    def decide(messages):
        return Reply(f"Told {messages[-1]['content'].count('s ago:')} news.")

    voice, model = ToneVoice(sentence_ms=200), Model(decide, profile=PROFILES["instant"])
    session.adopt(model, stage="llm")
    session.adopt(voice, stage="tts")
    trigger = EventTrigger(session, watches, eyes=eyes)
    user, assistant = LLMContextAggregatorPair(LLMContext())
    ends = session.transport
    pipeline = Pipeline([ends.input(), trigger, user, model, voice, ends.output(), assistant])
    task = asyncio.create_task(session.run(pipeline, greet=False))
    call = Call(session, line, trigger, model, voice)
    await line.connect()
    if disclosed:
        await line.until(lambda: session.disclosed)
        await asyncio.sleep(1.5)
    try:
        yield call
    finally:
        await line.hang_up()
        await asyncio.wait([task], timeout=10)
        task.cancel()


def virtually(scenario):
    run(lambda _loop: scenario(), wall_start_ns=1_790_000_000_000_000_000, limit_secs=600)


def test_a_reading_out_of_bounds_is_told_once_until_it_has_come_back():
    async def scenario():
        async with calling(HOT) as call:
            for value in (70, 85, 90, 79, 84):  # 79 is below the bound and not yet over
                call.measure("pump", value)
                await asyncio.sleep(3)
            assert len(call.told) == 1
            call.measure("pump", 74)
            await asyncio.sleep(1)
            call.measure("pump", 85)  # over, and again within the cool-down
            await asyncio.sleep(10)
            assert len(call.told) == 1
            call.measure("pump", 74)
            call.measure("pump", 86)
            await asyncio.sleep(3)
            assert len(call.told) == len(call.events) == 2
            assert call.events[0].text.startswith("the pump is too hot: pump: 85")

    virtually(scenario)


def test_nothing_is_told_before_the_disclosure_was_heard_and_then_it_is():
    async def scenario():
        async with calling(HOT, disclosed=False) as call:
            asked = []
            call.session.on_disclosed(lambda: asked.append(call.model.asked))
            call.measure("pump", 90)
            await call.line.until(lambda: asked)
            assert asked == [0] and len(call.events) == 1
            await asyncio.sleep(3)
            assert len(call.told) == 1

    virtually(scenario)


def test_nothing_is_told_while_the_caller_speaks_or_is_owed_an_answer():
    async def scenario():
        async with calling(HOT, GONE) as call:
            await call.session.worker.queue_frame(UserStartedSpeakingFrame())
            await asyncio.sleep(0.1)
            call.measure("pump", 90)
            call.measure("pressure", 0)
            await asyncio.sleep(3)
            assert call.model.asked == 0
            await call.session.worker.queue_frame(UserStoppedSpeakingFrame())
            await asyncio.sleep(3)
            assert call.model.asked == 0  # the caller's own answer comes first
            await asyncio.sleep(7)
            assert call.told == ["Told 2 news."]

    virtually(scenario)


def test_what_is_critical_is_told_over_the_bots_own_voice_and_the_rest_after_it():
    async def scenario():
        async with calling(HOT, GONE) as call:
            from pipecat.frames.frames import BotStartedSpeakingFrame, InterruptionFrame

            cut = []

            @call.voice.event_handler("on_before_process_frame")
            async def on_before_process_frame(_voice, frame):
                if isinstance(frame, InterruptionFrame):
                    cut.append(call.session.clock.now())

            await call.trigger.queue_frame(BotStartedSpeakingFrame())
            await asyncio.sleep(0.1)
            call.measure("pump", 90)
            await asyncio.sleep(1)
            assert call.model.asked == 0 and not cut
            call.measure("pressure", 0)
            await asyncio.sleep(2)
            assert call.told == ["Told 2 news."] and len(cut) == 1

    virtually(scenario)


def test_news_that_has_waited_too_long_is_dropped_unless_it_is_critical():
    async def scenario():
        async with calling(HOT, GONE) as call:
            await call.session.worker.queue_frame(UserStartedSpeakingFrame())
            await asyncio.sleep(0.1)
            call.measure("pump", 90)
            call.measure("pressure", 0)
            await asyncio.sleep(20)
            await call.session.worker.queue_frame(UserStoppedSpeakingFrame())
            await asyncio.sleep(12)
            assert call.told == ["Told 1 news."]

    virtually(scenario)


def room(x=None, *, size=(360, 640), noise=0, seed=0):
    """A gray room, with a dark figure at a share of its width."""
    draws = np.random.default_rng(seed)
    rgb = np.full((*size, 3), 120, np.uint8)
    if x is not None:
        left = int(x * size[1])
        rgb[size[0] // 3 :, max(0, left - 40) : left + 40] = 30
    return np.clip(rgb + draws.normal(0, noise, rgb.shape), 0, 255).astype(np.uint8)


LEFT = ((0, 0), (0.4, 0), (0.4, 1), (0, 1))


async def watching(*watches):
    session = Session(RunnerArguments(session_id="w"), policy=OPEN)
    eyes, seen = Eyes(), []
    trigger = EventTrigger(session, watches, eyes=eyes, speaks=False)
    judge = trigger._call_event_handler

    async def note(name, happening):
        seen.append(happening.watch.name)
        await judge(name, happening)

    trigger._call_event_handler = note
    return eyes, seen, trigger


async def test_motion_counts_in_its_zone_and_nowhere_else():
    eyes, seen, _ = await watching(Motion(name="left", zone=LEFT), Motion(name="any"))
    for n in range(8):
        await eyes.see(room(noise=6, seed=n), n * 0.5)
    assert seen == []
    await eyes.see(room(0.8), 4.0)
    assert seen == ["any"]
    await eyes.see(room(0.2), 4.5)
    assert seen == ["any", "left"]


async def test_a_light_that_is_switched_on_is_no_motion():
    eyes, seen, _ = await watching(Motion(name="any"))
    for n in range(4):
        await eyes.see(room(), n)
    await eyes.see(room() + 90, 5)
    await eyes.see(room() + 90, 6)
    assert seen == []


async def test_what_stays_becomes_part_of_the_scene():
    eyes, seen, _ = await watching(Motion(name="any", cooldown=0))
    for n in range(4):
        await eyes.see(room(), n)
    for n in range(40):
        await eyes.see(room(0.5), 4 + 5 * n)
    assert seen == ["any"]
    await eyes.see(room(0.2), 300)
    assert seen == ["any", "any"]


async def test_a_detector_is_a_plug_and_its_boxes_stand_in_a_zone():
    found = []
    session = Session(RunnerArguments(session_id="w"), policy=OPEN)
    eyes = Eyes()
    watch = Present(name="somebody is left", detector=dark_blocks, zone=LEFT)
    trigger = EventTrigger(session, [watch], eyes=eyes, speaks=False)
    looks = []
    trigger.create_task = lambda work, *_: looks.append(asyncio.ensure_future(work))

    async def note(_name, happening):
        found.append(happening)

    trigger._call_event_handler = note
    for at, x in ((0, None), (1, 0.8), (2, 0.2), (3, 0.2)):
        await eyes.see(room(x), at)
        await asyncio.gather(*looks)
    assert [h.at_ns for h in found] == [2_000_000_000] and found[0].region[0] < 0.5


def test_what_is_spoken_of_is_framed_on_the_page():
    async def scenario():
        eyes = Eyes()
        watch = Motion(name="a hand at the saw", severity="critical")
        async with calling(watch, eyes=eyes) as call:
            now = call.session.clock.now()
            for n in range(8):
                await eyes.see(room(), now - 4 + n * 0.5)
            await eyes.see(room(0.2), now)
            await asyncio.sleep(2)
            (cue,) = call.line.server("cue")
            assert cue["text"] == "a hand at the saw" and cue["vibrate"]
            region = cue["region"]
            assert region["x"] <= 0.2 <= region["x"] + region["width"] < 0.5

    virtually(scenario)


def test_the_people_detector_finds_nobody_in_an_empty_room():
    assert people(room(noise=3)) == []


@pytest.mark.parametrize("zone", [(), ((0, 0), (1, 1)), ((0, 0), (2, 0), (1, 1))])
def test_a_zone_that_is_none_is_refused(zone):
    with pytest.raises(ValueError, match="upper left"):
        mask_of(zone)
    assert mask_of(WHOLE).all()


def test_a_watch_that_cannot_work_is_refused_when_it_is_made():
    session = Session(RunnerArguments(session_id="w"), policy=OPEN)
    with pytest.raises(ValueError, match="eyes"):
        EventTrigger(session, [Motion(name="x")])
    with pytest.raises(ValueError, match="bound"):
        EventTrigger(session, [Threshold(name="x", reading="y")])

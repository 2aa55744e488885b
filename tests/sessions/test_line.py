"""A line that goes down: the bot waits, what went unheard is marked, nobody is greeted twice."""

import asyncio
import json
from contextlib import asynccontextmanager

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.runner.types import RunnerArguments
from pipecat.transports.base_transport import TransportParams

from qa.replay.door import ReplayTransport
from qa.virtual import run
from services.rehearsal.latency import PROFILES
from sessions import OPEN, Session
from sessions.tape import TapeMessage
from tests.support.loopback import Line
from tests.support.tone_voice import ToneVoice
from tests.support.turn_model import Model, Reply

WALL = 1_790_000_000_000_000_000
LONG = " ".join(f"word{n}" for n in range(100)) + "."  # six seconds of tone


class Pings:
    """A connection, as far as the line looks at it: its page pings until it is told not to."""

    def __init__(self):
        self._last_received_time = None
        self.alive = True
        self.on_disconnected = None

    def add_event_handler(self, name, handler):
        assert name == "disconnected"
        self.on_disconnected = handler

    async def go_on(self):
        n = 0.0
        while True:
            if self.alive:
                n += 1
                self._last_received_time = n
            await asyncio.sleep(1)


class Call:
    def __init__(self, line, session, pings, context, model):
        self.line, self.session, self.pings = line, session, pings
        self.context, self.model = context, model

    def loud_since(self, at):
        return [when for when, loud in self.line.heard if loud and when > at]

    async def type(self, text):
        await self.line.send("send-text", {"content": text})


@asynccontextmanager
async def call(reply):
    line, pings = Line(session_id="line"), Pings()
    line.webrtc_connection = pings
    session = await Session.open(line)
    context = LLMContext()
    model = Model(lambda _: Reply(reply), profile=PROFILES["instant"])
    session.line.hold(model)
    user, assistant = LLMContextAggregatorPair(
        context, user_params=session.user_params(), assistant_params=session.assistant_params()
    )
    transport = session.transport
    parts = [transport.input(), user, model, ToneVoice(), transport.output(), assistant]
    task = asyncio.create_task(session.run(Pipeline(parts), greet=False))
    pinging = asyncio.create_task(pings.go_on())
    await line.connect()
    await line.until(lambda: session.opening.heard)
    await asyncio.sleep(1)
    try:
        yield Call(line, session, pings, context, model)
    finally:
        pinging.cancel()
        await line.hang_up()
        await asyncio.wait([task], timeout=10)


def on_the_virtual_clock(scene, reply=LONG):
    async def main(loop):
        async with call(reply) as one:
            return await scene(one, loop)

    return run(main, wall_start_ns=WALL)


def test_the_voice_waits_while_the_line_is_down_and_goes_on_afterwards():
    async def scene(one, loop):
        one.line.heard.clear()
        await one.type("Go on")
        await asyncio.sleep(1)
        one.pings.alive = False
        await asyncio.sleep(4.5)
        assert one.session.line.down
        at_pause = loop.time()
        await asyncio.sleep(8)
        assert not [when for when in one.loud_since(at_pause) if when > at_pause + 0.1]
        one.pings.alive, back = True, loop.time()
        await one.line.until(lambda: one.loud_since(back), within=2)
        await asyncio.sleep(8)
        sounded = sum(loud for _, loud in one.line.heard) * 0.02
        assert 5.5 < sounded < 6.6, "every part of the answer was played once"

    on_the_virtual_clock(scene)


def test_words_spoken_into_a_dead_line_are_marked_unheard_for_the_model_and_the_page():
    async def scene(one, _loop):
        one.pings.alive = False
        await asyncio.sleep(0.5)
        await one.type("Go on")
        await asyncio.sleep(4)
        assert one.session.line.down
        one.pings.alive = True
        await asyncio.sleep(2)
        (told,) = one.line.server("line")
        notes = [m["content"] for m in one.context.get_messages() if m["role"] == "developer"]
        return told, notes

    told, notes = on_the_virtual_clock(scene, reply="The office opens at nine.")
    assert told["unheard"] == 5
    assert 3 < told["secs"] < 7
    assert 'did not hear these words of yours: "The office opens at nine."' in notes[0]


def test_no_answer_is_begun_while_the_line_is_down_and_one_is_when_it_is_back():
    async def scene(one, _loop):
        one.pings.alive = False
        await asyncio.sleep(4)
        await one.type("Are you there?")
        await one.type("Hello?")
        await asyncio.sleep(6)
        asked_while_down = one.model.asked
        one.pings.alive = True
        await asyncio.sleep(5)
        return asked_while_down, one.model.asked

    assert on_the_virtual_clock(scene, reply="Yes.") == (0, 1)


def test_a_connection_restarted_by_the_page_is_down_until_the_page_pings_again():
    async def scene(one, _loop):
        one.pings.alive = False
        await one.pings.on_disconnected(one.pings)
        assert one.session.line.down
        one.pings.alive = True
        await asyncio.sleep(1.5)
        assert not one.session.line.down
        return one.line.server("line")

    assert len(on_the_virtual_clock(scene)) == 1


def test_a_caller_who_comes_back_is_not_greeted_again():
    async def scene(one, _loop):
        before = list(one.line.transcript())
        await one.line.connect()
        await asyncio.sleep(3)
        assert one.line.transcript() == before

    on_the_virtual_clock(scene)


def test_a_door_without_pings_is_never_taken_for_down():
    async def main(_loop):
        line = Line(session_id="phone")
        session = await Session.open(line)
        session.line.attach(None, None)
        await asyncio.sleep(10)
        assert not session.line.down
        session.line.close()

    run(main, wall_start_ns=WALL)


async def test_a_replay_takes_the_line_down_and_up_when_it_was():
    tape = [
        TapeMessage("/events", at_ns, json.dumps({"name": name, "detail": detail}).encode())
        for at_ns, name, detail in (
            (5_000_000_000, "line.down", {"silent_since": 1.5}),
            (9_000_000_000, "line.up", {"secs": 7.5, "unheard": 0}),
        )
    ]
    session = Session(RunnerArguments(session_id="again"), policy=OPEN)
    door = ReplayTransport(tape, TransportParams(), session).input()
    down, up = [step for _, step in door._steps if isinstance(step, TapeMessage)]
    await door._do(down)
    assert session.line.down
    await door._do(up)
    assert not session.line.down

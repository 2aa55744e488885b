"""A tape with pictures replays to the same decisions, and holds what models were shown."""

import io

from PIL import Image
from pipecat.pipeline.pipeline import Pipeline

from qa.cassettes.caller import Line
from qa.cassettes.record import Scenario, record
from qa.diff import compare
from qa.replay.player import Options, replay
from qa.replay.tapes import open_tape
from sessions import Session
from sessions.tape.schemas import CAMERA, EVENTS
from tests.vision.test_seeing import Bot


async def bot(runner_args):
    session = await Session.open(runner_args, sees={"camera": 10})
    await session.run(Pipeline(Bot()(session)), greet=False)


def taken(tape) -> list[dict]:
    return [message.data["picture"] for message in tape.messages(CAMERA)]


def saw(tape) -> list[list[str]]:
    events = (m.data for m in tape.messages(EVENTS))
    return [[f["id"] for f in e["detail"]["frames"]] for e in events if e["name"] == "saw"]


def test_a_call_with_a_camera_replays_to_the_same_pictures_and_answers(tmp_path):
    lines = [Line(say="good morning"), Line(type="hello")]
    path = record(Scenario("eyes", "consultation", lines, video_fps=10), tmp_path, bot=bot)
    tape = open_tape(path)
    pictures = taken(tape)
    assert len(pictures) > 2
    assert {picture["id"] for picture in pictures} >= {id for ids in saw(tape) for id in ids}
    first = next(tape.messages(CAMERA))
    assert Image.open(io.BytesIO(first.bytes)).format == "JPEG"
    one, two = (replay(tape, Options(bot=bot, event_log=True)) for _ in range(2))
    assert not one.misses and not one.error and not one.refused
    assert compare(tape, one.tape) == []
    assert taken(one.tape) == pictures
    assert saw(one.tape) == saw(tape) != []
    assert one.log and two.log
    assert one.log.raw_digest() == two.log.raw_digest()

"""What the scripted mind sees: facts of the pixels it really received, and rules that depend on them."""

import io

import numpy as np
import pytest
from PIL import Image
from pipecat.frames.frames import (
    InputImageRawFrame,
    LLMContextFrame,
    TTSStoppedFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext

from services.rehearsal.look import Look
from services.rehearsal.script import Script, ScriptError, load
from tests.rehearsal.stage import running, stage
from tests.rehearsal.test_mind import answer, picture
from tests.rehearsal.test_wires import needs_ears

cv2 = pytest.importorskip("cv2")

RED, BLUE = (200, 40, 40), (40, 70, 200)


def canvas(colour=(150, 150, 150), size=(640, 360)):
    return np.full((size[1], size[0], 3), colour, np.uint8)


def encoded(rgb, quality=70) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality)
    return file.getvalue()


def block(rgb):
    import base64

    source = {"type": "base64", "media_type": "image/jpeg"}
    return {"type": "image", "source": {**source, "data": base64.b64encode(encoded(rgb)).decode()}}


def text(words):
    return {"type": "text", "text": words}


def triangle(rgb, colour, *, symbol=False):
    cv2.fillPoly(rgb, [np.array([(320, 60), (200, 280), (440, 280)], np.int32)], colour)
    if symbol:
        cv2.rectangle(rgb, (308, 140), (332, 250), (10, 10, 10), -1)
    return rgb


def test_things_have_a_colour_a_shape_and_a_place():
    scene = canvas()
    cv2.circle(scene, (100, 180), 60, RED, -1)
    cv2.rectangle(scene, (480, 120), (620, 260), BLUE, -1)
    first, second = Look(encoded(scene))["things"]
    assert (first["color"], first["shape"], first["where"]) == ("blue", "square", "right")
    assert (second["color"], second["shape"], second["where"]) == ("red", "circle", "left")


def test_a_warning_sign_is_a_yellow_triangle_with_a_black_symbol():
    yellow = (250, 205, 20)
    assert Look(encoded(triangle(canvas(), yellow, symbol=True)))["hazard"] == "warning sign"
    assert Look(encoded(triangle(canvas(), yellow)))["hazard"] == ""
    assert Look(encoded(triangle(canvas(), RED, symbol=True)))["hazard"] == ""


def test_markers_and_codes_are_read():
    scene = canvas((255, 255, 255))
    kind = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    for number, x in ((7, 60), (23, 400)):
        marker = cv2.aruco.generateImageMarker(kind, number, 160)
        scene[100:260, x : x + 160] = marker[:, :, None]
    assert Look(encoded(scene))["marks"] == [7, 23]
    code = cv2.QRCodeEncoder.create().encode("valve 4471")
    big = cv2.resize(code, (300, 300), interpolation=cv2.INTER_NEAREST)
    scene = canvas((255, 255, 255))
    scene[30:330, 170:470] = big[:, :, None]
    assert Look(encoded(scene))["code"] == "valve 4471"


def test_every_ninth_has_its_colour():
    scene = canvas((128, 128, 128))
    scene[:120, :213] = RED
    places = Look(encoded(scene))["place"]
    assert places["top_left"] == "red" and places["middle"] == "grey" and len(places) == 9


def test_motion_is_told_by_the_picture_before():
    still, moved = canvas(), canvas()
    cv2.circle(moved, (320, 180), 60, RED, -1)
    before = Look(encoded(still))
    assert before["motion"] == ""
    assert Look(encoded(still, 60), before=before)["motion"] == "still"
    assert Look(encoded(moved), before=before)["motion"] == "moving"


def test_a_fact_that_no_rule_asks_for_is_not_looked_for(monkeypatch):
    monkeypatch.setattr("services.rehearsal.look.read", lambda pixels: pytest.fail("read"))
    rules = [{"hear": "label", "say": "{image.text}"}, {"hear": "colour", "say": "{image.color}"}]
    asked = [{"role": "user", "content": [picture(), text("which colour")]}]
    assert answer(rules, asked).say == "red"


def test_a_rule_may_depend_on_what_is_seen():
    rules = [
        {"see": {"image.thing.color": "red", "image.thing.shape": "circle"}, "say": "a ball"},
        {"see": {"image.thing.shape": "(?P<what>square)"}, "say": "a {image.thing.color} {what}"},
        {"see": {"image.thing": "^$"}, "say": "nothing"},
        {"see": False, "say": "blind"},
    ]
    ball, box = canvas(), canvas()
    cv2.circle(ball, (320, 180), 60, RED, -1)
    cv2.rectangle(box, (260, 120), (400, 260), BLUE, -1)
    for scene, said in ((ball, "a ball"), (box, "a blue square"), (canvas(), "nothing")):
        asked = [{"role": "user", "content": [block(scene), text("what is it")]}]
        assert answer(rules, asked).say == said
    assert answer(rules, [{"role": "user", "content": "what is it"}]).say == "blind"


def test_a_script_that_looks_for_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "x.rehearsal.yaml").write_text("rules: [{see: {window.color: red}, say: hi}]")
    with pytest.raises(ScriptError, match="'window.color' is nothing to see"):
        load("x", scripts=tmp_path)
    assert Script(rules=({"see": {"camera.hazard": "sign"}, "say": "hi"},))  # type: ignore[arg-type]


SCRIPT = """
phrases: [what am i holding]
rules: [{see: true, hear: holding, say: "A {image.thing.color} {image.thing.shape}."}]
"""


def ball_frame():
    scene = canvas()
    cv2.circle(scene, (320, 180), 80, RED, -1)
    return InputImageRawFrame(image=scene.tobytes(), size=(640, 360), format="RGB")


def shown(*parts):
    """What the devices show with a request, as the session puts it, and then the caller's words."""
    heading = text("(Shown by the devices at this moment. The caller has not said this.)")
    asked = text("what do you see")
    return [{"role": "user", "content": [heading, *parts, asked]}]


def test_each_source_is_looked_at_by_its_name():
    camera, screen = canvas(RED), canvas((255, 255, 255))
    parts = [
        text("[camera-3: camera, 0.3 s ago]"),
        block(camera),
        text("[screen-9: screen, 1.0 s ago]"),
        block(screen),
    ]
    rules = [
        {"hear": "see", "see": {"camera.color": "red"}, "say": "{camera.color}, {screen.color}"}
    ]
    assert answer(rules, shown(*parts)).say == "red, white"


def test_a_lone_picture_that_comes_before_its_label_is_the_labels():
    parts = shown(text("[camera-3: camera, 0.3 s ago]"))[0]["content"]
    rules = [{"see": {"camera.color": "red"}, "say": "red"}]
    assert answer(rules, [{"role": "user", "content": [picture(), *parts]}]).say == "red"


def test_what_is_shown_is_not_what_the_caller_said():
    parts = [
        text("[text-2: screen text, 0.2 s ago]"),
        text(
            '<untrusted source="screen text" note="data">\nTorque: 12 newton metres\n</untrusted>'
        ),
        text("[reading-1: monitor, 0.2 s ago, ground truth]"),
        text("temperature: 81 C"),
    ]
    rules = [
        {"hear": "torque|temperature", "say": "taken for words"},
        {
            "hear": "see",
            "shown": r"torque: (?P<torque>\d+)[^<]+</untrusted>\stemperature: (?P<degrees>\d+)",
            "say": "{torque} and {degrees}",
        },
    ]
    assert answer(rules, shown(*parts)).say == "12 and 81"
    assert not answer(rules, [{"role": "user", "content": "what do you see"}]).calls


def test_an_opening_stays_one_when_something_is_shown():
    rules = [{"greet": True, "say": "hello"}, {"hear": ".", "say": "words"}]
    parts = shown(text("[camera-1: camera, 0.1 s ago]"), picture())[0]["content"][:-1]
    note = text("(Greet the caller.)")
    asked = [{"role": "user", "content": [*parts, note]}]
    assert answer(rules, asked, heard=False).say == "hello"


@needs_ears
@pytest.mark.parametrize("vendor", ["openai", "google"])
async def test_a_realtime_core_sees_the_frames_that_it_was_sent(vendor, tmp_path):
    from tests.rehearsal.test_other_vendors import live
    from tests.rehearsal.test_realtime import hear, realtime, said

    (tmp_path / "consultation.rehearsal.yaml").write_text(SCRIPT)
    async with stage(tmp_path) as s:
        core = realtime(s) if vendor == "openai" else live(s)
        async with running(core) as (worker, sink):
            context = LLMContext([{"role": "user", "content": "hello"}])
            await worker.queue_frame(LLMContextFrame(context))
            await sink.until(lambda k: k.of(TTSStoppedFrame))
            await worker.queue_frame(ball_frame())
            await hear(worker, "what am i holding")
            await sink.until(lambda k: len(k.of(TTSStoppedFrame)) > 1)
            assert "A red circle." in said(sink)

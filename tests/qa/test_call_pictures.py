"""A caller who shows something: generated clips, as real video tracks."""

import io

import numpy as np
import pytest
from PIL import Image

from qa.call import Line, call
from qa.call.pictures import CLIPS, clip
from services.rehearsal.look import Look
from tests.qa.parrot import Parrot


def look(rgb) -> Look:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=60)
    return Look(file.getvalue())


def test_a_frame_depends_on_the_time_alone():
    for name, shown in CLIPS.items():
        later, again = shown.frame(2.5), shown.frame(2.5)
        assert later.shape == (shown.size[1], shown.size[0], 3) and later.dtype == np.uint8, name
        assert (later == again).all(), name


def test_a_clip_that_there_is_not_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="bench, opened, ball"):
        clip("beach")
    with pytest.raises(ValueError, match="no clip"):
        Line(camera="beach")


def test_what_is_shown_without_words_is_awaited_only_where_the_bot_speaks_unasked():
    assert Line(camera="bench").answerable == ""
    assert Line(camera="bench", unasked=True).answerable == "bench"


@pytest.mark.parametrize(
    "name, before, after",
    [
        ("opened", {"hazard": ""}, {"hazard": "warning sign"}),
        ("ball", {"thing": {}}, {"color": "red", "shape": "circle", "where": "middle"}),
        ("box", {"thing": {}}, {"color": "green", "shape": "square", "where": "middle"}),
        ("van", {"thing": {}}, {"color": "red", "shape": "square", "where": "right"}),
        ("bench", {"hazard": ""}, {"color": "blue", "shape": "square", "where": "left"}),
    ],
)
def test_the_clips_show_what_they_say_they_show(name, before, after):
    first, last = look(clip(name).frame(0.0)), look(clip(name).frame(4.0))
    assert {fact: first[fact] for fact in before} == before
    seen = {**last["thing"], "hazard": last["hazard"]}
    assert {fact: seen[fact] for fact in after} == after


@pytest.mark.slow
async def test_the_bot_receives_the_camera_and_the_screen(tmp_path):
    lines = [
        Line(camera="bench", screen="manual", wait=0.2),
        Line(wait=2.5, camera="ball"),
        Line(wait=2.0, camera="off", type="done"),
    ]
    async with Parrot() as parrot:
        summary = await call(
            url=parrot.url,
            bot="parrot",
            script=lines,
            body={"watches": True},
            out=io.StringIO(),
            recording=tmp_path / "call.wav",
        )
        assert summary.errors == []
        sources = {source for source, _ in parrot.seen}
        assert sources == {"camera", "screenVideo"}
        camera = [
            look(picture)["thing"].get("color") for s, picture in parrot.seen if s == "camera"
        ]
        assert "blue" in camera and camera[-1] == "red"
        screens = [picture for source, picture in parrot.seen if source == "screenVideo"]
        assert screens[-1].shape == (720, 1280, 3) and screens[-1].mean() > 200

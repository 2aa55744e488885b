"""The copilot's detector: warning signs, and nothing that only looks a little like one."""

import cv2
import numpy as np
import pytest

from qa.call.pictures import clip
from sessions.vision.signs import warning_signs

YELLOW, BLACK = (250, 205, 20), (15, 15, 15)


def scene(*, corners=((320, 60), (200, 280), (440, 280)), colour=YELLOW, symbol=True):
    rgb = np.full((360, 640, 3), 140, np.uint8)
    cv2.fillPoly(rgb, [np.array(corners, np.int32)], colour)
    if symbol:
        cv2.rectangle(rgb, (308, 150), (332, 250), BLACK, -1)
    return rgb


def test_a_sign_is_found_where_it_is():
    ((x0, y0, x1, y1),) = warning_signs(scene())
    assert (x0, y0, x1, y1) == pytest.approx((200 / 640, 60 / 360, 440 / 640, 280 / 360), abs=0.01)


@pytest.mark.parametrize(
    "other",
    [
        {"symbol": False},
        {"colour": (200, 40, 40)},
        {"colour": (120, 100, 60)},
        {"corners": ((200, 60), (440, 60), (440, 280), (200, 280))},
        {"corners": ((320, 150), (312, 165), (328, 165))},
    ],
    ids=["no symbol", "red", "wood", "a square", "tiny"],
)
def test_what_is_no_warning_sign_is_not_taken_for_one(other):
    assert warning_signs(scene(**other)) == []


@pytest.mark.parametrize("name", ["bench", "ball", "box", "yard", "van", "manual"])
def test_no_other_clip_holds_a_sign(name):
    assert not any(warning_signs(clip(name).frame(t)) for t in (0.0, 1.5, 4.0))


def test_the_sign_is_seen_once_the_cabinet_is_open():
    opened = clip("opened")
    assert not warning_signs(opened.frame(1.0))
    assert all(warning_signs(opened.frame(t)) for t in np.arange(2.2, 8, 0.3))

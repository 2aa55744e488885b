"""What a rehearsal caller shows: clips drawn as they play, so that no file and no licence is needed.

A frame depends on the seconds since the clip began and on nothing else.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

OFF = "off"
CAMERA, SCREEN = (640, 360), (1280, 720)
BOLT = ((0.05, -0.30), (-0.14, 0.10), (0.0, 0.10), (-0.05, 0.36), (0.15, -0.04), (0.01, -0.04))
RED, GREEN, BLUE, YELLOW = (190, 30, 35), (40, 150, 60), (40, 70, 190), (250, 205, 20)
MANUAL = (
    "SERVICE MANUAL P-200",
    "Switch off the mains before you open the panel.",
    "Cover screws: torque 12 newton metres",
    "Spare part number: 4471",
)


@dataclass(frozen=True)
class Clip:
    """A moving picture.

    Parameters:
        shows: What is on it, for people.
        draw: Paints the moment that is so many seconds from its beginning.
        size: Width and height in pixels.
        fps: Frames a second that show all of it.
    """

    shows: str
    draw: Callable[[float], np.ndarray]
    size: tuple[int, int] = CAMERA
    fps: float = 10.0

    def frame(self, t: float) -> np.ndarray:
        """The picture at ``t`` seconds: RGB, uint8, shape (height, width, 3)."""
        return self.draw(t)


def clip(name: str) -> Clip:
    """The clip of that name.

    Raises:
        ValueError: With the names there are.
    """
    if name not in CLIPS:
        raise ValueError(f"A caller has no clip {name!r}. Show {', '.join(CLIPS)}, or {OFF}.")
    return CLIPS[name]


def _bench(t: float, *, opened: float = 0.0) -> np.ndarray:
    """A workbench in a hand-held camera: a blue toolbox, and a cabinet that opens from 0 to 1."""
    x, y = round(4 * math.sin(1.1 * t)), round(3 * math.sin(1.7 * t))
    picture = _still("bench").copy()
    if opened:
        _cabinet(picture, opened)
    return cv2.warpAffine(
        picture, np.array([[1, 0, x], [0, 1, y]], np.float32), CAMERA, borderMode=cv2.BORDER_REFLECT
    )


def _cabinet(picture: np.ndarray, opened: float) -> None:
    left, top, right, bottom = 360, 70, 580, 290
    edge = round(left + (right - left) * opened)
    inside = np.full((bottom - top, right - left, 3), 200, np.uint8)
    _warning(inside, (110, 115), 78)
    picture[top:bottom, left:edge] = inside[:, : edge - left]


def _warning(picture: np.ndarray, middle: tuple[int, int], radius: int) -> None:
    """The warning sign of ISO 7010: a black bolt on a yellow triangle with a black rim."""
    around = [(math.sin(a) * radius, -math.cos(a) * radius) for a in (0, 2.094, 4.189)]
    corners = np.array([(middle[0] + x, middle[1] + y) for x, y in around], np.int32)
    cv2.fillPoly(picture, [corners], YELLOW)
    cv2.polylines(picture, [corners], True, (15, 15, 15), 7, cv2.LINE_AA)
    bolt = [(middle[0] + x * radius, middle[1] + y * radius) for x, y in BOLT]
    cv2.fillPoly(picture, [np.array(bolt, np.int32)], (15, 15, 15))


def _opening(t: float) -> np.ndarray:
    return _bench(t, opened=min(1.0, max(0.0, (t - 1.5) / 0.6)))


def _hand(t: float, thing: str) -> np.ndarray:
    """A hand that lifts something into the picture within half a second, and then trembles."""
    picture = _still("counter").copy()
    x = 320 + round(3 * math.sin(2.3 * t))
    y = 160 + round(2 * math.sin(3.1 * t)) + round(260 * max(0.0, 1 - t / 0.5))
    cv2.ellipse(picture, (x, y + 130), (60, 90), 0, 0, 360, (176, 150, 138), -1)
    if thing == "ball":
        cv2.circle(picture, (x, y), 70, RED, -1, cv2.LINE_AA)
    else:
        cv2.rectangle(picture, (x - 80, y - 60), (x + 80, y + 60), GREEN, -1)
    return picture


def _van(t: float) -> np.ndarray:
    """A red van drives in from the right a second in, and stops at the gate."""
    picture = _still("yard").copy()
    x = max(430, round(690 - 260 * max(0.0, t - 1.0)))
    cv2.rectangle(picture, (x, 190), (min(x + 150, 640), 270), RED, -1)
    for wheel in (x + 30, x + 115):
        cv2.circle(picture, (wheel, 272), 16, (25, 25, 25), -1, cv2.LINE_AA)
    return picture


@cache
def _still(name: str) -> np.ndarray:
    """What does not move, with the grain of a surface."""
    width, height = CAMERA
    picture = np.zeros((height, width, 3), np.uint8)
    if name == "bench":
        picture[:] = (128, 124, 118)
        picture[250:] = (112, 104, 96)
        cv2.rectangle(picture, (60, 170), (230, 275), BLUE, -1)
        cv2.rectangle(picture, (120, 155), (170, 170), (60, 60, 60), -1)
        cv2.rectangle(picture, (360, 70), (580, 290), (165, 168, 170), -1)
        cv2.rectangle(picture, (360, 70), (580, 290), (90, 90, 90), 3)
    elif name == "counter":
        picture[:] = (150, 148, 145)
        picture[300:] = (120, 112, 104)
    else:
        picture[:] = (170, 178, 184)
        picture[200:] = (118, 118, 114)
        for x in range(0, width, 40):
            cv2.rectangle(picture, (x, 120), (x + 6, 210), (95, 95, 95), -1)
        cv2.rectangle(picture, (470, 100), (480, 280), (60, 60, 60), -1)
    grain = np.random.default_rng(7).normal(0, 4, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


@cache
def _page() -> np.ndarray:
    page = Image.new("RGB", SCREEN, "white")
    draw = ImageDraw.Draw(page)
    for row, line in enumerate(MANUAL):
        draw.text((90, 90 + row * 90), line, "black", ImageFont.load_default(40))
    picture = np.array(page)
    code = cv2.QRCodeEncoder.create().encode("; ".join(MANUAL[2:]))
    picture[380:680, 900:1200] = cv2.resize(code, (300, 300), interpolation=cv2.INTER_NEAREST)[
        :, :, None
    ]
    return picture


CLIPS = {
    "bench": Clip("a workbench with a blue toolbox and a closed cabinet", _bench),
    "opened": Clip("the same bench, whose cabinet opens on a warning sign", _opening),
    "ball": Clip("a hand that holds up a red ball", lambda t: _hand(t, "ball")),
    "box": Clip("a hand that holds up a green box", lambda t: _hand(t, "box")),
    "yard": Clip("an empty yard with a fence", lambda t: _still("yard")),
    "van": Clip("the same yard, into which a red van drives", _van),
    "manual": Clip("a page of a service manual, and its code", lambda t: _page(), SCREEN, 3.0),
}

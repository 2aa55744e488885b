"""Generated moving scenes with planted events, for whatever looks at pictures.

Everything is drawn here from a seed: no clip, no licence. A frame depends on the time alone, so any
rate and order of looking is exact. Needs OpenCV (``pip install '.[vision]'``).
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

Box = tuple[float, float, float, float]
Event = tuple[float, str, Box]
Draw = Callable[["Scene", np.ndarray, float], None]

NOISE_FIELDS = 16
FPS = 30


@dataclass
class Scene:
    """A scene of some seconds.

    Parameters:
        name: What it is called.
        draw: Paints the scene of a moment onto a picture.
        size: Width and height in pixels.
        secs: Its length.
        events: Time in seconds, kind, and where: x0, y0, x1, y1 as shares of width and height.
            What an event shows stays for :attr:`lasts` seconds.
        lasts: Seconds that what an event shows can be seen.
        still: Whether nothing but the events moves.
        noise: Standard deviation of the sensor's noise, 0 to 255.
        rng: Draws whatever the scene leaves open.
    """

    name: str
    draw: Draw
    size: tuple[int, int]
    secs: float
    events: list[Event] = field(default_factory=list)
    lasts: float = 2.0
    still: bool = False
    noise: float = 1.5
    rng: random.Random = field(default_factory=random.Random, repr=False)
    base: np.ndarray | None = field(default=None, repr=False)
    _fields: list[np.ndarray] = field(default_factory=list, repr=False)

    def frame(self, t: float) -> np.ndarray:
        """What the camera sees at ``t`` seconds: RGB, uint8, shape (height, width, 3)."""
        width, height = self.size
        picture = np.zeros((height, width, 3), np.uint8) if self.base is None else self.base.copy()
        self.draw(self, picture, t)
        if self.noise:
            picture = cv2.add(picture, self._grain(t), dtype=cv2.CV_8U)
        return picture

    def showing(self, t: float) -> list[tuple[float, Event]]:
        """The events to be seen at ``t``, each with the seconds since it began."""
        return [(t - event[0], event) for event in self.events if 0 <= t - event[0] < self.lasts]

    def _grain(self, t: float) -> np.ndarray:
        if not self._fields:
            width, height = self.size
            draws = np.random.default_rng(self.rng.getrandbits(32))
            self._fields = [
                (draws.standard_normal((height, width, 3), np.float32) * self.noise).astype(
                    np.int16
                )
                for _ in range(NOISE_FIELDS)
            ]
        return self._fields[int(t * FPS + 0.5) * 7 % NOISE_FIELDS]


def scenes(
    *, seed: int = 1, size: tuple[int, int] = (640, 360), secs: float = 60.0
) -> dict[str, Scene]:
    """All scenes.

    Args:
        seed: Decides where and when the events are, their colours, and the noise.
        size: Width and height in pixels.
        secs: Length of each.
    """
    made: dict[str, Scene] = {}
    for name, (draw, options) in _SCENES.items():
        rng = random.Random(f"{seed} {name}")
        options = dict(options)
        kind, area = options.pop("kind"), options.pop("area")
        paint = options.pop("base", None)
        scene = Scene(name, draw, size, secs, rng=rng, **options)
        scene.base = paint(scene) if paint else None
        at = rng.uniform(6, 10)
        while at + scene.lasts < secs:
            scene.events.append((at, kind, _somewhere(rng, area)))
            at += scene.lasts + rng.uniform(12, 20)
        made[name] = scene
    return made


def _somewhere(rng: random.Random, area: tuple[float, float]) -> Box:
    """A box of a share of the width and height, anywhere within the picture's middle."""
    width, height = area
    x, y = rng.uniform(0.05, 0.95 - width), rng.uniform(0.1, 0.9 - height)
    return x, y, x + width, y + height


def _px(scene: Scene, box: Box) -> tuple[tuple[int, int], tuple[int, int]]:
    width, height = scene.size
    return (
        (round(box[0] * width), round(box[1] * height)),
        (round(box[2] * width), round(box[3] * height)),
    )


def _fill(scene: Scene, picture: np.ndarray, box: Box, colour: tuple[int, ...]) -> None:
    cv2.rectangle(picture, *_px(scene, box), colour, -1)


def _text(scene: Scene, picture: np.ndarray, text: str, x: float, y: float, colour, scale=1.0):
    width, height = scene.size
    cv2.putText(
        picture,
        text,
        (round(x * width), round(y * height)),
        cv2.FONT_HERSHEY_SIMPLEX,
        scale * height / 720,
        colour,
        max(1, round(height / 360)),
        cv2.LINE_AA,
    )


def _figure(scene: Scene, picture: np.ndarray, t: float) -> None:
    """Somebody in the dark: a little lighter than what is behind."""
    for _, (_, _, box) in scene.showing(t):
        (x0, y0), (x1, y1) = _px(scene, box)
        picture[y0:y1, x0:x1] += np.uint8(22)


def _objects(scene: Scene, picture: np.ndarray, t: float) -> None:
    """Each event's object, in a colour of its own."""
    for _, (at, _, box) in scene.showing(t):
        colours = random.Random(f"{scene.name} {at}")
        _fill(scene, picture, box, colours.choice([(200, 40, 40), (240, 210, 60), (30, 60, 180)]))


def _gradient(scene: Scene, low: tuple[int, ...], high: tuple[int, ...]) -> np.ndarray:
    width, height = scene.size
    down = np.linspace(0, 1, height)[:, None, None]
    across = np.full((1, width, 1), 1.0)
    mix = np.array(low) * (1 - down) + np.array(high) * down
    return (mix * across).astype(np.uint8)


def _clutter(scene: Scene, size: tuple[int, int], pieces: int) -> np.ndarray:
    """A surface full of things, to stand still on or to move along."""
    width, height = size
    surface = np.full((height, width, 3), scene.rng.randrange(90, 150), np.uint8)
    for _ in range(pieces):
        x, y = scene.rng.randrange(width), scene.rng.randrange(height)
        w, h = scene.rng.randrange(width // 30, width // 8), scene.rng.randrange(10, height // 4)
        colour = [scene.rng.randrange(30, 220) for _ in range(3)]
        cv2.rectangle(surface, (x, y), (x + w, y + h), colour, -1)
    return cv2.GaussianBlur(surface, (5, 5), 0)


def _desk(scene: Scene) -> np.ndarray:
    desk = _gradient(scene, (150, 140, 130), (120, 90, 60))
    for _ in range(9):
        box = _somewhere(scene.rng, (scene.rng.uniform(0.05, 0.2), scene.rng.uniform(0.05, 0.25)))
        _fill(scene, desk, box, tuple(scene.rng.randrange(40, 230) for _ in range(3)))
    return desk


def _room(scene: Scene) -> np.ndarray:
    return _clutter(scene, scene.size, 25)


def _night(scene: Scene) -> np.ndarray:
    return (_room(scene) // 6 + 8).astype(np.uint8)


def _world(scene: Scene) -> np.ndarray:
    """Larger than the picture: a camera moves along it."""
    width, height = scene.size
    scene.world = _clutter(scene, (width * 3, height * 2), 160)  # type: ignore[attr-defined]
    return np.zeros((height, width, 3), np.uint8)


def _view(scene: Scene, picture: np.ndarray, x: float, y: float) -> None:
    """Look at the world from a place, both 0 to 1."""
    height, width = picture.shape[:2]
    world = scene.world  # type: ignore[attr-defined]
    left = round((world.shape[1] - width) * x)
    top = round((world.shape[0] - height) * y)
    picture[:] = world[top : top + height, left : left + width]


def _talking(scene: Scene, picture: np.ndarray, t: float) -> None:
    width, height = scene.size
    x = int(width * (0.5 + 0.02 * math.sin(1.3 * t) + 0.008 * math.sin(5.1 * t)))
    y = int(height * (0.45 + 0.015 * math.sin(1.9 * t)))
    cv2.ellipse(
        picture, (x, int(height * 1.05)), (width // 4, height // 3), 0, 0, 360, (50, 60, 110), -1
    )
    cv2.ellipse(picture, (x, y), (width // 10, height // 4), 0, 0, 360, (210, 170, 140), -1)
    mouth = max(1, int(height * 0.03 * (1 + math.sin(11 * t) * math.sin(1.7 * t))))
    cv2.ellipse(picture, (x, y + height // 8), (width // 40, mouth), 0, 0, 360, (120, 40, 40), -1)
    _objects(scene, picture, t)


def _walk(scene: Scene, picture: np.ndarray, t: float) -> None:
    shake_x = 0.01 * math.sin(9.1 * t) + 0.006 * math.sin(15.7 * t)
    shake_y = 0.02 * math.sin(11.3 * t)
    _view(scene, picture, 0.5 + 0.45 * math.sin(0.13 * t) + shake_x, 0.5 + shake_y)
    _objects(scene, picture, t)


def _pan(scene: Scene, picture: np.ndarray, t: float) -> None:
    swing = abs((t / 20) % 2 - 1)
    _view(scene, picture, swing, 0.5)
    _objects(scene, picture, t)


def _slides(scene: Scene, picture: np.ndarray, t: float) -> None:
    """A slide holds until the next event, which is the next slide."""
    shown = sum(1 for event in scene.events if event[0] <= t)
    rng = random.Random(f"{scene.name} {shown} {scene.events[0][0]}")
    picture[:] = rng.choice([250, 244, 238])
    _fill(scene, picture, (0, 0, 1, 0.12), tuple(rng.randrange(20, 160) for _ in range(3)))
    _text(scene, picture, f"Quarter {shown + 1}: what we learned", 0.05, 0.08, (255, 255, 255), 1.4)
    for line in range(rng.randrange(3, 7)):
        words = " ".join(rng.choice(_WORDS) for _ in range(rng.randrange(4, 8)))
        _text(scene, picture, f"- {words}", 0.08, 0.25 + line * 0.1, (40, 40, 40))
    left = rng.uniform(0.5, 0.7)
    for bar in range(4):
        top = rng.uniform(0.5, 0.8)
        _fill(
            scene, picture, (left + bar * 0.06, top, left + bar * 0.06 + 0.04, 0.9), (60, 120, 180)
        )


def _code(scene: Scene, picture: np.ndarray, t: float) -> None:
    """Scrolls for three seconds in every ten; an event is an error box."""
    picture[:] = (30, 32, 38)
    scrolled = (t // 10) * 3 + min(t % 10, 3)
    for row in range(31):
        line = int(scrolled * 6) + row
        rng = random.Random(f"code {line}")
        indent = 0.03 * rng.randrange(1, 5)
        words = " ".join(rng.choice(_WORDS) for _ in range(rng.randrange(1, 7)))
        y = (row + 1 - (scrolled * 6) % 1) / 30
        _text(scene, picture, words, indent, y, rng.choice([(200, 200, 160), (120, 180, 220)]), 0.6)
    for _, (_, _, box) in scene.showing(t):
        _fill(scene, picture, box, (170, 30, 40))
        _text(scene, picture, "Error", box[0] + 0.01, box[3] - 0.03, (255, 255, 255), 0.8)


def _flicker(scene: Scene, picture: np.ndarray, t: float) -> None:
    """Tubes at 50 Hz seen by a shutter that is not quite in step."""
    _objects(scene, picture, t)
    cv2.convertScaleAbs(picture, picture, 1 + 0.08 * math.sin(2 * math.pi * 6.3 * t), 0)


def _rain(scene: Scene, picture: np.ndarray, t: float) -> None:
    width, height = scene.size
    _objects(scene, picture, t)
    rng = random.Random(int(t * FPS + 0.5))
    for _ in range(120):
        x, y = rng.randrange(width), rng.randrange(height)
        cv2.line(picture, (x, y), (x - 2, y + height // 22), (205, 210, 215), 1)


def _door(scene: Scene, picture: np.ndarray, t: float) -> None:
    """Opens within 0.8 s; somebody stands there; it closes again."""
    picture[:] = (180, 175, 165)
    _fill(scene, picture, (0.38, 0.15, 0.62, 0.95), (25, 25, 30))
    opened = 0.0
    for since, _ in scene.showing(t):
        opened = min(1.0, since / 0.8, max(0.0, (scene.lasts - since) / 0.8))
        _fill(scene, picture, (0.45, 0.35, 0.55, 0.95), (90, 70, 120))
    _fill(scene, picture, (0.38, 0.15, 0.62 - 0.22 * opened, 0.95), (120, 80, 50))


def _lights(scene: Scene, picture: np.ndarray, t: float) -> None:
    """The light goes out for a while."""
    if scene.showing(t):
        picture[:] = picture // 3


def _form(scene: Scene) -> np.ndarray:
    page = np.full((scene.size[1], scene.size[0], 3), 250, np.uint8)
    for row in range(8):
        _text(scene, page, _WORDS[row].title(), 0.05, 0.12 + row * 0.1, (60, 60, 60))
        _fill(scene, page, (0.3, 0.07 + row * 0.1, 0.9, 0.135 + row * 0.1), (232, 234, 240))
    return page


def _filled(scene: Scene, picture: np.ndarray, t: float) -> None:
    """A few words appear in a field."""
    for _, (at, _, box) in scene.showing(t):
        words = " ".join(random.Random(at).sample(_WORDS, 2))
        _text(scene, picture, words, box[0], box[3], (20, 20, 20), 0.9)


def _lamp(scene: Scene, picture: np.ndarray, t: float) -> None:
    """A small lamp on a machine turns red."""
    for _, (_, _, box) in scene.showing(t):
        (x0, y0), (x1, y1) = _px(scene, box)
        cv2.circle(picture, ((x0 + x1) // 2, (y0 + y1) // 2), (x1 - x0) // 2, (255, 60, 40), -1)


_WORDS = (
    "address name symptom return value patient record open meeting revenue growth import class "
    "insurance number window result weight follow next update while error table phone remark"
).split()

_SCENES: dict[str, tuple[Draw, dict]] = {
    "static-desk": (_objects, dict(kind="object", area=(0.12, 0.2), still=True, base=_desk)),
    "talking-head": (_talking, dict(kind="object", area=(0.15, 0.25), base=_room)),
    "hand-held-walk": (_walk, dict(kind="object", area=(0.2, 0.3), base=_world)),
    "slides": (_slides, dict(kind="slide", area=(0.9, 0.7), still=True, noise=0)),
    "scrolling-code": (_code, dict(kind="error", area=(0.3, 0.15), noise=0)),
    "night-camera": (
        _figure,
        dict(kind="object", area=(0.12, 0.4), still=True, noise=9, base=_night),
    ),
    "flicker": (_flicker, dict(kind="object", area=(0.12, 0.2), still=True, base=_desk)),
    "pan": (_pan, dict(kind="object", area=(0.15, 0.25), base=_world)),
    "rain": (_rain, dict(kind="object", area=(0.2, 0.2), base=_room)),
    "door": (_door, dict(kind="door", area=(0.24, 0.8), still=True, lasts=4.0)),
    "lights": (_lights, dict(kind="dark", area=(0.9, 0.8), still=True, base=_room)),
    "form": (_filled, dict(kind="words", area=(0.25, 0.04), still=True, noise=0, base=_form)),
    "workshop-lamp": (_lamp, dict(kind="lamp", area=(0.03, 0.05), still=True, base=_room)),
}

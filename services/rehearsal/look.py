"""What can honestly be said of an image without a model: its pixels measured, its marks and text read.

Each fact is found when it is first asked for, so that a request whose rules ask for nothing costs
nothing. What needs a package that is not installed (OpenCV, rapidocr) is empty.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from typing import Any

import numpy as np

COLOURS = {
    "red": (200, 40, 40),
    "green": (40, 160, 60),
    "blue": (40, 70, 200),
    "yellow": (220, 200, 50),
    "orange": (230, 140, 40),
    "white": (240, 240, 240),
    "grey": (128, 128, 128),
    "black": (20, 20, 20),
}
HUES = {"red": 0, "orange": 28, "yellow": 52, "green": 130, "blue": 225, "purple": 285}  # degrees
DARK, BRIGHT = 60, 190  # mean of 0..255
SHARP = 3.0  # mean step between neighbours of a 320 pixel wide picture
WIDTH = 640  # pixels to which a picture is scaled before things are looked for
SMALLEST, LARGEST = 0.004, 0.6  # share of the picture that a thing covers
BLACK = 80  # value, 0..255, below which a symbol is black
VIVID = 90  # saturation, 0..255, from which a pixel has a hue
FILLED = (
    0.8  # share of the enclosing shape; a circle fills 0.79 of a square, a square 0.64 of a circle
)
MOVED = 25  # of 255 levels, by which a pixel of a 64 x 36 picture moved
MOVING = 0.01  # share of the pixels that moved
PLACES = ("left", "middle", "right")
ROWS = ("top", "middle", "bottom")


class Look(Mapping[str, Any]):
    """The facts of one image, found when they are asked for.

    ============  ================================================================================
    ``width``     pixels, and ``height``
    ``light``     dark, normal or bright
    ``color``     the most common of eight; ``second`` the next
    ``sharp``     sharp, or blurred or empty
    ``place``     the colour of each ninth: ``place.top_left``, ``place.middle``, ``place.bottom``
    ``things``    vivid blobs, largest first, each with ``color``, ``shape`` (triangle, square,
                  circle or ""), ``where`` (left, middle, right) and ``share``; ``thing`` the first
    ``hazard``    "warning sign" where a yellow triangle with a black symbol is seen
    ``marks``     numbers of the ArUco markers (4x4), in rising order
    ``code``      what a QR code says
    ``text``      the text, where rapidocr is installed; about a second of work
    ``motion``    moving, still, or "" where there is no earlier picture to compare it with
    ============  ================================================================================
    """

    def __init__(self, image: bytes, *, before: "Look | None" = None):
        """Decode an image.

        Args:
            image: The encoded image.
            before: The picture before it, of the same source.

        Raises:
            ValueError: If the bytes are no image.
        """
        from PIL import Image

        try:
            self._picture = Image.open(io.BytesIO(image)).convert("RGB")
        except OSError as e:
            raise ValueError(f"not an image: {e}") from None
        self._before = before
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = _FACTS[name](self)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_FACTS)

    def __len__(self) -> int:
        return len(_FACTS)

    @cached_property
    def pixels(self) -> np.ndarray:
        """RGB, uint8, shape (height, width, 3)."""
        return np.asarray(self._picture)

    @cached_property
    def small(self) -> np.ndarray:
        """The picture at 64 x 36."""
        return np.asarray(self._picture.resize((64, 36))).astype(np.int32)

    @cached_property
    def scaled(self) -> np.ndarray:
        """The picture at a width of 640."""
        height = max(1, round(self._picture.height * WIDTH / self._picture.width))
        return np.asarray(self._picture.resize((WIDTH, height)))

    def _light(self) -> str:
        light = float(self.small.mean())
        return "dark" if light < DARK else "bright" if light > BRIGHT else "normal"

    def _sharp(self) -> str:
        gray = np.asarray(self._picture.convert("L").resize((320, 180))).astype(np.int32)
        return "sharp" if np.abs(np.diff(gray)).mean() > SHARP else "blurred or empty"

    def _place(self) -> dict[str, str]:
        height, width = self.small.shape[:2]
        found = {}
        for i, row in enumerate(ROWS):
            for j, place in enumerate(PLACES):
                part = self.small[
                    i * height // 3 : (i + 1) * height // 3, j * width // 3 : (j + 1) * width // 3
                ]
                name = row if place == "middle" else place if row == "middle" else f"{row}_{place}"
                found[name] = _common(part)[0]
        return found

    def _things(self) -> list[dict[str, Any]]:
        return sorted(_blobs(self.scaled), key=lambda thing: -thing["share"])

    def _hazard(self) -> str:
        signs = (thing["color"] == "yellow" and thing["symbol"] for thing in self["things"])
        return "warning sign" if any(signs) else ""

    def _marks(self) -> list[int]:
        cv2 = _cv2()
        if cv2 is None:
            return []
        kind = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
        _, ids, _ = cv2.aruco.ArucoDetector(kind).detectMarkers(self.pixels)
        return [] if ids is None else sorted(int(i) for i in ids.ravel())

    def _code(self) -> str:
        cv2 = _cv2()
        return cv2.QRCodeDetector().detectAndDecode(self.pixels)[0] if cv2 else ""

    def _motion(self) -> str:
        if self._before is None:
            return ""
        change = np.abs(self.small - self._before.small).max(axis=2)
        return "moving" if (change > MOVED).mean() > MOVING else "still"


def _common(pixels: np.ndarray) -> tuple[str, str]:
    """The two most common colours; the second "" where all is of one."""
    palette = np.array(list(COLOURS.values()))
    flat = pixels.reshape(-1, 3)
    nearest = ((flat[:, None, :] - palette) ** 2).sum(axis=2).argmin(axis=1)
    counts = np.bincount(nearest, minlength=len(palette))
    first, second = counts.argsort()[::-1][:2]
    names = list(COLOURS)
    return names[first], names[second] if counts[second] else ""


def _blobs(rgb: np.ndarray) -> Iterator[dict[str, Any]]:
    cv2 = _cv2()
    if cv2 is None:
        return
    hue, saturation, value = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV))
    degrees = hue.astype(np.int32) * 2
    apart = [np.minimum(abs(degrees - at), 360 - abs(degrees - at)) for at in HUES.values()]
    nearest = np.argmin(apart, axis=0)
    vivid = (saturation >= VIVID) & (value >= DARK)
    area = rgb.shape[0] * rgb.shape[1]
    for i, color in enumerate(HUES):
        mask = ((nearest == i) & vivid).astype(np.uint8)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            covered = cv2.contourArea(contour)
            if not SMALLEST <= covered / area <= LARGEST:
                continue
            inside = np.zeros(mask.shape, np.uint8)
            cv2.fillConvexPoly(inside, cv2.convexHull(contour), 1)
            x, _, width, _ = cv2.boundingRect(contour)
            shape = _shape(cv2, contour, covered)
            black = ((value < BLACK) & (inside == 1)).sum() / covered
            yield {
                "color": color,
                "shape": shape,
                "where": PLACES[min(2, int((x + width / 2) / rgb.shape[1] * 3))],
                "share": round(covered / area, 3),
                "symbol": shape == "triangle" and bool(0.03 < black < 0.5),
            }


def _shape(cv2: Any, contour: np.ndarray, covered: float) -> str:
    """The shape that encloses a thing most tightly, if any does tightly enough."""
    (_, (width, height), _), (_, radius) = cv2.minAreaRect(contour), cv2.minEnclosingCircle(contour)
    areas = {
        "triangle": cv2.minEnclosingTriangle(contour)[0],
        "square": width * height,
        "circle": np.pi * radius**2,
    }
    shape = min(areas, key=lambda name: areas[name])
    return shape if covered >= FILLED * areas[shape] else ""


_FACTS: dict[str, Callable[[Look], Any]] = {
    "width": lambda look: look._picture.width,
    "height": lambda look: look._picture.height,
    "light": Look._light,
    "color": lambda look: _common(look.small)[0],
    "second": lambda look: _common(look.small)[1],
    "sharp": Look._sharp,
    "place": Look._place,
    "things": Look._things,
    "thing": lambda look: next(iter(look["things"]), {}),
    "hazard": Look._hazard,
    "marks": Look._marks,
    "code": Look._code,
    "text": lambda look: read(look.pixels),
    "motion": Look._motion,
}


def read(pixels: np.ndarray) -> str:
    """Read the text in RGB pixels of shape (height, width, 3); "" without rapidocr."""
    reader = _reader()
    if reader is None:
        return ""
    found: Any = reader(np.ascontiguousarray(pixels[:, :, ::-1]))
    return " ".join(found.txts or [])


@cache
def _cv2() -> Any:
    try:
        import cv2
    except ImportError:
        return None
    return cv2


@cache
def _reader():
    try:
        from rapidocr import RapidOCR  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    # The default upsamples small pictures to 736 pixels, which took 16 to 24 s.
    size = {"Det.limit_type": "max", "Det.limit_side_len": 1280}
    return RapidOCR(params={**size, "Global.log_level": "critical"})

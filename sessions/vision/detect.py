"""What moves and who is there: background subtraction, zones, people. Without Pipecat."""

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np

Point = tuple[float, float]
Zone = Sequence[Point]
"""A polygon: corners as shares of the picture's width and height, from its upper left."""
WHOLE: Zone = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 as shares of the picture."""
Detector = Callable[[np.ndarray], list[Box]]
"""Given a picture (RGB, uint8, height x width x 3): where what it looks for is. It runs in the
vision pool, so it is a function of a module that can be imported there."""

WIDTH, HEIGHT = 160, 90
# Squared distance to the background, in variances, from which a pixel is foreground. OpenCV's 16
# takes a night camera's noise for motion.
FAR = 36
MEMORY_SECS = 60.0
# More than this of a picture moves when the light or the camera does.
EVERYTHING = 0.7
# HOG's own window is 64 x 128 pixels; a person is to be found from a third of the height on.
PEOPLE_HEIGHT = 480
SURE = 0.5


class Foreground:
    """What of a scene was not there before, by a mixture of Gaussians (OpenCV's MOG2)."""

    def __init__(self):
        """Begin without a background; the first picture is one."""
        self._model = cv2.createBackgroundSubtractorMOG2(varThreshold=FAR, detectShadows=False)
        self._seen_ns: int | None = None

    def of(self, gray: np.ndarray, at_ns: int) -> np.ndarray | None:
        """The foreground of a picture.

        Args:
            gray: The picture, uint8, any size.
            at_ns: When it came: pictures come at uneven times, and the background is learnt by time.

        Returns:
            90 x 160, True where something is new; None for a first picture, and where everything
            has changed.
        """
        small = cv2.resize(gray, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        since, self._seen_ns = self._seen_ns, at_ns
        if since is None:
            self._model.apply(small, learningRate=1.0)
            return None
        rate = 1 - math.exp(-max(0, at_ns - since) / 1e9 / MEMORY_SECS)
        mask = self._model.apply(small, learningRate=min(0.5, rate))
        mask = cv2.medianBlur(mask, 5) > 0
        if mask.mean() > EVERYTHING:
            self._model.apply(small, learningRate=1.0)
            return None
        return mask


def bounds(mask: np.ndarray) -> Box | None:
    """The box around what is True in a mask; None if nothing is."""
    ys, xs = np.nonzero(mask)
    if not len(ys):
        return None
    height, width = mask.shape
    left, right = xs.min() / width, (xs.max() + 1) / width
    return float(left), float(ys.min() / height), float(right), float((ys.max() + 1) / height)


def mask_of(zone: Zone) -> np.ndarray:
    """A zone as a mask, 90 x 160, True inside.

    Raises:
        ValueError: It is no polygon in the picture.
    """
    if len(zone) < 3 or not all(0 <= c <= 1 for point in zone for c in point):
        raise ValueError(
            f"A zone has three corners or more, each (x, y) from 0 to 1: {zone!r} is none. "
            "(0, 0) is the upper left."
        )
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    corners = np.array([(x * (WIDTH - 1), y * (HEIGHT - 1)) for x, y in zone]).round()
    cv2.fillPoly(mask, [corners.astype(np.int32)], 1)
    return mask > 0


def people(rgb: np.ndarray) -> list[Box]:
    """Standing people, by OpenCV's histogram-of-gradients detector; some 100 ms a picture."""
    scale = PEOPLE_HEIGHT / rgb.shape[0]
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    gray = cv2.resize(gray, (round(rgb.shape[1] * scale), PEOPLE_HEIGHT))
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())  # type: ignore[arg-type]
    found, sure = hog.detectMultiScale(gray, winStride=(8, 8), padding=(8, 8), scale=1.05)
    height, width = gray.shape
    return [
        (x / width, y / height, (x + w) / width, (y + h) / height)
        for (x, y, w, h), s in zip(found, np.ravel(sure))
        if s >= SURE
    ]


def detected(jpeg: bytes, detector: Detector) -> list[Box]:
    """What a detector finds in an encoded picture.

    Raises:
        ValueError: The bytes are no picture.
    """
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError("The bytes are no picture")
    return detector(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))


def stands_in(zone: np.ndarray, box: Box) -> bool:
    """Whether the foot of a box, where a person stands, lies in a zone's mask."""
    x, y = (box[0] + box[2]) / 2, box[3]
    column = min(WIDTH - 1, max(0, round(x * (WIDTH - 1))))
    return bool(zone[min(HEIGHT - 1, max(0, round(y * (HEIGHT - 1)))), column])

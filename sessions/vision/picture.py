"""A picture's small gray likeness, how sharp it is, and its JPEG. Without Pipecat: runs in the pool."""

from typing import Any

import numpy as np

try:
    import cv2
except ImportError as error:  # pragma: no cover
    raise ImportError("Seeing needs OpenCV. Run: pip install '.[vision]'") from error

# Its own threads cost more than they bring on small pictures, and are no good across a fork.
cv2.setNumThreads(1)

THUMB_WIDTH, THUMB_HEIGHT = 64, 36
LONGEST = 1024
"""Pixels of the longer side of what a model is shown: 12 px text of a 720p screen stays legible."""
QUALITY = 75


def rgb_of(image: bytes, size: tuple[int, int]) -> np.ndarray:
    """Raw RGB bytes as height x width x 3, uint8, without a copy."""
    width, height = size
    return np.frombuffer(image, np.uint8).reshape(height, width, 3)


def gray_of(rgb: np.ndarray) -> np.ndarray:
    """A quarter of the picture's green, which is nearly its light: height/4 x width/4, uint8."""
    step = step_of(rgb)
    return np.ascontiguousarray(rgb[::step, ::step, 1])


def luma_of(frame: Any) -> np.ndarray:
    """The same of a decoded ``av.VideoFrame`` in any YUV form, read from its first plane."""
    plane = frame.planes[0]
    whole = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    whole = whole[: frame.height, : frame.width]
    step = step_of(whole)
    return np.ascontiguousarray(whole[::step, ::step])


def step_of(picture: np.ndarray) -> int:
    """Every which pixel is looked at: what stays is 5 to 8 times a thumbnail's size."""
    return max(1, picture.shape[1] // (THUMB_WIDTH * 5))


def thumbnail(gray: np.ndarray) -> np.ndarray:
    """36 x 64, float32, 0 to 255. Takes 0.03 ms for 720p."""
    small = cv2.resize(gray, (THUMB_WIDTH, THUMB_HEIGHT), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32)


def sharpness(gray: np.ndarray) -> float:
    """Variance of the Laplacian: falls when a picture is blurred by movement or focus."""
    return float(cv2.Laplacian(gray, cv2.CV_16S).var())


def resized(rgb: np.ndarray, longest: int = LONGEST) -> np.ndarray:
    """The picture at most so many pixels long; a smaller one is left as it is."""
    height, width = rgb.shape[:2]
    if max(height, width) <= longest:
        return rgb
    share = longest / max(height, width)
    size = (round(width * share), round(height * share))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def jpeg_of(rgb: np.ndarray, quality: int = QUALITY) -> bytes:
    """Encode; 4 ms for 1024 x 576."""
    bgr = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR)
    ok, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ValueError(f"A picture of shape {rgb.shape} cannot be encoded as JPEG")
    return data.tobytes()


def encode(image: bytes, size: tuple[int, int], longest: int, quality: int) -> bytes:
    """Raw RGB bytes to a JPEG of at most ``longest`` pixels."""
    return jpeg_of(resized(rgb_of(image, size), longest), quality)


def gray_of_jpeg(jpeg: bytes) -> np.ndarray:
    """The light of an encoded picture: height/4 x width/4, uint8. Takes 1 ms for 1024 x 576."""
    gray = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_4)
    if gray is None:
        raise ValueError("The bytes are no picture")
    return gray

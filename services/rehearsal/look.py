"""What can honestly be said of an image without a model: size, light, colour, sharpness, and text.

Text is read only where rapidocr is installed.
"""

import io
from functools import cache
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
DARK, BRIGHT = 60, 190  # mean of 0..255
SHARP = 3.0  # mean step between neighbours of a 320 pixel wide picture


def look(image: bytes) -> dict[str, Any]:
    """Describe an encoded image.

    Returns:
        ``width`` and ``height`` in pixels, ``light`` (dark, normal or bright), ``color`` and
        ``second`` (the two most common of eight), ``sharp`` (sharp, or blurred or empty), ``text``.

    Raises:
        ValueError: If the bytes are no image.
    """
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(image)).convert("RGB")
    except OSError as e:
        raise ValueError(f"not an image: {e}") from None
    small = np.asarray(picture.resize((64, 36))).reshape(-1, 3).astype(np.int32)
    palette = np.array(list(COLOURS.values()))
    nearest = ((small[:, None, :] - palette) ** 2).sum(axis=2).argmin(axis=1)
    common = np.bincount(nearest, minlength=len(palette)).argsort()[::-1]
    names = list(COLOURS)
    gray = np.asarray(picture.convert("L").resize((320, 180))).astype(np.int32)
    light = float(small.mean())
    return {
        "width": picture.width,
        "height": picture.height,
        "light": "dark" if light < DARK else "bright" if light > BRIGHT else "normal",
        "color": names[common[0]],
        "second": names[common[1]] if (nearest == common[1]).any() else "",
        "sharp": "sharp" if np.abs(np.diff(gray)).mean() > SHARP else "blurred or empty",
        "text": read(np.asarray(picture)),
    }


def read(pixels: np.ndarray) -> str:
    """Read the text in RGB pixels of shape (height, width, 3); "" without rapidocr."""
    reader = _reader()
    if reader is None:
        return ""
    found = reader(np.ascontiguousarray(pixels[:, :, ::-1]))
    return " ".join(found.txts or [])


@cache
def _reader():
    try:
        from rapidocr import RapidOCR  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    # The default upsamples small pictures to 736 pixels, which took 16 to 24 s.
    return RapidOCR(params={"Det.limit_type": "max", "Det.limit_side_len": 1280})

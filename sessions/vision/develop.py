"""From a raw frame to what may be shown of it; runs in the vision pool."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sessions.vision.picture import gray_of_jpeg, jpeg_of, resized, rgb_of

if TYPE_CHECKING:
    from sessions.vision.privacy import PictureMemory, PictureRules


@dataclass(frozen=True, slots=True)
class Developed:
    """A picture that may be shown.

    Parameters:
        jpeg: The picture.
        size: Its width and height.
        cleared: Whether it went through image privacy.
        counts: What was hidden in it: kinds and how many.
        memory: What privacy needs for the source's next picture, and its text in clear.
        gray: Its likeness, as :func:`sessions.vision.picture.gray_of_jpeg` gives it.
    """

    jpeg: bytes
    size: tuple[int, int]
    cleared: bool
    counts: Counter[str]
    memory: "PictureMemory | None"
    gray: np.ndarray


def develop(
    image: bytes,
    size: tuple[int, int],
    longest: int,
    quality: int,
    rules: "PictureRules | None" = None,
    before: "PictureMemory | None" = None,
    at_ns: int = 0,
) -> Developed:
    """Resize, hide what the rules hide, encode.

    Args:
        image: Raw RGB bytes.
        size: Width and height.
        longest: Pixels of the longer side, at most.
        quality: Of the JPEG, 1 to 100.
        rules: From :func:`sessions.vision.privacy.picture_rules`; None shows it as it is.
        before: The memory of the source's last picture of this size.
        at_ns: When it came.

    Raises:
        PictureWithheld: It could not be cleared.
    """
    rgb = resized(rgb_of(image, size), longest)
    counts: Counter[str] = Counter()
    memory = None
    if rules is not None:
        from sessions.vision.privacy import redact_picture

        seen = redact_picture(rgb, rules, before, at_ns)
        rgb, counts, memory = seen.rgb, seen.counts, seen.memory
    jpeg = jpeg_of(rgb, quality)
    size = (rgb.shape[1], rgb.shape[0])
    return Developed(jpeg, size, rules is not None, counts, memory, gray_of_jpeg(jpeg))

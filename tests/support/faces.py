"""Drawn faces: what a detector of faces looks for (dark eyes, light cheeks), and nobody's."""

import cv2
import numpy as np


def with_face(rgb: np.ndarray, at: tuple[int, int], size: int, seed: int = 0) -> np.ndarray:
    """A picture with a face in it.

    Args:
        rgb: The picture, uint8, height x width x 3.
        at: The middle of the face.
        size: Its height in pixels, about.
        seed: Of its colours.
    """
    picture, scale = rgb.copy(), size / 200
    rng = np.random.default_rng(seed)
    skin = np.clip(np.array([205, 165, 140]) * rng.uniform(0.55, 1.1), 0, 255)

    def oval(x: float, y: float, wide: float, high: float, colour) -> None:
        middle = round(at[0] + x * scale), round(at[1] + y * scale)
        axes = max(1, round(wide * scale)), max(1, round(high * scale))
        colour = [min(255, int(part)) for part in colour]
        cv2.ellipse(picture, middle, axes, 0, 0, 360, colour, -1)

    oval(0, -25, 88, 110, rng.integers(15, 70, 3))
    oval(0, 0, 72, 98, skin)
    oval(0, -70, 55, 22, skin * 1.12)
    for side in (-1, 1):
        oval(side * 30, -18, 22, 13, skin * 0.8)
        oval(side * 30, -32, 20, 5, skin * 0.45)
        oval(side * 30, -16, 15, 7, (240, 240, 240))
        oval(side * 30, -16, 7, 7, (30, 25, 20))
        oval(side * 38, 20, 22, 18, skin * 1.12)
        oval(side * 9, 33, 5, 5, skin * 0.45)
    oval(0, 5, 9, 30, skin * 1.12)
    oval(0, 60, 26, 8, (120, 60, 60))
    oval(0, 90, 20, 6, skin * 0.8)
    return cv2.GaussianBlur(picture, (0, 0), max(0.6, 1.6 * scale))

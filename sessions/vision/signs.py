"""Warning signs: yellow triangles with a black symbol (ISO 7010, the W series). Without Pipecat."""

import cv2
import numpy as np

from sessions.vision.detect import Box

# OpenCV's hues run to 180: yellow is about 25. Dull or dark yellow is wood, or skin.
YELLOW = ((18, 140, 120), (36, 255, 255))
SMALLEST = 0.003  # of the picture
FILLED = 0.75  # of the enclosing triangle; a circle fills 0.6, a square a half
BLACK = 80  # of 255
SYMBOL = (0.03, 0.5)  # share of the triangle that is black


def warning_signs(rgb: np.ndarray) -> list[Box]:
    """Where warning signs are, some 2 ms a picture.

    Args:
        rgb: The picture, uint8, height x width x 3.
    """
    height, width = rgb.shape[:2]
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    yellow = cv2.inRange(hsv, np.array(YELLOW[0]), np.array(YELLOW[1]))
    contours, _ = cv2.findContours(yellow, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for contour in contours:
        area = cv2.contourArea(contour)
        if area < SMALLEST * height * width:
            continue
        if area < FILLED * cv2.minEnclosingTriangle(contour)[0]:
            continue
        x, y, w, h = cv2.boundingRect(contour)
        inside = np.zeros((h, w), np.uint8)
        cv2.fillConvexPoly(inside, cv2.convexHull(contour - (x, y)), 1)
        black = ((hsv[y : y + h, x : x + w, 2] < BLACK) & (inside == 1)).sum() / area
        if SYMBOL[0] < black < SYMBOL[1]:
            found.append((x / width, y / height, (x + w) / width, (y + h) / height))
    return found

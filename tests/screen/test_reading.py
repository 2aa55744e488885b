"""What stands on a screen is read once, and again only where it has changed."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from sessions.vision import ocr
from sessions.vision.ocr import Line, read_screen, rows

HEIGHT, WIDTH = 400, 800


def line(text: str, left: int, top: int, *, confidence: float = 0.9) -> Line:
    box = (left, top, left + 10 * len(text), top + 20)
    words, at = [], left
    for word in text.split():
        words.append((word, (at, top, at + 10 * len(word), top + 20)))
        at += 10 * len(word) + 10
    return Line(text, box, confidence, tuple(words))


class Reader:
    """Reads bright rectangles 20 px high: each says how bright it is. Remembers what it was given."""

    def __init__(self):
        self.pieces: list[tuple[int, int]] = []

    def __call__(self, rgb: np.ndarray) -> list[Line]:
        self.pieces.append(rgb.shape[:2])
        found = []
        for level in range(100, 250, 10):
            ys, xs = np.nonzero(rgb[:, :, 0] == level)
            if len(ys):
                box = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
                found.append(Line(str(level), box, 0.9, ((str(level), box),)))
        return found


def picture(**at: tuple[int, int]) -> np.ndarray:
    """Rectangles by brightness: ``picture(b100=(40, 50))``."""
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for name, (left, top) in at.items():
        rgb[top : top + 20, left : left + 60] = int(name[1:])
    return rgb


def texts(screen) -> list[str]:
    return [line.text for line in screen.lines]


def test_an_unchanged_screen_is_not_read_again_and_is_as_new_as_its_picture():
    reader, rgb = Reader(), picture(b100=(40, 50))
    first = read_screen(rgb, None, 5, reader=reader)
    noisy = np.clip(rgb.astype(int) + np.random.default_rng(1).integers(-6, 7, rgb.shape), 0, 255)
    second = read_screen(noisy.astype(np.uint8), first, 9, reader=reader)
    assert len(reader.pieces) == 1
    assert texts(second) == ["100"]
    assert second.at_ns == 9 and second.lines[0].at_ns == 5


def test_only_what_has_changed_is_read_and_the_rest_stays():
    reader = Reader()
    first = read_screen(picture(b100=(40, 50), b120=(40, 300)), None, 1, reader=reader)
    second = read_screen(picture(b100=(40, 50), b150=(40, 300)), first, 2, reader=reader)
    assert texts(second) == ["100", "150"]
    assert [line.at_ns for line in second.lines] == [1, 2]
    height, width = reader.pieces[1]
    assert height * width < HEIGHT * WIDTH / 4
    assert second.lines[1].box == (40, 300, 100, 320)


def test_what_is_gone_from_the_screen_is_gone_from_its_text():
    reader = Reader()
    first = read_screen(picture(b100=(40, 50), b120=(40, 300)), reader=reader)
    assert texts(read_screen(picture(b120=(40, 300)), first, reader=reader)) == ["120"]


def test_a_line_that_has_changed_at_one_end_is_read_in_full():
    reader, rgb = Reader(), picture(b100=(40, 50))
    rgb[50:70, 100:400] = 100
    first = read_screen(rgb, reader=reader)
    rgb = rgb.copy()
    rgb[50:70, 380:460] = 100
    second = read_screen(rgb, first, reader=reader)
    assert [line.box for line in second.lines] == [(40, 50, 460, 70)]


def test_a_line_beside_one_that_is_read_again_is_not_cut():
    """The region grows along the first line, and so reaches into the second."""
    reader, rgb = Reader(), picture(b100=(40, 50), b120=(40, 300))
    rgb[50:70, 40:400] = 100
    rgb[64:84, 424:700] = 130
    first = read_screen(rgb, reader=reader)
    rgb = rgb.copy()
    rgb[50:70, 40:60] = 0
    second = read_screen(rgb, first, reader=reader)
    assert [line.box for line in second.lines if line.text == "130"] == [(424, 64, 700, 84)]


def test_another_page_is_read_as_a_whole():
    reader = Reader()
    first = read_screen(picture(b100=(40, 50)), reader=reader)
    other = 255 - picture(b150=(40, 50))
    read_screen(other, first, reader=reader)
    assert reader.pieces[1] == (HEIGHT, WIDTH)


def test_a_picture_of_another_size_is_read_anew():
    reader = Reader()
    first = read_screen(picture(b100=(40, 50)), reader=reader)
    read_screen(picture(b100=(40, 50))[:300], first, reader=reader)
    assert reader.pieces[1] == (300, WIDTH)


def test_a_slow_fade_adds_up_until_it_counts():
    reader, levels = Reader(), [100, 110, 120, 130]
    screen = None
    for level in levels:
        screen = read_screen(picture(**{f"b{level}": (40, 50)}), screen, reader=reader)
    assert screen and texts(screen) != ["100"]


def test_lines_side_by_side_are_a_row_and_hardly_read_ones_are_not_told():
    lines = [line("Name:", 10, 100), line("Maria", 200, 103), line("DOB:", 10, 140)]
    assert [[one.text for one in row] for row in rows(lines)] == [["Name:", "Maria"], ["DOB:"]]
    blurred = line("~~x", 10, 180, confidence=0.2)
    screen = ocr.ScreenText((*lines, blurred), 0, np.zeros((1, 1), np.uint8))
    assert screen.text == "Name: | Maria\nDOB:"


def test_raw_bytes_are_read_like_the_picture(monkeypatch):
    pytest.importorskip("rapidocr")
    rgb = written("Torque 12 newton metres")
    screen = ocr.read_raw(rgb.tobytes(), (rgb.shape[1], rgb.shape[0]), None, 7)
    (found,) = screen.lines
    assert found.text == "Torque 12 newton metres" and found.at_ns == 7
    assert [word for word, _ in found.words] == ["Torque", "12", "newton", "metres"]
    lefts = [box[0] for _, box in found.words]
    assert lefts == sorted(lefts) and found.box[0] <= lefts[0] < found.box[2]


def written(text: str, *, size: int = 24) -> np.ndarray:
    """A line of text on white, in Pillow's own font."""
    image = Image.new("RGB", (420, 60), "white")
    ImageDraw.Draw(image).text((20, 15), text, "black", ImageFont.load_default(size))
    return np.asarray(image)

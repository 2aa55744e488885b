"""Text in pictures: what stands where, and only what is new since the picture before.

Plain and picklable: reading runs in the vision pool, in a process of its own.
"""

import functools
import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are outside."""

CURE = "Reading pictures needs rapidocr. Install the 'ocr' extra: uv pip install -e '.[ocr]'"

# A tile's pixels, how many grey levels a pixel must move and how many pixels of a tile must. So
# one changed digit of 11 px text counts down to a contrast of 64 levels (of 51 levels, 31 of 1350
# pairs do not), and a still screen behind a VP8 encoder of 0.5 Mbit/s does not.
TILE = (80, 40)
LEVELS = 14
PIXELS = 2
# Tiles this far apart are read together: a new line is not cut at its gaps.
GAP = (2, 1)
# Beyond this part of the picture, reading all of it is cheaper than its pieces.
MOST_AREA = 0.6
# Picture around what is read: letters at its edge are read as well as in the middle.
MARGIN = 12


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text as it stands in a picture.

    Parameters:
        text: What it says.
        box: Where it stands.
        confidence: 0 to 1, the recogniser's own.
        words: Its words with a box each, in order.
        at_ns: Ingest stamp of the first picture in which it stood so.
    """

    text: str
    box: Box
    confidence: float
    words: tuple[tuple[str, Box], ...]
    at_ns: int = 0


@dataclass(frozen=True, slots=True)
class ScreenText:
    """What is to be read on a picture, with what it takes to tell the next one from it.

    Parameters:
        lines: Top to bottom.
        at_ns: Ingest stamp of the picture.
        reference: The picture as it was read: grey, softened, uint8.
    """

    lines: tuple[Line, ...]
    at_ns: int
    reference: np.ndarray

    @property
    def text(self) -> str:
        """The lines that could be read, in rows; what stands side by side is set apart by ``|``."""
        return "\n".join(
            " | ".join(line.text for line in row)
            for row in rows(line for line in self.lines if line.confidence >= 0.5)
        )


def available() -> bool:
    """Whether the recogniser is installed."""
    return importlib.util.find_spec("rapidocr") is not None


def prepare() -> None:
    """Load the models, which takes a second or two, before there is anything to read."""
    _engine()


def read(rgb: np.ndarray) -> list[Line]:
    """All lines of a picture, also those that can hardly be read (see their confidence).

    Args:
        rgb: Height x width x 3, uint8.

    Raises:
        ImportError: rapidocr is not installed; the message names the cure.
    """
    found: Any = _engine()(np.ascontiguousarray(rgb[:, :, ::-1]))
    if found.txts is None:
        return []
    characters = found.word_results if len(found.word_results or ()) == len(found.txts) else None
    return [
        Line(text, box := _around(quad), float(score), _words(text, box, characters, i))
        for i, (text, quad, score) in enumerate(zip(found.txts, found.boxes, found.scores))
    ]


def read_screen(
    rgb: np.ndarray,
    before: ScreenText | None = None,
    at_ns: int = 0,
    *,
    reader: Callable[[np.ndarray], list[Line]] = read,
) -> ScreenText:
    """Read a picture; where it is as it was before, nothing is read again.

    Args:
        rgb: Height x width x 3, uint8.
        before: What the last call returned for this source; ``None`` for the first picture.
        at_ns: The picture's ingest stamp.
        reader: Reads one picture.
    """
    import cv2

    height, width = rgb.shape[:2]
    grey = cv2.blur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (2, 2))
    if before is None or before.reference.shape != grey.shape:
        return ScreenText(_stamped(reader(rgb), at_ns, ()), at_ns, grey)
    changed = _changed_tiles(grey, before.reference)
    if not changed.any():
        return replace(before, at_ns=at_ns)
    regions = [_grown(region, before.lines, rgb.shape) for region in _regions(changed)]
    if sum((r - l) * (b - t) for l, t, r, b in regions) > MOST_AREA * height * width:
        return ScreenText(_stamped(reader(rgb), at_ns, before.lines), at_ns, grey)
    gone = [line for line in before.lines if any(_holds(region, line.box) for region in regions)]
    stays = [line for line in before.lines if line not in gone]
    new: list[Line] = []
    for region in regions:
        new += [
            line
            for line in _read_region(rgb, region, reader)
            if not any(_holds(other.box, line.box) for other in [*stays, *new])
        ]
    # Only what was read becomes the reference: a slow fade adds up until it counts.
    tiles = np.repeat(np.repeat(changed, TILE[1], 0), TILE[0], 1)[:height, :width]
    reference = np.where(tiles, grey, before.reference)
    return ScreenText(_sorted([*stays, *_stamped(new, at_ns, gone)]), at_ns, reference)


def read_raw(
    image: bytes, size: tuple[int, int], before: ScreenText | None, at_ns: int
) -> ScreenText:
    """The same of raw RGB bytes of a width and height."""
    width, height = size
    rgb = np.frombuffer(image, np.uint8).reshape(height, width, 3)
    return read_screen(rgb, before, at_ns)


def rows(lines: Iterable[Line]) -> list[list[Line]]:
    """Lines that stand side by side, left to right; the rows from top to bottom."""
    out: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.box[1] + line.box[3]):
        middle = (line.box[1] + line.box[3]) / 2
        beside = out[-1][-1].box if out else (0, 0, 0, 0)
        if beside[1] < middle < beside[3] and line.box[1] < (beside[1] + beside[3]) / 2:
            out[-1].append(line)
        else:
            out.append([line])
    return [sorted(row, key=lambda line: line.box[0]) for row in out]


@functools.cache
def _engine():
    """One recogniser a process. Its models are in its wheel: nothing is fetched."""
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise ImportError(CURE) from error
    return RapidOCR(
        params={
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Global.text_score": 0.0,
            "Global.max_side_len": 4000,
            "Global.return_word_box": True,
            "Global.return_single_char_box": True,
            # Its default enlarges every piece to 736 px, which takes seconds.
            "Det.limit_type": "max",
            "Det.limit_side_len": 1920,
            "Det.box_thresh": 0.4,
            # One line at a time and none padded to 320 px: two to four times as fast.
            "Rec.rec_batch_num": 1,
            "Rec.rec_img_shape": [3, 48, 64],
        }
    )


def _words(text: str, box: Box, characters, i: int) -> tuple[tuple[str, Box], ...]:
    """The words of line ``i``, each with the box around its characters."""
    spelled = "".join(text.split())
    boxes = [quad for _, _, quad in characters[i]] if characters else []
    if len(boxes) != len(spelled):
        return tuple((word, box) for word in text.split())
    out, at = [], 0
    for word in text.split():
        left, _, right, _ = _around(
            [point for quad in boxes[at : at + len(word)] for point in quad]
        )
        out.append((word, (left, box[1], right, box[3])))
        at += len(word)
    return tuple(out)


def _around(points) -> Box:
    xs, ys = np.asarray(points).reshape(-1, 2).T
    return int(xs.min()), int(ys.min()), int(np.ceil(xs.max())), int(np.ceil(ys.max()))


def _changed_tiles(grey: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Rows x columns of tiles: which of them have changed."""
    import cv2

    moved = cv2.threshold(cv2.absdiff(grey, reference), LEVELS, 1, cv2.THRESH_BINARY)[1]
    height, width = moved.shape
    padded = np.pad(moved, ((0, -height % TILE[1]), (0, -width % TILE[0])))
    tiles = padded.reshape(padded.shape[0] // TILE[1], TILE[1], -1, TILE[0])
    return tiles.sum((1, 3), dtype=np.uint16) >= PIXELS


def _regions(changed: np.ndarray) -> list[Box]:
    """Boxes in the picture around changed tiles that are near one another."""
    import cv2

    reach = np.ones((2 * GAP[1] + 1, 2 * GAP[0] + 1), np.uint8)
    near = cv2.dilate(changed.astype(np.uint8), reach)
    count, labels = cv2.connectedComponents(near)
    out = []
    for label in range(1, count):
        ys, xs = np.nonzero(changed & (labels == label))
        left, top = int(xs.min()) * TILE[0], int(ys.min()) * TILE[1]
        out.append((left, top, int(xs.max() + 1) * TILE[0], int(ys.max() + 1) * TILE[1]))
    return out


def _grown(region: Box, lines: Iterable[Line], shape: tuple[int, ...]) -> Box:
    """The region with every line in full that it touches, or that goes on in it."""
    left, top, right, bottom = region
    boxes = [line.box for line in lines]
    while touched := [box for box in boxes if _touch((left, top, right, bottom), box)]:
        boxes = [box for box in boxes if box not in touched]
        lefts, tops, rights, bottoms = zip((left, top, right, bottom), *touched)
        left, top, right, bottom = min(lefts), min(tops), max(rights), max(bottoms)
    return max(0, left), max(0, top), min(shape[1], right), min(shape[0], bottom)


def _touch(region: Box, line: Box) -> bool:
    height = line[3] - line[1]
    return (
        line[0] - height < region[2]
        and line[2] + height > region[0]
        and line[1] + height // 4 < region[3]
        and line[3] - height // 4 > region[1]
    )


def _read_region(rgb: np.ndarray, region: Box, reader: Callable) -> list[Line]:
    left, top = max(0, region[0] - MARGIN), max(0, region[1] - MARGIN)
    piece = rgb[top : region[3] + MARGIN, left : region[2] + MARGIN]

    def moved(box: Box) -> Box:
        return box[0] + left, box[1] + top, box[2] + left, box[3] + top

    lines = [
        replace(line, box=moved(line.box), words=tuple((w, moved(b)) for w, b in line.words))
        for line in reader(piece)
    ]
    return [line for line in lines if _holds(region, line.box)]


def _holds(region: Box, box: Box) -> bool:
    """The middle of the box lies in the region."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return region[0] <= x < region[2] and region[1] <= y < region[3]


def _stamped(lines: list[Line], at_ns: int, before: Iterable[Line]) -> tuple[Line, ...]:
    """Lines with the time since when they have stood where they stand."""
    since = {(line.text, line.box[1] // 8): line.at_ns for line in before}
    return _sorted(
        replace(line, at_ns=since.get((line.text, line.box[1] // 8), at_ns)) for line in lines
    )


def _sorted(lines: Iterable[Line]) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda line: (line.box[1], line.box[0])))

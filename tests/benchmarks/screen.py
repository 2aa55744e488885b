"""What is read of a screen, at what cost, and what of a person is left of it for the model.

    python -m tests.benchmarks.screen [--quick]

Seventeen screens of 1280 x 720 drawn by Chromium from invented values (tests/support/screens.py;
eight of them held out) from three seeds; with ``--quick`` eleven, from one. The last line is one
JSON object:

- ``word_recall``: share of a screen's words that are read, by the reader of ``ScreenReader`` from
  the raw frame. ``plain_word_recall``: by rapidocr as it comes, on the same pictures, interleaved.
  ``shown_word_recall``: by ours from the JPEG that a model is shown (1024 pixels), not with
  ``--quick``.
- ``ms_unchanged``, ``ms_two_cells``: to read a frame with noise on it, like the one before, and one
  in which two cells of a table have changed; ``ms_ungated``: to read a frame as a whole;
  ``plain_ms``: rapidocr as it comes. Medians. ``gated_word_recall``: of the table that has changed.
- ``blackout_recall``: share of the words of identifiers that are hidden in the JPEG a model is
  shown under HIPAA, ``held_out_blackout_recall`` of those on held-out screens;
  ``over_blackout_pct``: share of the other words that are hidden with them.
- ``canary_pixels``: pixels in that JPEG that show an edge where one of an identifier's letters was.
  ``canaries_reread``: words of identifiers that are read again in that JPEG, at its own size and
  enlarged by half. ``face_recall``: share of drawn faces that are blurred; they are drawings.
- ``ms_redact``: to redact a new picture, ``ms_redact_unchanged`` an unchanged one. Medians.
"""

import argparse
import json
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import cv2
import numpy as np
from loguru import logger

from sessions.vision import ocr
from sessions.vision.develop import develop
from sessions.vision.ocr import Line, read_screen
from sessions.vision.picture import LONGEST, QUALITY, jpeg_of, resized
from sessions.vision.privacy import PictureRules, redact_picture
from tests.support.faces import with_face
from tests.support.screens import HELD_OUT, LAYOUTS, Screen, screens, two_cells

SEED = 41
RULES = PictureRules(identifiers=True, faces=True)
# Levels of gray between neighbouring pixels from which there is an edge: half a letter's contrast.
EDGE = 60
# A word is hidden when fewer of its letters' edges than this share are left.
LEFT = 0.02
# Shorter ones ("OH", "4") stand on a screen by chance.
TRACE = 4


class Stopwatch:
    """Milliseconds by name."""

    def __init__(self):
        self.times: dict[str, list[float]] = {}

    def __call__(self, name: str, work: Callable, *args: Any) -> Any:
        """Do work and note what it took."""
        began = time.perf_counter()
        result = work(*args)
        self.times.setdefault(name, []).append((time.perf_counter() - began) * 1000)
        return result

    def median(self, name: str) -> float:
        """Of one name."""
        return round(statistics.median(self.times[name]), 1)


def recalled(lines: Iterable[Line], screen: Screen) -> tuple[int, int]:
    """How many of a screen's words were read, of how many."""
    read = Counter(word for line in lines for word in line.text.split())
    there = Counter(screen.texts)
    return (read & there).total(), there.total()


def plain_reader() -> Callable[[np.ndarray], list[Line]]:
    """Rapidocr as it comes."""
    from rapidocr import RapidOCR

    engine = RapidOCR(params={"Global.log_level": "critical"})

    def read(rgb: np.ndarray) -> list[Line]:
        found: Any = engine(np.ascontiguousarray(rgb[:, :, ::-1]))
        return [Line(text, (0, 0, 0, 0), 1.0, ()) for text in found.txts or ()]

    return read


def noisy(rgb: np.ndarray, seed: int) -> np.ndarray:
    """The frame after it, as a video encoder leaves it."""
    noise = np.random.default_rng(seed).integers(-4, 5, rgb.shape, np.int16)
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


def decoded(jpeg: bytes) -> np.ndarray:
    """A JPEG as RGB."""
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    return bgr[:, :, ::-1]


def edges(rgb: np.ndarray) -> np.ndarray:
    """Where neighbouring pixels differ much."""
    gray = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY)
    around = np.ones((3, 3), np.uint8)
    return cv2.dilate(gray, around).astype(int) - cv2.erode(gray, around) > EDGE


class Privacy:
    """What is left of identifiers in what models are shown."""

    def __init__(self):
        self.counts: Counter[str] = Counter()

    def look(self, screen: Screen, jpeg: bytes, *, sizes: Iterable[float]) -> None:
        """Compare a screen with the picture a model received of it, and read that at some sizes."""
        shown, whole = decoded(jpeg), resized(screen.rgb)
        before, after = edges(whole), edges(shown)
        scale = whole.shape[1] / screen.rgb.shape[1]
        traces = set()
        for word in screen.words:
            left, top, right, bottom = (round(side * scale) for side in word.box)
            letters = before[top:bottom, left:right]
            seen = int((letters & after[top:bottom, left:right]).sum())
            if word.kind:
                gone = bool(seen <= LEFT * letters.sum())
                self.counts.update(words=1, hidden=gone, pixels=seen)
                held_out = screen.name in HELD_OUT
                self.counts.update(held_out=held_out, held_out_hidden=held_out and gone)
                if not gone:
                    say(f"NOT HIDDEN on {screen.name}: {word.kind}")
                traces.add(bare(word.text))
            elif re.search(r"\w", word.text):
                self.counts.update(others=1, over=bool(seen < letters.sum() / 2))
        read = {
            bare(word)
            for size in sizes
            for line in ocr.read(cv2.resize(shown, None, fx=size, fy=size))
            for word, _ in line.words
        }
        plain = {bare(word.text) for word in screen.words if not word.kind}
        self.counts["reread"] += len({t for t in traces & read - plain if len(t) >= TRACE})

    def share(self, part: str, whole: str) -> float:
        """One count over another."""
        return round(self.counts[part] / self.counts[whole], 4)


def bare(text: str) -> str:
    """A word's letters and digits."""
    return re.sub(r"[\W_]", "", text).lower()


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)


def faces_hidden(count: int) -> float:
    """Share of drawn faces, 60 to 300 pixels high, that are blurred."""
    hidden = 0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        scene = rng.integers(60, 200, (6, 10, 3), np.uint8)
        scene = cv2.resize(scene, (1024, 576), interpolation=cv2.INTER_CUBIC)
        at, size = (
            (int(rng.integers(200, 800)), int(rng.integers(180, 400))),
            60 + 240 * seed / count,
        )
        rgb = noisy(with_face(scene, at, round(size), seed), seed)
        seen = redact_picture(rgb, PictureRules(identifiers=False, faces=True)).rgb
        x, y, reach = *at, round(size * 0.3)
        around = slice(y - reach, y + reach), slice(x - reach, x + reach)
        hidden += bool((rgb[around] != seen[around]).mean() > 0.9)
    return hidden / count


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    logger.remove()
    seeds = range(SEED, SEED + (1 if args.quick else 3))
    names = [name for n, name in enumerate(LAYOUTS) if n % 3 or not args.quick]
    shots = [screen for seed in seeds for screen in screens(seed, names)]
    took, privacy, plain = Stopwatch(), Privacy(), plain_reader()
    words: dict[str, list[tuple[int, int]]] = {"plain": [], "ours": [], "shown": [], "gated": []}
    for read in (plain, ocr.read):  # the first reading loads the models
        read(shots[0].rgb[:60, :200])
    for n, screen in enumerate(shots):
        height, width = screen.rgb.shape[:2]
        first = took("ungated", read_screen, screen.rgb)
        words["ours"].append(recalled(first.lines, screen))
        again = noisy(screen.rgb, n)
        for _ in range(3):
            assert took("unchanged", read_screen, again, first).lines is first.lines
        if not args.quick or n % 3 == 0:
            words["plain"].append(recalled(took("plain", plain, screen.rgb), screen))
        if not args.quick:
            words["shown"].append(recalled(ocr.read(decoded(jpeg_of(resized(screen.rgb)))), screen))
        raw = screen.rgb.tobytes()
        picture = took("redact", develop, raw, (width, height), LONGEST, QUALITY, RULES)
        took("redact_unchanged", redact_picture, resized(again), RULES, picture.memory)
        privacy.look(screen, picture.jpeg, sizes=(1.5,) if args.quick else (1.0, 1.5))
        read, there = words["ours"][-1]
        say(f"{screen.name}: {read} of {there} words, {took.times['ungated'][-1]:.0f} ms")
    for seed in seeds:
        before, after = two_cells(seed)
        screen = read_screen(before.rgb)
        for n in range(3):
            new = took("two_cells", read_screen, noisy(after.rgb, n), screen)
        words["gated"].append(recalled(new.lines, after))
    recall = {
        name: round(sum(read for read, _ in found) / sum(there for _, there in found), 4)
        for name, found in words.items()
        if found
    }
    print(
        json.dumps(
            {
                "word_recall": recall["ours"],
                "plain_word_recall": recall["plain"],
                "shown_word_recall": recall.get("shown"),
                "gated_word_recall": recall["gated"],
                "ms_unchanged": took.median("unchanged"),
                "ms_two_cells": took.median("two_cells"),
                "ms_ungated": took.median("ungated"),
                "plain_ms": took.median("plain"),
                "canary_pixels": privacy.counts["pixels"],
                "canaries_reread": privacy.counts["reread"],
                "blackout_recall": privacy.share("hidden", "words"),
                "held_out_blackout_recall": privacy.share("held_out_hidden", "held_out"),
                "over_blackout_pct": round(100 * privacy.share("over", "others"), 1),
                "face_recall": faces_hidden(10 if args.quick else 60),
                "ms_redact": took.median("redact"),
                "ms_redact_unchanged": took.median("redact_unchanged"),
                "screens": len(shots),
                "identifier_words": privacy.counts["words"],
            }
        )
    )


if __name__ == "__main__":
    main()

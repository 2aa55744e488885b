"""When a look is worth a picture: the pace of one source, decided on a small gray likeness.

A function of the likenesses and their times alone: no clock, no randomness. A look takes about
0.2 ms, whatever the size of the picture.
"""

from dataclasses import dataclass

import numpy as np

from sessions.vision.picture import THUMB_HEIGHT, THUMB_WIDTH, sharpness, thumbnail

PIXELS = THUMB_WIDTH * THUMB_HEIGHT
# A pixel has changed when it differs by so many of 255 steps, and by so many times what it usually
# does from look to look; the latter is what keeps rain, noise and a moving mouth from being news.
STEPS, TIMES = 10.0, 5.0
# Share of pixels from which a change is news at once; fewer must be there in two looks.
AT_ONCE = 0.01
# What a pixel does is averaged over about ten looks, of which none counts for more than 40 steps.
MEMORY, CAP = 0.9, 40.0
# Tubes and exposure change all light by up to a fifth; more (natural logarithm) is news.
LIGHT = 0.35
# Share of pixels that are restless when something moves: what happens there is not told from news.
# A camera's noise, which is everywhere, is not restless: up to so many steps of it.
MOVING, NOISE = 0.01, 3.0
# Share of pixels that must differ from the last picture for one that is only due.
DIFFERS = 0.001
# Pictures of news that may follow each other quickly, and what is regained of them a second: what
# never stops being new is a moving scene, and gets that rate.
BURST, REGAINED = 3.0, 0.5
# A picture so much softer than the source's usual one waits for a better one: one look where time
# matters, half a second where it does not.
BLURRED, HURRY_NS, PATIENCE_NS = 0.5, 50_000_000, 500_000_000
SHARP_MEMORY = 0.98
JITTER_NS = 20_000_000


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Pictures a second, and looks a second.

    Parameters:
        still: Of a scene in which nothing moves.
        talking: While the caller speaks, if anything is new.
        moving: While something moves.
        most: At most, when something new moves.
        watch: Looks; a frame in between costs nothing.
    """

    still: float = 0.2
    talking: float = 1.0
    moving: float = 2.5
    most: float = 8.0
    watch: float = 15.0


class Pace:
    """Decides which frames of one source become pictures."""

    def __init__(self, rates: Rates | None = None):
        """Begin; the first look is always kept."""
        self.rates = rates or Rates()
        self.talking = False
        self.asked = False
        self.moving = False
        self._looked_ns = self._kept_ns = -(10**12)
        self._blurred_since_ns: int | None = None
        self._kept: np.ndarray | None = None
        self._last = np.zeros((THUMB_HEIGHT, THUMB_WIDTH), np.float32)
        self._usual = np.full((THUMB_HEIGHT, THUMB_WIDTH), 1.0, np.float32)
        self._news = np.zeros((THUMB_HEIGHT, THUMB_WIDTH), bool)
        self._dimmed = False
        self._sharp = 0.0
        self._burst = BURST

    def due(self, at_ns: int) -> bool:
        """Whether this frame is worth a look; asked before anything is computed of it."""
        return self.asked or at_ns - self._looked_ns >= 1e9 / self.rates.watch - JITTER_NS

    def look(self, gray: np.ndarray, at_ns: int) -> str:
        """Look at a frame.

        Args:
            gray: See :func:`sessions.vision.picture.gray_of`.
            at_ns: When it came.

        Returns:
            Why it should be kept (``"first"``, ``"asked"``, ``"change"``, ``"moving"``,
            ``"talking"``, ``"still"``), or ``""``. Tell :meth:`kept` if it is.
        """
        small = thumbnail(gray)
        self._burst = min(BURST, self._burst + REGAINED * (at_ns - self._looked_ns) / 1e9)
        self._looked_ns = at_ns
        if self._kept is None:
            self._kept = self._last = small
            return "first"
        news, differs = self._compare(small)
        self._watch(small)
        why = self._reason(news, differs, at_ns)
        patience_ns = HURRY_NS if why in ("change", "moving") else PATIENCE_NS
        return why if why in ("", "asked") or self._is_sharp(gray, at_ns, patience_ns) else ""

    def kept(self, at_ns: int, why: str = "") -> None:
        """The last look has become a picture, for the reason it gave."""
        if why == "change":
            self._burst -= 1
        self._kept, self._kept_ns = self._last, at_ns
        self._blurred_since_ns = None
        self.asked = False
        self._news = np.zeros_like(self._news)
        self._dimmed = False

    def _compare(self, small: np.ndarray) -> tuple[float, bool]:
        """Share of the pixels that tell news since the last picture, and whether any differs."""
        assert self._kept is not None
        gain = _gain(self._kept, small)
        change = np.abs(small - gain * self._kept)
        differs = change > STEPS
        news = differs & (change > TIMES * self._usual)
        count = int(news.sum())
        lasting = int((news & self._news).sum())
        dimmed = bool(abs(np.log(gain)) > LIGHT)
        found = count / PIXELS if count > AT_ONCE * PIXELS or lasting else 0.0
        if dimmed and self._dimmed:
            found = 1.0
        self._news, self._dimmed = news, dimmed
        return found, bool(np.count_nonzero(differs) > DIFFERS * PIXELS) or dimmed

    def _watch(self, small: np.ndarray) -> None:
        """Learn what each pixel usually does."""
        step = np.abs(small - _gain(self._last, small) * self._last)
        self._usual *= MEMORY
        self._usual += (1 - MEMORY) * np.minimum(step, CAP)
        noise = min(float(np.median(self._usual[::2, ::2])), NOISE)
        restless = np.count_nonzero(self._usual > max(STEPS / TIMES, 2 * noise))
        self.moving, self._last = restless > MOVING * PIXELS, small

    def _reason(self, news: float, differs: bool, at_ns: int) -> str:
        since = at_ns - self._kept_ns + JITTER_NS
        rates = self.rates
        if self.asked:
            return "asked"
        if news and self._burst >= 1 and since >= 1e9 / rates.most:
            return "change"
        if differs and self.moving and since >= 1e9 / rates.moving:
            return "moving"
        if differs and self.talking and since >= 1e9 / rates.talking:
            return "talking"
        return "still" if since >= 1e9 / rates.still else ""

    def _is_sharp(self, gray: np.ndarray, at_ns: int, patience_ns: int) -> bool:
        sharp = sharpness(gray) / (float(gray.mean()) + 1) ** 2
        self._sharp = max(sharp, self._sharp * SHARP_MEMORY)
        if sharp >= BLURRED * self._sharp:
            return True
        if self._blurred_since_ns is None:
            self._blurred_since_ns = at_ns
        return at_ns - self._blurred_since_ns >= patience_ns


def _gain(before: np.ndarray, now: np.ndarray) -> float:
    """By how much all light has changed: the median of every second pixel's ratio."""
    return float(np.median((now[::2, ::2] + 1) / (before[::2, ::2] + 1)))

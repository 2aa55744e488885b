"""What may be seen: identifiers in a picture are blacked out and faces blurred, or it is withheld.

How a picture passes (sampler, between resizing and encoding)::

    rules = picture_rules(session)             # None: this policy shows pictures as they are
    try:
        seen = await pool.run(redact_picture, rgb, rules, before, at_ns)
    except Exception:                          # PictureWithheld or the pool itself: fail closed
        drop the picture
    session.ledger.note("picture", seen.counts)
    before = seen.memory                       # per source: the next picture costs what is new
    encode seen.rgb

It hides what it can read and find. Text that the recogniser does not see (tiny, handwritten, at an
angle) and faces that the detector misses (turned away, small) are not hidden.
"""

import functools
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from sessions.policy import Policy, PolicyError
from sessions.vision import ocr
from sessions.vision.identifiers import UNREAD, Place, identifiers
from sessions.vision.ocr import Box, Line, ScreenText, read_screen

if TYPE_CHECKING:
    from sessions.session import Session

# Share of a line's height that is blacked out around a word: the recogniser tells where a letter's
# middle is, not where it ends.
BESIDE, ABOVE = 0.3, 0.12
# A face is searched for in a picture of at most so many pixels, and down to this share of its
# shorter side; around it so much of its width is blurred too, and so many colours are left of it.
FACE_PICTURE, SMALLEST_FACE, FACE_MARGIN, FACE_COLOURS = 640, 0.08, 0.25, 6
# A face that was there is still hidden in so many pictures in which the detector does not see it.
HELD = 3
FACE = "FACE"


class PictureWithheld(RuntimeError):
    """A picture could not be cleared of identifiers and must not be shown to anyone."""


@dataclass(frozen=True, slots=True)
class PictureRules:
    """What a session's policy hides in a picture. Picklable.

    Parameters:
        identifiers: Whether identifiers in its text are blacked out.
        faces: Whether faces are blurred.
        known: Values this session has heard, as said and as digits; hidden wherever they stand.
        names: Parts of the names it has heard, in lower case.
    """

    identifiers: bool
    faces: bool
    known: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PictureMemory:
    """What was found in a source's last picture. In clear: it must not leave the process.

    Parameters:
        screen: Its text; ``None`` where the rules do not read.
        hidden: Which words of it are hidden, and their kinds.
        known: What was known of the session then.
        faces: Where faces are or just were, and for how many more pictures they are held.
    """

    screen: ScreenText | None = None
    hidden: dict[Place, str] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    faces: tuple[tuple[Box, int], ...] = ()

    def text(self, put: Callable[[str, str], str]) -> str:
        """What may be told of the picture's text, in rows.

        Args:
            put: Value and kind to surrogate: ``session.phi.vault.put``.
        """
        if self.screen is None:
            return ""
        index = {id(line): i for i, line in enumerate(self.screen.lines)}
        return "\n".join(
            " | ".join(self._told(index[id(line)], put) for line in row)
            for row in ocr.rows(self.screen.lines)
        )

    def _told(self, i: int, put: Callable[[str, str], str]) -> str:
        assert self.screen
        words = [word for word, _ in self.screen.lines[i].words]
        out = []
        for kind, run in groupby(range(len(words)), lambda j: self.hidden.get((i, j))):
            value = " ".join(words[j] for j in run)
            out.append("[unreadable]" if kind == UNREAD else put(value, kind) if kind else value)
        return " ".join(out)


@dataclass(frozen=True, slots=True)
class SeenPicture:
    """A picture that may be shown.

    Parameters:
        rgb: Height x width x 3, uint8; a new array.
        counts: What was hidden: kinds ("NAME", "FACE", ...) and how many, never values.
        memory: What the next call for this source needs.
    """

    rgb: np.ndarray
    counts: Counter[str]
    memory: PictureMemory


def require_image_privacy(policy: Policy) -> None:
    """Refuse to see under a policy that hides what is seen, where the means are missing.

    Raises:
        PolicyError: With the cure in its message.
    """
    if policy.redact and not ocr.available():
        raise PolicyError(
            f"{policy.name} hides identifiers in pictures, and without rapidocr none are found, so "
            "every picture would be withheld. Install the 'ocr' extra (uv pip install -e '.[ocr]'), "
            "or open the session without sees=."
        )


def picture_rules(session: "Session") -> PictureRules | None:
    """What this session hides in pictures now; ``None`` when it hides nothing."""
    policy, phi = session.policy, session.phi
    if not policy.redact and not policy.blur_faces:
        return None
    if phi is None:
        return PictureRules(policy.redact, policy.blur_faces)
    known = frozenset(value for entry in phi.vault for value in (entry.key, *entry.forms))
    return PictureRules(policy.redact, policy.blur_faces, known, phi.vault.names())


def redact_picture(
    rgb: np.ndarray, rules: PictureRules, before: PictureMemory | None = None, at_ns: int = 0
) -> SeenPicture:
    """Hide what the rules hide. Plain and picklable: runs in the vision pool.

    Args:
        rgb: Height x width x 3, uint8, as large as it will be shown (resize first).
        rules: From `picture_rules`.
        before: ``memory`` of the last picture of this source and size, ``None`` for the first.
        at_ns: The picture's ingest stamp.

    Raises:
        PictureWithheld: It could not be read or searched. Show nothing.
    """
    try:
        return _redacted(rgb, rules, before or PictureMemory(), at_ns)
    except Exception as error:
        # The error's own text may quote what was read: only its type is told.
        raise PictureWithheld(f"Image privacy failed: {type(error).__name__}") from None


def _redacted(
    rgb: np.ndarray, rules: PictureRules, before: PictureMemory, at_ns: int
) -> SeenPicture:
    screen = read_screen(rgb, before.screen, at_ns) if rules.identifiers else None
    lines = screen.lines if screen else ()
    same = screen is not None and before.screen is not None and lines is before.screen.lines
    faces, hidden = before.faces, before.hidden
    if rules.faces and not same:
        faces = _held(find_faces(rgb), faces)
    if not same or rules.known != before.known:
        hidden = identifiers(lines, rules.known, rules.names) if lines else {}
    shown, counts = rgb.copy(), Counter({FACE: len(faces)})
    for box, _ in faces:
        _blur(shown, box)
    for kind, box in _blackouts(lines, hidden):
        shown[box[1] : box[3], box[0] : box[2]] = 0
        counts[kind] += 1
    return SeenPicture(shown, +counts, PictureMemory(screen, hidden, rules.known, faces))


def _blackouts(lines: tuple[Line, ...], hidden: dict[Place, str]) -> list[tuple[str, Box]]:
    """A box for every run of neighbouring hidden words, with its margin."""
    out = []
    for i, line in enumerate(lines):
        height = line.box[3] - line.box[1]
        beside, above = round(BESIDE * height) + 1, round(ABOVE * height) + 1
        kinds = [hidden.get((i, j)) for j in range(len(line.words))]
        for kind, run in groupby(zip(kinds, line.words), lambda pair: pair[0]):
            if kind:
                boxes = [box for _, (_, box) in run]
                out.append((kind, _widened(_union(boxes), beside, above)))
    return out


def find_faces(rgb: np.ndarray) -> list[Box]:
    """Faces that look at the camera or to a side, by OpenCV's own cascades.

    Args:
        rgb: Height x width x 3, uint8.
    """
    import cv2

    scale = max(1.0, max(rgb.shape[:2]) / FACE_PICTURE)
    size = round(rgb.shape[1] / scale), round(rgb.shape[0] / scale)
    grey = cv2.equalizeHist(cv2.cvtColor(cv2.resize(rgb, size), cv2.COLOR_RGB2GRAY))
    least = round(min(size) * SMALLEST_FACE)
    found: list[Box] = []
    for cascade, mirrored in ((0, False), (1, False), (1, True)):
        picture = cv2.flip(grey, 1) if mirrored else grey
        for x, y, w, h in _cascades()[cascade].detectMultiScale(
            picture, scaleFactor=1.2, minNeighbors=3, minSize=(least, least)
        ):
            x = size[0] - x - w if mirrored else x
            left, top, right, bottom = (int(v * scale) for v in (x, y, x + w, y + h))
            found.append((left, top, right, bottom))
    return found


@functools.cache
def _cascades():
    import cv2

    folder = cv2.data.haarcascades  # pyright: ignore[reportAttributeAccessIssue]
    cascades = [
        cv2.CascadeClassifier(f"{folder}haarcascade_{name}.xml")
        for name in ("frontalface_alt2", "profileface")
    ]
    if any(cascade.empty() for cascade in cascades):
        raise FileNotFoundError("OpenCV's face cascades are not in its wheel")
    return cascades


def _held(found: Iterable[Box], before: Iterable[tuple[Box, int]]) -> tuple[tuple[Box, int], ...]:
    """The faces of this picture, and those of the last ones that may only have been missed."""
    now = [(box, HELD) for box in found]
    return (
        *now,
        *(
            (box, left - 1)
            for box, left in before
            if left and not any(_overlap(box, other) for other, _ in now)
        ),
    )


def _blur(rgb: np.ndarray, box: Box) -> None:
    """Leave a few colours of what is in the box, in place."""
    import cv2

    margin = round(FACE_MARGIN * (box[2] - box[0]))
    left, top, right, bottom = _widened(box, margin, margin)
    face = rgb[top:bottom, left:right]
    if face.size:
        few = cv2.resize(face, (FACE_COLOURS, FACE_COLOURS), interpolation=cv2.INTER_AREA)
        rgb[top:bottom, left:right] = cv2.resize(few, (face.shape[1], face.shape[0]))


def _union(boxes: list[Box]) -> Box:
    left, top, right, bottom = zip(*boxes)
    return min(left), min(top), max(right), max(bottom)


def _widened(box: Box, x: int, y: int) -> Box:
    return max(0, box[0] - x), max(0, box[1] - y), box[2] + x, box[3] + y


def _overlap(one: Box, other: Box) -> bool:
    return min(one[2], other[2]) > max(one[0], other[0]) and min(one[3], other[3]) > max(
        one[1], other[1]
    )

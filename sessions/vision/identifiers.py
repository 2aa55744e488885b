"""Identifiers in the text of a picture: what a form, a table or a letter says about a person.

The PHI engine reads lines of speech; a picture says the same with its layout. So it is read in
several ways (each line, rows, columns, a field's label with its value), and what any of them finds
counts. Plain and picklable: runs in the vision pool.
"""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping

from sessions.phi import cues
from sessions.phi.data import field_label, plausible
from sessions.phi.engine import PHIEngine
from sessions.vision.ocr import Line, rows

Place = tuple[int, int]
"""Index of a line, index of a word in it."""

UNREAD = "UNREAD"
"""What stands there is text, and nobody can say which: it is hidden too."""

READABLE = 0.5
# Words a field's label has at most, and how far below it, in heights of a line, its value stands.
LABEL_WORDS = 5
BELOW = 2.6
# Letters and digits of a known value that are looked for in a row.
SHORTEST = 4


def identifiers(
    lines: tuple[Line, ...],
    known: frozenset[str] = frozenset(),
    names: frozenset[str] = frozenset(),
) -> dict[Place, str]:
    """Which words of a picture belong to identifiers, and of which kind.

    Args:
        lines: The picture's text.
        known: Values this session has heard; spacing, case and punctuation do not matter.
        names: Parts of names it has heard, in lower case.
    """
    found = {
        (i, j): UNREAD
        for i, line in enumerate(lines)
        if line.confidence < READABLE
        for j in range(len(line.words))
    }
    index = {id(line): i for i, line in enumerate(lines)}
    table = [[index[id(line)] for line in row] for row in rows(lines)]
    beneath = _beneath(lines)
    passages: list[list[int]] = [[i] for i in range(len(lines))]
    passages += [run for row in table for run in _runs(lines, row) if len(run) > 1]
    passages += _columns(lines, beneath)
    for passage in passages:
        _merge(found, _in_passage(lines, passage, names))
    for label, value, asked in _fields(lines, table, beneath):
        _merge(found, _in_field(lines, value, label, asked, names))
    for row in table:
        _merge(found, _known_values(lines, row, known))
    return found


@functools.cache
def _engine() -> PHIEngine:
    return PHIEngine("strict")


def _merge(found: dict[Place, str], more: Mapping[Place, str]) -> None:
    for place, kind in more.items():
        found.setdefault(place, kind)


def _in_passage(
    lines: tuple[Line, ...],
    passage: list[int],
    names: frozenset[str],
    asked: tuple[str, ...] = (),
) -> dict[Place, str]:
    """What the engine finds in these lines, read one after the other."""
    text, places = "", []
    for i in passage:
        for j, (word, _) in enumerate(lines[i].words):
            places.append((len(text), len(text) + len(word), (i, j)))
            text += f"{word} "
    return {
        place: span.label
        for span in _engine().analyse(text, asked=asked, known=names)
        for start, end, place in places
        if start < span.end and end > span.start
    }


def _beneath(lines: tuple[Line, ...]) -> dict[int, int]:
    """The line that stands next under each line, within reach and in the same column."""
    out = {}
    for i, upper in enumerate(lines):
        left, top, right, bottom = upper.box
        height = bottom - top
        under = [
            (lower.box[1], j)
            for j, lower in enumerate(lines)
            if (top + bottom) / 2 < lower.box[1] + height / 4
            and lower.box[1] - bottom < BELOW * height
            and min(right, lower.box[2]) - max(left, lower.box[0])
            > 0.4 * min(right - left, lower.box[2] - lower.box[0])
        ]
        if under:
            out[i] = min(under)[1]
    return out


def _columns(lines: tuple[Line, ...], beneath: Mapping[int, int]) -> Iterator[list[int]]:
    """Chains of lines under one another; a number alone goes on neither above nor below it."""
    words = {i for i, line in enumerate(lines) if re.search(r"[^\W\d_]{2}", line.text)}
    below = {under for over, under in beneath.items() if over in words}
    for head in words - {under for under in below if under in words}:
        chain = [head]
        while (following := beneath.get(chain[-1])) in words and following not in chain:
            chain.append(following)
        if len(chain) > 1:
            yield chain


def _runs(lines: tuple[Line, ...], row: list[int]) -> list[list[int]]:
    """A row, parted where more than a word space lies between: the cells of a table are apart."""
    out = [row[:1]]
    for i in row[1:]:
        left, right = lines[out[-1][-1]].box, lines[i].box
        if right[0] - left[2] > 0.8 * (left[3] - left[1]):
            out.append([])
        out[-1].append(i)
    return out


def _label(line: Line) -> tuple[str | None, tuple[str, ...]] | None:
    """The kind a field's label announces, and what it makes the engine expect; or it is none."""
    text = line.text.strip(" :.*#")
    if not text or len(line.words) > LABEL_WORDS or any(c.isdigit() for c in text):
        return None
    kind, asked = field_label(text), cues.in_prompt(text)
    return (kind, asked) if kind or asked else None


def _fields(
    lines: tuple[Line, ...], table: list[list[int]], beneath: Mapping[int, int]
) -> Iterator[tuple[str | None, int, tuple[str, ...]]]:
    """Labels with what stands beside and under them: (kind, line of the value, expected)."""
    labels = {i: label for i, line in enumerate(lines) if (label := _label(line))}
    # A row of labels is the head of a table or of a row of fields: what stands under it is of
    # its kind, as long as the rows are evenly spaced and down to the next such row.
    heads = {
        i
        for row in table
        if len(row) > 2 and sum(i in labels for i in row) * 2 >= len(row)
        for i in row
    }
    for row in table:
        head = row[0] in heads
        for at, i in enumerate(row):
            if i not in labels:
                continue
            kind, asked = labels[i]
            beside = row[at + 1] if at + 1 < len(row) else None
            if not head and beside is not None and beside not in labels:
                yield kind, beside, asked
                continue
            under, over, pitch = beneath.get(i), i, None
            while under is not None and under not in (heads if head else labels):
                step = lines[under].box[1] - lines[over].box[1]
                if pitch is not None and (not head or step > 1.5 * pitch):
                    break
                yield kind, under, asked
                under, over, pitch = beneath.get(under), under, pitch or step


def _in_field(
    lines: tuple[Line, ...],
    value: int,
    kind: str | None,
    asked: tuple[str, ...],
    names: frozenset[str],
) -> dict[Place, str]:
    line = lines[value]
    if kind and plausible(line.text, kind):
        return {(value, j): kind for j in range(len(line.words))}
    return _in_passage(lines, [value], names, asked)


def _known_values(
    lines: tuple[Line, ...], row: list[int], known: Iterable[str]
) -> dict[Place, str]:
    """Words of known values, however they are spaced and punctuated."""
    plain, owners = "", []
    for i in row:
        for j, (word, _) in enumerate(lines[i].words):
            letters = _plain(word)
            plain += letters
            owners += [(i, j)] * len(letters)
    out = {}
    for value in known:
        letters = _plain(value)
        if len(letters) >= SHORTEST and letters in plain:
            for match in re.finditer(re.escape(letters), plain):
                out |= dict.fromkeys(owners[match.start() : match.end()], "ID")
    return out


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text.lower())

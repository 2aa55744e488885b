"""The pages of a PDF and the text of a picture: ``python -m tools.document_pages FILE [PAGE]``.

A process of its own, because what strangers send may crash it, fill its memory or never end.
Prints one JSON object: ``text``, ``pages``, ``note``; or ``error``, for the caller's ears.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sessions.vision import ocr
from tools.documents import CHARACTERS

SECS = 5.0
"""After so long, no further page is begun."""
MEMORY = 3 * 2**30
"""Bytes of address space; a page of 2000 pixels is read in half of it."""
PIXELS = 40_000_000
"""Of a picture that is opened: a phone's camera has 12 to 50 million."""
LONGEST = 2000
"""Pixels of the longer side of what is read: 170 a inch of a letter page, 10 pt is 24 pixels."""
FEW_WORDS = 5
"""A page with fewer in its text layer is a picture with a stamp."""
UNABLE = (
    "The document is a scan or a picture, and this service cannot read those. Ask the caller to "
    "read it out, or for a PDF that holds text."
)


class Unreadable(Exception):
    """The document cannot be read; the message is for the model."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page.

    Parameters:
        number: From 1.
        text: What it says, in rows; what stands side by side is set apart by ``|``.
        lines: Where a picture of it was read: each line with its box, in shares of the page.
    """

    number: int
    text: str
    lines: tuple[tuple[str, tuple[float, float, float, float]], ...] = ()


def read_pages(path: Path, first: int = 1) -> tuple[int, list[Page]]:
    """How many pages a document has, and those of them that could be read in time.

    Raises:
        Unreadable: With the cure in its message.
    """
    until = time.monotonic() + SECS
    with path.open("rb") as file:
        count, pages = _pdf(path, first) if file.read(5) == b"%PDF-" else (1, _picture(path))
        read, characters = [], 0
        for page in pages:
            read.append(page)
            characters += len(page.text)
            if characters > CHARACTERS or time.monotonic() > until:
                break
    return count, read


def _pdf(path: Path, first: int) -> tuple[int, Iterator[Page]]:
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        locked = "password" in str(error).lower()
        raise Unreadable(
            "The PDF is locked with a password. Ask for it without one."
            if locked
            else "The PDF is damaged. Ask the caller to save it anew."
        ) from None
    if not 1 <= first <= len(pdf):
        raise Unreadable(f"The document has {len(pdf)} pages; there is no page {first}.")

    def pages():
        for n in range(first - 1, len(pdf)):
            page = pdf[n]
            text = page.get_textpage().get_text_bounded(errors="ignore").replace("\r\n", "\n")
            if len(text.split()) < FEW_WORDS and ocr.available():
                scale = LONGEST / max(page.get_size())
                yield _read(n + 1, page.render(scale=scale, rev_byteorder=True).to_numpy())
            elif not text.strip() and any(page.get_objects(max_depth=2)):
                raise Unreadable(UNABLE)
            else:
                yield Page(n + 1, text.strip())

    return len(pdf), pages()


def _picture(path: Path) -> Iterator[Page]:
    from PIL import Image, ImageOps

    if not ocr.available():
        raise Unreadable(UNABLE)
    try:
        with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as picture:
            if picture.width * picture.height > PIXELS:
                raise Unreadable("The picture is too large. Ask for one of half the size.")
            picture.draft("RGB", (LONGEST, LONGEST))
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            upright.thumbnail((LONGEST, LONGEST))
    except (OSError, SyntaxError, ValueError):
        raise Unreadable("The picture is damaged. Ask the caller to take it again.") from None
    yield _read(1, np.asarray(upright))


def _read(number: int, rgb: np.ndarray) -> Page:
    screen = ocr.read_screen(rgb[:, :, :3])
    height, width = rgb.shape[:2]
    lines = tuple(
        (line.text, (line.box[0] / width, line.box[1] / height,
                     line.box[2] / width, line.box[3] / height))
        for line in screen.lines
    )  # fmt: skip
    return Page(number, screen.text, lines)


def told(count: int, pages: list[Page]) -> dict:
    """What a model is told of them."""
    text = "\n\n".join(
        f"[page {page.number} of {count}{', read from its picture' if page.lines else ''}]\n"
        f"{page.text or '(empty)'}"
        for page in pages
    )
    out: dict = {"pages": count, "text": text[: CHARACTERS + 1000]}
    if len(text) > CHARACTERS + 1000:
        out["note"] = f"Page {pages[-1].number} is cut: it says too much."
    if (last := pages[-1].number) < count:
        out["note"] = f"Read up to page {last}. For more, read again from first_page {last + 1}."
    return out


def main() -> None:
    """Read the document of the command line."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        result = told(*read_pages(Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 1))
    except Unreadable as error:
        result = {"error": str(error)}
    except MemoryError:
        result = {"error": "The document is too large to open. Ask for the pages that matter."}
    print(json.dumps(result))


if __name__ == "__main__":
    main()

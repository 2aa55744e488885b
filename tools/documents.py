"""What a caller's document says: PDF, picture, text, table or records, within bounds."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

CHARACTERS = 20_000
"""Of a document that a model is shown at a time."""
LARGEST = 14 * 2**20
"""Bytes of a file that is opened; what clients may send."""
LARGEST_DATA = 2 * 2**20
"""Bytes of a table or of records: they are read as a whole."""
KILL_SECS = 9.0
"""A tool may take 10; who reads pages stops by itself before, see :mod:`tools.document_pages`."""

PAGED = {
    b"%PDF-": "PDF",
    b"\x89PNG\r\n\x1a\n": "picture",
    b"\xff\xd8\xff": "picture",
    b"RIFF": "picture",
}
BINARY = re.compile(r"[\x00-\x08\x0e-\x1a]")
READABLE = "PDF, PNG, JPEG, WebP, or text (.txt, .md, .csv, .json)"


class DocumentError(ValueError):
    """A document cannot be read. The message says why and what to do, for the model to tell."""


def read_document(path: Path, *, first_page: int = 1) -> dict[str, Any]:
    """Read a document.

    Args:
        path: The file; what it is tells its content, and for text the end of its name.
        first_page: Of a PDF.

    Returns:
        ``kind`` ("PDF", "picture", "text", "table", "records") and what it says: ``text``, each
        page of a PDF under its number, or ``rows`` with typed values under the names of the
        table's head. ``note`` tells what was left out and how to get it.

    Raises:
        DocumentError: With the cure in its message.
    """
    if path.stat().st_size > LARGEST:
        raise DocumentError(
            f"The document is over {LARGEST // 2**20} MB. Ask for the pages that matter."
        )
    contents = path.read_bytes()
    for signature, kind in PAGED.items():
        if contents.startswith(signature):
            return {"kind": kind, **_pages(path, first_page)}
    try:
        text = contents.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if BINARY.search(text):
        raise DocumentError(f"This kind of document cannot be read. Ask for {READABLE}.")
    structured: dict[str, Callable[[str], dict]] = {".csv": _table, ".json": _records}
    if read := structured.get(path.suffix.lower()):
        if len(contents) > LARGEST_DATA:
            raise DocumentError(
                f"The table is over {LARGEST_DATA // 2**20} MB. Ask for the rows that matter."
            )
        return read(text)
    return {"kind": "text", **_bounded(text)}


def _pages(path: Path, first_page: int) -> dict[str, Any]:
    """In a process that may crash, hang or run out of memory over it."""
    # Libraries map memory for every thread that they may start, and its process may map little.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tools.document_pages", str(path.resolve()), str(first_page)]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            timeout=KILL_SECS,
            text=True,
        )
        said = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise DocumentError(
            "The document takes too long to read. Ask for fewer pages, or for a smaller picture."
        ) from None
    except ValueError:
        raise DocumentError(
            "The document is damaged, or too much to open. Ask for it again, saved as PDF anew."
        ) from None
    if "error" in said:
        raise DocumentError(said["error"])
    return said


def _bounded(text: str) -> dict[str, Any]:
    if len(text) <= CHARACTERS:
        return {"text": text}
    return {"text": text[:CHARACTERS], "note": f"The first {CHARACTERS} of {len(text)} characters."}


def _table(text: str) -> dict[str, Any]:
    try:
        dialect: Any = csv.Sniffer().sniff(text[:4000], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    try:
        rows = [row for row in csv.reader(text.splitlines(), dialect) if any(map(str.strip, row))]
    except csv.Error as error:
        raise DocumentError(f"The table cannot be read: {error}. Ask for it as text.") from None
    if len(rows) < 2:
        return {"kind": "text", **_bounded(text)}
    head = [name.strip() or f"column {n}" for n, name in enumerate(rows[0], 1)]
    columns = [_typed([row[n].strip() if n < len(row) else "" for row in rows[1:]])
               for n in range(len(head))]  # fmt: skip
    return _rows("table", [dict(zip(head, values)) for values in zip(*columns)])


def _records(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {"kind": "text", **_bounded(text)}
    records = value if isinstance(value, list) else [value]
    return _rows("records", [r if isinstance(r, dict) else {"value": r} for r in records])


def _rows(kind: str, rows: list[dict]) -> dict[str, Any]:
    shown: list[dict] = []
    left = CHARACTERS
    for row in rows:
        left -= len(json.dumps(row, ensure_ascii=False))
        if left < 0:
            break
        shown.append(row)
    if rows and not shown:
        return {"kind": "text", **_bounded(json.dumps(rows[0], ensure_ascii=False))}
    note = (
        {"note": f"The first {len(shown)} of {len(rows)} rows."} if len(shown) < len(rows) else {}
    )
    return {"kind": kind, "rows": shown, **note}


def _typed(column: list[str]) -> list[Any]:
    """Numbers, if all are, and none is one of those that are names: 007, 555 0134."""
    filled = [value for value in column if value]
    for kind in (int, float):
        if filled and all(_is(kind, value) for value in filled):
            return [kind(value) if value else None for value in column]
    if filled and {value.lower() for value in filled} <= {"true", "false"}:
        return [value.lower() == "true" if value else None for value in column]
    return [value or None for value in column]


def _is(kind: type, value: str) -> bool:
    digits = value.lstrip("-")
    if len(digits) > 15 or digits.startswith("0") and digits[1:2].isdigit():
        return False
    return digits.isdecimal() if kind is int else digits.replace(".", "", 1).isdecimal()

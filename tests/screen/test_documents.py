"""A caller's document is read whatever it is, within bounds, or the caller is told what to send."""

import io
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from mcp.server.mcpserver.exceptions import ToolError
from PIL import Image

from sessions.phi import PHIFirewall
from sessions.vision import ocr
from tests.screen.test_reading import line, written
from tools import document_pages, documents
from tools.document_pages import Unreadable, read_pages, told
from tools.documents import DocumentError, read_document
from tools.servers import records


def pdf(*pages: str, flate: bytes = b"") -> bytes:
    """A PDF with a line of text a page; or with a stream that inflates, for its only page."""
    streams = [f"BT /F 12 Tf 72 700 Td ({text}) Tj ET".encode() for text in pages] or [flate]
    kids = " ".join(f"{3 + 2 * n} 0 R" for n in range(len(streams)))
    out = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    out += f"2 0 obj<</Type/Pages/Count {len(streams)}/Kids[{kids}]>>endobj\n".encode()
    for n, stream in enumerate(streams):
        font = "<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"
        how = "/Filter/FlateDecode" if flate else ""
        out += (
            f"{3 + 2 * n} 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]"
            f"/Resources<</Font{font}>>/Contents {4 + 2 * n} 0 R>>endobj\n"
            f"{4 + 2 * n} 0 obj<</Length {len(stream)}{how}>>stream\n"
        ).encode()
        out += stream + b"\nendstream endobj\n"
    return out + b"trailer<</Root 1 0 R>>\n%%EOF"


@pytest.fixture
def lay(tmp_path: Path):
    def lay(name: str, contents: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
        return path

    return lay


def image_of(rgb: np.ndarray, kind: str, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, kind, **options)
    return file.getvalue()


LETTER = "This letter confirms that the patient was seen today"


def test_a_pdf_is_read_page_by_page_from_its_text_layer(lay):
    said = read_document(lay("a.bin", pdf(LETTER, "Summary: an itching rash on both hands")))
    assert said["kind"] == "PDF" and said["pages"] == 2
    assert said["text"].startswith(f"[page 1 of 2]\n{LETTER}")
    assert "[page 2 of 2]\nSummary: an itching rash" in said["text"]


def test_a_long_pdf_is_read_in_parts(lay, monkeypatch):
    monkeypatch.setattr(document_pages, "CHARACTERS", 60)
    path = lay("a.pdf", pdf(*[f"{LETTER} on page {n}" for n in range(1, 6)]))
    said = told(*read_pages(path))
    assert said["note"] == "Read up to page 1. For more, read again from first_page 2."
    assert "page 1 of 5" in said["text"] and "page 2" not in said["text"]
    assert told(*read_pages(path, 5))["text"].startswith("[page 5 of 5]")
    with pytest.raises(Unreadable, match="has 5 pages; there is no page 6"):
        read_pages(path, 6)


@pytest.mark.slow
def test_a_scan_and_a_photo_are_read_from_their_pictures(lay):
    pytest.importorskip("rapidocr")
    rgb = written("Torque 12 newton metres")
    scan = read_document(lay("scan.pdf", image_of(rgb, "PDF")))
    assert scan["text"].split("\n") == [
        "[page 1 of 1, read from its picture]",
        "Torque 12 newton metres",
    ]
    photo = read_document(lay("photo", image_of(rgb, "PNG")))
    assert photo["kind"] == "picture" and "Torque 12 newton metres" in photo["text"]


def test_lines_of_a_scan_have_their_places_on_the_page(lay, monkeypatch):
    found = line("Torque", 30, 12)
    monkeypatch.setattr(ocr, "available", lambda: True)
    screen = ocr.ScreenText((found,), 0, np.zeros((1, 1), np.uint8))
    monkeypatch.setattr(ocr, "read_screen", lambda rgb: screen)
    path = lay("a.png", image_of(np.zeros((60, 300, 3), np.uint8), "PNG"))
    _, (page,) = read_pages(path)
    assert page.number == 1 and page.lines == (("Torque", (0.1, 0.2, 0.3, 32 / 60)),)


def test_without_the_recogniser_a_picture_is_refused_with_its_cure(lay, monkeypatch):
    monkeypatch.setattr(ocr, "available", lambda: False)
    rgb = np.zeros((40, 40, 3), np.uint8)
    for contents in (image_of(rgb, "PNG"), image_of(rgb, "PDF")):
        with pytest.raises(Unreadable, match="PDF that holds text"):
            read_pages(lay("a", contents))


def test_a_table_becomes_rows_with_typed_values_under_its_head(lay):
    said = read_document(
        lay(
            "t.csv",
            "name;dose mg;weight;code;daily\nMaria Alvarez;10;70.5;007;true\nWei;;8;12;false",
        )
    )
    assert said["kind"] == "table"
    assert said["rows"][0] == {
        "name": "Maria Alvarez", "dose mg": 10, "weight": 70.5, "code": "007", "daily": True,
    }  # fmt: skip
    assert said["rows"][1]["dose mg"] is None
    redacted = PHIFirewall().redact_data(said)
    assert redacted["rows"][0]["name"] == "[NAME_1]" and redacted["rows"][0]["dose mg"] == 10


def test_a_long_table_is_cut_at_a_row_and_says_so(lay):
    rows = "\n".join(f"{n},{'x' * 50}" for n in range(2000))
    said = read_document(lay("t.csv", f"n,what\n{rows}"))
    assert 100 < len(said["rows"]) < 500
    assert said["note"] == f"The first {len(said['rows'])} of 2000 rows."


def test_records_stay_records_and_damaged_ones_are_text(lay):
    assert read_document(lay("r.json", '[{"a": 1}, 2]'))["rows"] == [{"a": 1}, {"value": 2}]
    assert read_document(lay("r.json", '{"a": 1'))["text"] == '{"a": 1'
    deep = "[" * 100_000
    assert read_document(lay("r.json", deep))["kind"] == "text"


def test_text_is_text_and_a_long_one_is_cut(lay):
    assert read_document(lay("a.txt", "\ufeffhello"))["text"] == "hello"
    said = read_document(lay("a.md", "word " * 10_000))
    assert len(said["text"]) == documents.CHARACTERS and "of 50000 characters" in said["note"]


@pytest.mark.parametrize(
    ("contents", "cure"),
    [
        (b"PK\x03\x04 a zip bomb, or a Word document", "Ask for PDF, PNG"),
        (b"\xff\xd8\xff no more of the photo", "take it again"),
        (b"%PDF-1.4 and then nothing", "save it anew"),
        (b"\0" * 100, "Ask for PDF, PNG"),
    ],
)
def test_what_cannot_be_read_says_what_to_ask_for(lay, contents, cure):
    with pytest.raises(DocumentError, match=cure):
        read_document(lay("a.csv", contents))


def test_a_document_that_takes_too_long_is_given_up(lay, monkeypatch):
    monkeypatch.setattr(documents, "KILL_SECS", 0.01)
    with pytest.raises(DocumentError, match="takes too long"):
        read_document(lay("a.pdf", pdf(LETTER)))


def test_a_file_that_is_too_large_is_not_opened(lay, monkeypatch):
    monkeypatch.setattr(documents, "LARGEST", 10)
    with pytest.raises(DocumentError, match="Ask for the pages that matter"):
        read_document(lay("a.txt", "x" * 11))


def test_a_picture_of_far_too_many_pixels_is_not_opened(lay):
    if not ocr.available():
        pytest.skip("pictures are not read at all")
    bomb = image_of(np.zeros((8000, 8000), np.uint8), "PNG")
    with pytest.raises(DocumentError, match="half the size"):
        read_document(lay("a.png", bomb))


def test_a_page_that_inflates_without_end_costs_its_own_process_only(lay):
    deflater = zlib.compressobj(9)
    bomb = b"".join(deflater.compress(b"q " * 2**20) for _ in range(100)) + deflater.flush()
    assert len(bomb) < documents.LARGEST
    try:
        said = read_document(lay("a.pdf", pdf(flate=bomb)))
    except DocumentError as error:
        assert "Ask" in str(error)
    else:
        assert said["text"] == "[page 1 of 1]\n(empty)"


async def test_the_tool_reads_the_newest_document_of_the_call(lay, tmp_path):
    assert (await records.read_document(str(tmp_path)))["found"] is False
    lay("letter.pdf", pdf(LETTER))
    said = await records.read_document(str(tmp_path))
    assert said["found"] and said["title"] == "letter" and LETTER in said["text"]
    assert json.loads(json.dumps(said)) == said
    (tmp_path / "letter.pdf").write_bytes(b"PK\x03\x04")
    with pytest.raises(ToolError, match="Ask for PDF"):
        await records.read_document(str(tmp_path))

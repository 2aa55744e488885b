"""Documents a caller hands over: ``POST /sessions/{id}/files``."""

from pathlib import PurePath

from fastapi import APIRouter, HTTPException, Request
from starlette.datastructures import UploadFile

from serving.limits import FORM_ALLOWANCE
from serving.switchboard import Switchboard
from serving.tokens import Doorkeeper

SIGNATURES = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
}
TEXTS = {
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".json": "application/json",
}
ALLOWED = "PDF, PNG, JPEG, WebP, or text (.txt, .md, .csv, .json)"
MOST_FILES = 10


def media_type(name: str, contents: bytes) -> str:
    """What a file is, judged by its contents and not by what it says of itself.

    Raises:
        HTTPException: 415 when it is nothing a bot can read.
    """
    for signature, kind in SIGNATURES.items():
        if contents.startswith(signature):
            return kind
    if contents[:4] == b"RIFF" and contents[8:12] == b"WEBP":
        return "image/webp"
    if kind := TEXTS.get(PurePath(name).suffix.lower()):
        try:
            if "\0" not in contents.decode():
                return kind
        except UnicodeDecodeError:
            pass
    raise HTTPException(
        415, f"This kind of file cannot be read. Send {ALLOWED}; save other documents as PDF first."
    )


def upload_router(switchboard: Switchboard, *, keeper: Doorkeeper, limit: int) -> APIRouter:
    """The upload route, for files of at most `limit` bytes, of who belongs to the session."""
    router = APIRouter()
    too_large = HTTPException(
        413,
        f"The file is over {limit // 2**20} MB. Send a smaller one, or only the pages that matter.",
    )

    @router.post("/sessions/{session_id}/files")
    async def upload(session_id: str, request: Request):
        call = switchboard.find(session_id)
        keeper.belongs(request, session_id)
        length = request.headers.get("content-length", "")
        if not length.isdecimal():
            raise HTTPException(411, "Send the file with its Content-Length.")
        if int(length) > limit + FORM_ALLOWANCE:
            raise too_large
        if len(call.uploads) >= MOST_FILES:
            raise HTTPException(429, f"A call takes {MOST_FILES} documents. Send the rest later.")
        async with request.form(max_files=1, max_fields=1) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise HTTPException(400, 'Send one file as multipart form field "file".')
            contents, name = await file.read(), PurePath(file.filename or "document").name
        if len(contents) > limit:
            raise too_large
        kind = media_type(name, contents)
        url = await switchboard.storage.save(name, contents)
        call.uploads.append(url)
        return {"name": name, "source": {"type": "url", "url": url}, "format": kind}

    return router

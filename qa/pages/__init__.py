"""The QA pages: the tapes there are, one played back, replayed, and compared; and a live report."""

import asyncio
import secrets
from dataclasses import asdict
from pathlib import Path

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from qa.pages.replays import Replays
from qa.pages.report import EVERY_SECS, Report, Running
from qa.pages.shelf import Shelf
from qa.report import notes_of
from qa.report_page import page_of
from sessions.tape import TapeError

ASSETS = Path(__file__).parent / "assets"
COOKIE = "vivace-qa"

ALONE = "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; " + "; ".join(
    f"{kind} data:" for kind in ("img-src", "media-src")
)
"""A diff page carries its own script and everything it shows: it may reach nothing else."""

STILL = "default-src 'none'; style-src 'unsafe-inline'"
"""The report has nothing but text, styles and drawings."""


async def nobody() -> list:
    """Nobody is on the line."""
    return []


def qa_router(*, tapes: Path, key: str, running: Running = nobody) -> APIRouter:
    """The routes below ``/qa``. They show what callers said: mount them for the team only.

    Args:
        tapes: Folder of the tapes. Sealed ones are opened with the keys that the command line
            uses: ``VIVACE_TAPE_KEY``, or the rehearsal's beside them.
        key: Whoever opens ``/qa?key=...`` with it is let in, and stays so until the browser closes:
            other users of this machine reach a loopback port too.
        running: Tells the books of the sessions on the line, for the live report.
    """
    shelf = Shelf(tapes)
    report = Report(shelf, running)
    replays = Replays()

    def let_in(request: Request) -> None:
        if not secrets.compare_digest(request.cookies.get(COOKIE, ""), key):
            raise HTTPException(
                403, "Open the QA page with the address that the runner printed: it holds the key."
            )

    def tape_of(name: str) -> Path:
        try:
            return shelf.path(name)
        except FileNotFoundError as error:
            raise HTTPException(404, str(error))

    outside, router = APIRouter(), APIRouter(prefix="/qa", dependencies=[Depends(let_in)])

    @outside.get("/qa", include_in_schema=False)
    async def page(request: Request):
        if given := request.query_params.get("key"):
            if not secrets.compare_digest(given, key):
                raise HTTPException(403, "This key is not the one that the runner printed.")
            answer = RedirectResponse("/qa", 303)
            answer.set_cookie(COOKIE, key, path="/qa", httponly=True, samesite="strict")
            return answer
        let_in(request)
        return FileResponse(ASSETS / "index.html")

    @router.get("/assets/{name}", include_in_schema=False)
    async def asset(name: str):
        if name not in {file.name for file in ASSETS.iterdir()}:
            raise HTTPException(404, "There is no such file.")
        return FileResponse(ASSETS / name)

    @router.get("/report", include_in_schema=False)
    async def live_report():
        calls = await asyncio.to_thread(report.calls, await report.running())
        page = page_of(calls, notes_of(calls), every_secs=EVERY_SECS)
        return HTMLResponse(page, headers={"Content-Security-Policy": STILL})

    @router.get("/report.json")
    async def live_figures():
        calls = await asyncio.to_thread(report.calls, await report.running())
        return [asdict(call) for call in calls]

    @router.get("/tapes")
    async def tapes_there_are():
        return await asyncio.to_thread(shelf.list)

    @router.get("/tapes/{name}")
    async def tape(name: str):
        try:
            return await asyncio.to_thread(shelf.call, tape_of(name))
        except TapeError as error:
            raise HTTPException(422, str(error))

    @router.get("/tapes/{name}/sound")
    async def sound(name: str):
        try:
            return Response(
                await asyncio.to_thread(shelf.sound, tape_of(name)), media_type="audio/wav"
            )
        except TapeError as error:
            raise HTTPException(422, str(error))

    @router.post("/tapes/{name}/replay")
    async def replay(name: str):
        try:
            return replays.start(tape_of(name))
        except RuntimeError as error:
            raise HTTPException(409, str(error))

    @router.get("/tapes/{name}/replay")
    async def progress(name: str):
        return replays.state(tape_of(name).name)

    @router.get("/tapes/{name}/diff")
    async def diff(name: str):
        page = replays.page(tape_of(name).name)
        if not page.exists():
            raise HTTPException(404, "Replay the tape first: the diff is of the two.")
        policy = ALONE + "; script-src 'unsafe-inline'"
        return HTMLResponse(page.read_text(), headers={"Content-Security-Policy": policy})

    outside.include_router(router)
    return outside

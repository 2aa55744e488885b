"""What callers of a bot that cannot be served are told: the mistake, until it is put right."""

from html import escape
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from pipecat.runner.types import RunnerArguments
from pipecat.utils.file_storage import LocalFileStorage

from serving.app import WEB
from serving.handover import Predecessors
from serving.shield import Shield
from serving.switchboard import Switchboard

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="1">
<title>A mistake to put right</title>
<link rel="stylesheet" href="/web/style.css">
<main>
<h1>A mistake to put right</h1>
<p>{where}</p>
<p role="alert">{what}</p>
<pre>{code}</pre>
<p>Save the file and this page goes on by itself. Calls that run go on with the code they began
with.</p>
</main>
"""


def mistake_app(*, what: str, where: str = "", code: str = "", uploads: Path) -> FastAPI:
    """An app that says what is wrong, in place of the one that cannot be.

    Args:
        what: The mistake, in words.
        where: File and line.
        code: The line itself.
        uploads: Folder of documents; none come.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    switchboard = Switchboard(_nobody, storage=LocalFileStorage(str(uploads)))
    app.state.switchboard, app.state.port, app.state.catalogue = switchboard, 0, list
    app.add_middleware(Predecessors, switchboard=switchboard, port=lambda: app.state.port)
    app.add_middleware(Shield)
    app.mount("/web", StaticFiles(directory=WEB))

    @app.api_route("/{path:path}", methods=["GET", "POST", "PATCH"])
    async def tell(request: Request, path: str):
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            page = PAGE.format(where=escape(where), what=escape(what), code=escape(code))
            return HTMLResponse(page, 503)
        # What is asked of a session may be another server's to answer: see `Predecessors`.
        status = 404 if path.startswith(("sessions/", "api/offer")) else 503
        return JSONResponse({"detail": f"{where} {what}".strip()}, status)

    return app


async def _nobody(_args: RunnerArguments) -> None:
    raise RuntimeError("Nobody answers while there is a mistake to put right.")

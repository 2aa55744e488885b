"""A new server takes the port of an old one, whose calls go on to their end.

The listening socket itself goes over, so no caller finds the port closed. The old server then
takes nobody more in and leaves when its last call has ended. What its callers still send (offers,
restarts, ICE candidates, documents) reaches the new server, which asks the old one before it says
that there is no such session; a session that has no caller yet comes over.

The servers of a port meet in a folder that only their user can enter.
"""

import asyncio
import contextlib
import json
import os
import re
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from fastapi import HTTPException
from loguru import logger
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.switchboard import Switchboard

GO = b"G"
ASKED_ELSEWHERE = re.compile(r"/sessions/[^/]+/.+|/api/offer")
HOP_HEADERS = {"connection", "content-length", "transfer-encoding", "date", "server"}


class HandoverError(RuntimeError):
    """The port cannot be taken over; the message says why."""


def meeting_place(port: int) -> Path:
    """The folder where the servers of a port meet.

    Raises:
        HandoverError: Somebody else made it.
    """
    folder = Path(tempfile.gettempdir()) / f".vivace-{os.getuid()}-{port}"
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise HandoverError(f"{folder} is not ours alone. Remove it, then start again.")
    return folder


def inherit(port: int) -> tuple[socket.socket, socket.socket]:
    """Ask the server on this port for its listening socket; it goes on serving until told to go.

    Returns:
        The listening socket, and the line on which :data:`GO` tells the old server to go.

    Raises:
        HandoverError: No server of ours is there.
    """
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(5)
    try:
        line.connect(str(meeting_place(port) / "listener"))
        _, descriptors, _, _ = socket.recv_fds(line, 1, 1)
    except OSError as error:
        line.close()
        raise HandoverError(
            f"No server of yours on port {port} to take over from ({error}). Start without "
            "--take-over."
        ) from None
    os.set_inheritable(descriptors[0], False)  # a program that a call starts would keep the port
    return socket.socket(fileno=descriptors[0]), line


@contextlib.asynccontextmanager
async def succession(
    app: ASGIApp, listener: socket.socket, *, switchboard: Switchboard, on_go: Callable[[], None]
) -> AsyncIterator[None]:
    """Be found by a successor while the block runs.

    Args:
        app: What answers when the successor asks.
        listener: The listening socket.
        switchboard: The sessions.
        on_go: Called when the successor has taken over.
    """
    folder = meeting_place(listener.getsockname()[1])
    back = _Back(uvicorn.Config(
        _BackDoor(app, switchboard), uds=str(folder / f"{os.getpid()}.sock"),
        log_config=None, access_log=False, lifespan="off",
    ))  # fmt: skip
    serving = asyncio.create_task(back.serve(), name="back door")
    heir = socket.socket(socket.AF_UNIX)
    heir.setblocking(False)
    newborn = folder / f"{os.getpid()}.listener"
    newborn.unlink(missing_ok=True)
    heir.bind(str(newborn))
    heir.listen()
    mine = newborn.rename(folder / "listener").stat().st_ino
    waiting = asyncio.create_task(_await_heirs(heir, listener, on_go), name="succession")
    try:
        yield
    finally:
        waiting.cancel()
        heir.close()
        with contextlib.suppress(OSError):
            if (folder / "listener").stat().st_ino == mine:
                (folder / "listener").unlink()
        back.should_exit = True
        await serving
        (folder / f"{os.getpid()}.sock").unlink(missing_ok=True)


class Predecessors:
    """Asks the servers that are on their way out before a caller hears that a session is gone.

    Args:
        app: What it stands in front of.
        switchboard: The sessions that are here.
        port: Tells the port once it is known; 0 before.
    """

    def __init__(self, app: ASGIApp, *, switchboard: Switchboard, port: Callable[[], int]):
        self._app = app
        self._switchboard = switchboard
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope.get("asked"):
            pass  # by a server that could not say itself
        elif scope["type"] == "websocket":
            session = HTTPConnection(scope).query_params.get("session")
            if session and not self._switchboard.get(session):
                await self._fetch(session)
        elif scope["type"] == "http" and ASKED_ELSEWHERE.fullmatch(scope["path"]):
            if doors := self._doors():
                return await self._ask_around(doors, scope, receive, send)
        await self._app(scope, receive, send)

    def _doors(self) -> list[Path]:
        own = f"{os.getpid()}.sock"
        if not self._port():
            return []
        return [p for p in meeting_place(self._port()).glob("*.sock") if p.name != own]

    async def _fetch(self, session: str) -> None:
        """Have a session without a caller come over."""
        for door in self._doors():
            found = await _request(door, "POST", f"/claim/{session}")
            if found and found[0] == 200:
                with contextlib.suppress(HTTPException):
                    self._switchboard.admit(json.loads(found[1]), session_id=session)
                return

    async def _ask_around(
        self, doors: list[Path], scope: Scope, receive: Receive, send: Send
    ) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False) and message["type"] == "http.request"
        asked, kept = [{"type": "http.request", "body": body}], []

        async def again() -> Message:
            return asked.pop() if asked else await receive()

        async def keep(message: Message) -> None:
            kept.append(message)

        await self._app(scope, again, keep)
        if kept and kept[0]["status"] == 404:
            headers = {k.decode(): v.decode() for k, v in scope["headers"]}
            path = scope["path"]
            for door in doors:
                found = await _request(door, scope["method"], path, headers=headers, data=body)
                if found and found[0] != 404:
                    status, answer, got = found
                    return await Response(answer, status, got)(scope, receive, send)
        for message in kept:
            await send(message)


async def _request(
    door: Path, method: str, path: str, **content: Any
) -> tuple[int, bytes, dict[str, str]] | None:
    try:
        connector = aiohttp.UnixConnector(str(door))
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
            async with http.request(method, f"http://localhost{path}", **content) as answer:
                got = {k: v for k, v in answer.headers.items() if k.lower() not in HOP_HEADERS}
                return answer.status, await answer.read(), got
    except (aiohttp.ClientError, TimeoutError):
        if not _listens(door):
            door.unlink(missing_ok=True)  # of a server that was killed
        return None


def _listens(door: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(door)) == 0


async def _await_heirs(
    heir: socket.socket, listener: socket.socket, on_go: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()
    while True:
        line, _ = await loop.sock_accept(heir)
        with line:
            try:
                socket.send_fds(line, [b"L"], [listener.fileno()])
                # It says nothing when it could not start after all.
                if await loop.sock_recv(line, 1) == GO:
                    logger.info("A new server has taken over the port")
                    on_go()
            except OSError:
                continue


class _BackDoor:
    """Answers a successor: it claims a session, or hands on what a caller asks."""

    def __init__(self, app: ASGIApp, switchboard: Switchboard):
        self._app = app
        self._switchboard = switchboard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith("/claim/"):
            return await self._app({**scope, "asked": True}, receive, send)
        call = self._switchboard.get(scope["path"].removeprefix("/claim/"))
        if not call or call.arrival.done():
            return await JSONResponse(None, 404)(scope, receive, send)
        self._switchboard.drop(call)
        await JSONResponse(call.body)(scope, receive, send)


class _Back(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self):
        yield

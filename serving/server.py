"""Serves the app on a port, and leaves cleanly."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, contextmanager
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL

import uvicorn
from fastapi import FastAPI


class PortError(RuntimeError):
    """The server cannot listen where it was told to."""


class _Server(uvicorn.Server):
    """uvicorn, ending the sessions before it waits for their connections."""

    def __init__(self, app: FastAPI):
        super().__init__(
            uvicorn.Config(
                app, log_config=None, access_log=False, timeout_graceful_shutdown=1, lifespan="on"
            )
        )
        self.listening = asyncio.Event()
        self._left_behind = 0
        self._switchboard = app.state.switchboard

    async def run_until_left(self, sock: socket.socket) -> int:
        """Serve; returns how many sessions would not end."""
        await self.serve(sockets=[sock])
        return self._left_behind

    @contextmanager
    def capture_signals(self):
        """Leave on Ctrl-C and SIGTERM without raising them again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop, signals = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._left_behind = await self._switchboard.close()
        await super().shutdown(sockets=sockets)


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise PortError(f"There is no address {host!r} to listen on ({error}). Use 127.0.0.1.")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address)
    except OSError as error:
        sock.close()
        cures = {
            EADDRINUSE: f"Port {port} on {host} is taken. Stop what listens there, or choose "
            "another with --port (0 takes a free one).",
            EACCES: f"Port {port} needs privileges. Choose one above 1023 with --port.",
            EADDRNOTAVAIL: f"This machine has no address {host}. Use --host 127.0.0.1.",
        }
        raise PortError(cures.get(error.errno or 0, f"Cannot listen on {host}:{port}: {error}."))
    return sock


@asynccontextmanager
async def listening(
    app: FastAPI, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[tuple[str, asyncio.Task[int]]]:
    """Serve while the block runs.

    Args:
        app: What `serving.app.create_app` made.
        host: Address to listen on: this machine only, unless told otherwise.
        port: Port to listen on; 0 takes a free one.

    Yields:
        The URL, and the task that serves: done after Ctrl-C, with the number of sessions that
        would not end.

    Raises:
        PortError: The port is taken or not ours to take.
    """
    sock = _bind(host, port)
    server = _Server(app)
    task = asyncio.create_task(server.run_until_left(sock), name="server")
    ready = asyncio.create_task(server.listening.wait())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        where = f"[{host}]" if ":" in host else host
        yield f"http://{where}:{sock.getsockname()[1]}", task
    finally:
        ready.cancel()
        server.should_exit = True
        await task
        sock.close()


async def serve(
    app: FastAPI,
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    announce: Callable[[str], None] = print,
) -> None:
    """Serve until Ctrl-C or SIGTERM; running sessions are ended and gone within five seconds.

    Args:
        app: What `serving.app.create_app` made.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        announce: Told the URL once callers can reach it.

    Raises:
        PortError: The port is taken or not ours to take.
    """
    async with listening(app, host=host, port=port) as (url, left):
        announce(url)
        left_behind = await left
    if left_behind:
        # A task that swallows its cancellation would keep the event loop from ever closing.
        os._exit(1)

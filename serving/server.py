"""Serves the app on a port, and leaves cleanly."""

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL

import uvicorn
from fastapi import FastAPI

from serving.handover import GO, inherit, succession
from serving.limits import PunctualProtocol
from serving.rooms import LIFETIME_SECS as LONGEST_SECS

LAST_REQUEST_SECS = 2.0


class PortError(RuntimeError):
    """The server cannot listen where it was told to, or cannot start."""


class _Server(uvicorn.Server):
    """uvicorn, ending the sessions before it waits for their connections.

    SIGTERM lets the sessions end by themselves first; Ctrl-C, or a second signal, does not.
    """

    def __init__(self, app: FastAPI, *, drain_secs: float):
        super().__init__(
            uvicorn.Config(
                app,
                http=PunctualProtocol,
                log_config=None,
                log_level="warning",  # below it, URLs are logged, and tokens may stand in them
                access_log=False,
                timeout_graceful_shutdown=1,
                lifespan="on",
            )
        )
        self.listening = asyncio.Event()
        self._left_behind = 0
        self._drain_secs = drain_secs
        self._draining: asyncio.Task | None = None
        self._giving_way: asyncio.Task | None = None
        self._switchboard = app.state.switchboard

    async def run_until_left(self, sock: socket.socket) -> int:
        """Serve; returns how many sessions would not end."""
        await self.serve(sockets=[sock])
        return self._left_behind

    def handle_exit(self, sig: int, frame) -> None:
        """Leave: at once, or when the sessions have ended."""
        if sig == signal.SIGTERM and self._drain_secs and not self._draining:
            self.drain()
        else:
            super().handle_exit(sig, frame)

    def drain(self, *, within: float | None = None) -> None:
        """Take nobody more in, and leave when the sessions have ended or the time is up."""
        secs = self._drain_secs if within is None else within
        self._draining = self._draining or asyncio.create_task(self._drain(secs), name="drain")

    def give_way(self) -> None:
        """Leave the port to a successor, and go when the last call has ended."""
        for server in self.servers:
            server.close()
        self._giving_way = asyncio.create_task(self._give_way(), name="give way")

    async def _give_way(self) -> None:
        # Who has connected and not asked yet asks here, once: a closed door would lose the request.
        until = asyncio.get_running_loop().time() + LAST_REQUEST_SECS
        while True:
            await asyncio.sleep(0.05)
            late = asyncio.get_running_loop().time() > until
            waiting = [
                connection
                for connection in self.server_state.connections
                if isinstance(connection, PunctualProtocol)
            ]
            for connection in waiting:
                if connection.cycle is None and not late:
                    connection.timeout_keep_alive = 0  # answered, and then closed
                else:
                    connection.shutdown()  # a client that keeps it open would ask here again
            if late or all(connection.cycle for connection in waiting):
                break
        self.drain(within=LONGEST_SECS)

    async def _drain(self, secs: float) -> None:
        await self._switchboard.drain(within=secs)
        self.should_exit = True

    @contextlib.contextmanager
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
        try:
            await super().startup(sockets=sockets)
        except SystemExit:  # uvicorn has logged why
            raise PortError("The server did not start. The reason is in the log above.") from None
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


@contextlib.asynccontextmanager
async def listening(
    app: FastAPI,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    drain_secs: float = 0.0,
    take_over: bool = False,
    succeeded: bool = False,
) -> AsyncIterator[tuple[str, asyncio.Task[int]]]:
    """Serve while the block runs.

    Args:
        app: What `serving.app.create_app` made.
        host: Address to listen on: this machine only, unless told otherwise.
        port: Port to listen on; 0 takes a free one.
        drain_secs: How long running sessions may go on after SIGTERM.
        take_over: Take the port from the server that has it; see `serving.handover`.
        succeeded: Let another server take the port from this one.

    Yields:
        The URL, and the task that serves: done after Ctrl-C, with the number of sessions that
        would not end.

    Raises:
        PortError: The port is taken or not ours to take, or the engine does not start.
        HandoverError: There is no server to take the port from.
    """
    sock, old = inherit(port) if take_over else (_bind(host, port), None)
    server = _Server(app, drain_secs=drain_secs)
    task = asyncio.create_task(server.run_until_left(sock), name="server")
    ready = asyncio.create_task(server.listening.wait())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if task.done() and task.exception():
            await task
        where = f"[{host}]" if ":" in host else host
        bound = sock.getsockname()[1]
        async with contextlib.AsyncExitStack() as stack:
            if succeeded:
                app.state.port, switchboard = bound, app.state.switchboard
                await stack.enter_async_context(
                    succession(app, sock, switchboard=switchboard, on_go=server.give_way)
                )
            if old:
                old.sendall(GO)
                old.close()
            yield f"http://{where}:{bound}", task
    finally:
        ready.cancel()
        server.should_exit = True
        try:
            await task
        finally:
            sock.close()


async def serve(
    app: FastAPI,
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    drain_secs: float = 0.0,
    take_over: bool = False,
    announce: Callable[[str], None] = print,
) -> None:
    """Serve until Ctrl-C or SIGTERM; running sessions are ended and gone within five seconds.

    With `drain_secs`, SIGTERM first lets them end by themselves.

    Args:
        app: What `serving.app.create_app` made.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        drain_secs: How long running sessions may go on after SIGTERM.
        take_over: Take the port from the server that has it, which goes when its calls have.
        announce: Told the URL once callers can reach it.

    Raises:
        PortError: The port is taken or not ours to take, or the engine does not start.
        HandoverError: There is no server to take the port from.
    """
    server = listening(
        app,
        host=host,
        port=port,
        drain_secs=drain_secs,
        take_over=take_over,
        succeeded=hasattr(socket, "send_fds"),
    )
    async with server as (url, left):
        announce(url)
        left_behind = await left
    if left_behind:
        # A task that swallows its cancellation would keep the event loop from ever closing.
        os._exit(1)

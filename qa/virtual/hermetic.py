"""No way out: in a replay a real socket or child process is an error that names its address.

The loop meets its network in memory (:mod:`qa.virtual.memnet`); what goes around the loop, such
as a blocking client in a thread, is stopped by an audit hook.
"""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from qa.virtual.memnet import MemoryNetwork
from qa.virtual.process import MemoryProcess


class ReplayNetworkError(RuntimeError):
    """The code under replay reached for something outside that no tape answers for.

    No OSError: client libraries would take it for a network that is down.
    """


refused: list[str] = []
"""What was refused since the world was closed; the code under replay may swallow the error."""

_sealed = 0
_open = threading.local()
_hook_installed = False
_FORBIDDEN = {"socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen"}


@contextmanager
def no_way_out() -> Iterator[None]:
    """Refuse real sockets and child processes of this process for the block."""
    global _sealed, _hook_installed
    if not _hook_installed:
        sys.addaudithook(_audit)
        _hook_installed = True
    refused.clear()
    _sealed += 1
    try:
        yield
    finally:
        _sealed -= 1


@contextmanager
def way_out() -> Iterator[None]:
    """Let this thread out for the block: a stage that a replay runs live."""
    _open.depth = getattr(_open, "depth", 0) + 1
    try:
        yield
    finally:
        _open.depth -= 1


def _audit(event: str, args: tuple) -> None:
    if _sealed and event in _FORBIDDEN and not getattr(_open, "depth", 0):
        raise refusal(event, args[1] if event == "socket.connect" else args)


def refusal(what: str, address: Any) -> ReplayNetworkError:
    """Note an attempt to get out; the error to raise."""
    refused.append(f"{what} to {address}")
    return ReplayNetworkError(
        f"the code under replay tried {what} to {address}, and the tape knows no such address. "
        "It was not reached when the tape was recorded; record the call again, or run that "
        "stage live."
    )


class HermeticLoop(asyncio.SelectorEventLoop):
    """An event loop whose connections, servers and child processes live in memory."""

    def __init__(self, selector: Any = None):
        """Start with an empty :attr:`network`."""
        super().__init__(selector)
        self.network = MemoryNetwork(self)

    async def create_connection(self, protocol_factory, host=None, port=None, **options):
        """Connect in memory; ``ssl`` is ignored, TLS is not spoken.

        Raises:
            ReplayNetworkError: Nobody listens there.
        """
        sock = options.get("sock")
        if sock is not None and sock in self.network.sockets:
            host, port = self.network.sockets.pop(sock)
            sock.close()
        connected = self.network.connect(protocol_factory, host, port)
        if connected is None:
            raise refusal("a connection", f"{host}:{port}")
        return connected

    async def create_server(self, protocol_factory, host=None, port=None, **options):
        """Listen in memory."""
        if host is None:
            raise refusal("a server", options.get("sock"))
        return self.network.serve(protocol_factory, str(host), int(port or 0))

    async def getaddrinfo(self, host, port, **options):
        """Resolve a name that somebody listens at in memory."""
        if not self.network.listens(host, port):
            raise refusal("a look-up", f"{_text(host)}:{port}")
        address = (self.network.address(_text(host)), port)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)]

    async def sock_connect(self, sock, address: Any):
        """Aim a socket, as aiohttp does before it asks for the connection."""
        if not self.network.listens(*address[:2]):
            raise refusal("a connection", f"{address[0]}:{address[1]}")
        self.network.sockets[sock] = address[:2]

    async def create_datagram_endpoint(self, *args, **options):
        """Refuse."""
        raise refusal("a datagram", options.get("remote_addr") or options.get("local_addr"))

    async def create_unix_connection(self, protocol_factory, path=None, **options):
        """Refuse."""
        raise refusal("a connection", path)

    async def _make_subprocess_transport(
        self, protocol, args, shell, stdin, stdout, stderr, bufsize, extra=None, **options
    ):
        """Start a program of the memory network; where asyncio's ways to start one meet.

        Raises:
            ReplayNetworkError: No such program is on the tape.
        """
        serve = None if shell else self.network.programs(list(args))
        if serve is None:
            raise refusal("a child process", args if shell else " ".join(map(str, args)))
        pipes = [stream == subprocess.PIPE for stream in (stdin, stdout, stderr)]
        return MemoryProcess.start(self, protocol, serve, pipes)


def _text(host: Any) -> str:
    return host.decode() if isinstance(host, bytes) else str(host)


__all__ = [
    "HermeticLoop",
    "ReplayNetworkError",
    "no_way_out",
    "way_out",
]

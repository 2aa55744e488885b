# pyright: reportAttributeAccessIssue=false
"""A network in memory: servers and clients of one event loop meet without sockets.

Ordinary servers (aiohttp, websockets) and the vendors' own client libraries run unchanged over
it, at the vendors' own addresses. TLS is not spoken: to the loop ``ssl=`` means nothing, and
:func:`plain_tls` keeps anyio, on which httpx stands, from speaking it above the loop.
"""

import asyncio
import functools
import itertools
import socket
from collections import deque
from collections.abc import Callable
from typing import Any


class MemoryNetwork:
    """Who listens where.

    Attributes:
        sockets: Sockets that were aimed at an address and not connected yet.
        programs: Finds the program for a command line (:mod:`qa.virtual.process`), or None.
        latency: Seconds each delivery of a host takes, one way.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop):
        """An empty network."""
        self.loop = loop
        self.sockets: dict[Any, tuple] = {}
        self.programs: Callable[[list], Callable | None] = lambda command: None
        self.latency: dict[str, float] = {}
        self._servers: dict[tuple[str, int], MemoryServer] = {}
        self._addresses: dict[str, str] = {}
        self._ports = itertools.count(40_000)
        plain_tls()

    def serve(self, factory: Callable, host: str, port: int) -> "MemoryServer":
        """Listen at a host name or address; port 0 takes a free one."""
        port = port or next(self._ports)
        self._servers[host, port] = MemoryServer(self, (host, port), factory)
        return self._servers[host, port]

    def close(self, key: tuple[str, int]) -> None:
        """Stop listening."""
        self._servers.pop(key, None)

    def listens(self, host: Any, port: Any) -> "MemoryServer | None":
        """Who listens at a host name or its made-up address."""
        name = host.decode() if isinstance(host, bytes) else host
        named = next((n for n, address in self._addresses.items() if address == name), name)
        return self._servers.get((named, port))

    def address(self, host: str) -> str:
        """The made-up address of a host."""
        return self._addresses.setdefault(host, f"10.99.0.{len(self._addresses) + 1}")

    def connect(self, factory: Callable, host: Any, port: Any):
        """Connect a client protocol; None when nobody listens."""
        server = self.listens(host, port)
        if server is None:
            return None
        client, accepted = factory(), server.factory()
        here, there = ("127.0.0.1", next(self._ports)), (self.address(server.key[0]), port)
        delay = self.latency.get(server.key[0], 0.0)
        one = MemoryTransport(self.loop, client, here, there, delay)
        two = MemoryTransport(self.loop, accepted, there, here, delay)
        one.peer, two.peer = two, one
        accepted.connection_made(two)
        client.connection_made(one)
        return one, client


class MemoryTransport(asyncio.Transport):
    """One end of a connection in memory."""

    peer: "MemoryTransport"

    def __init__(self, loop, protocol: Any, sockname, peername, delay: float):
        """See :meth:`MemoryNetwork.connect`."""
        fake = _Socket(sockname, peername)
        super().__init__({"socket": fake, "sockname": sockname, "peername": peername})
        self._loop = loop
        self._protocol: Any = protocol
        self._delay = delay
        self._inbox: deque[tuple[str, Any]] = deque()
        self._closing = self._lost = self._paused = self._ended = False

    def write(self, data) -> None:
        """Deliver bytes to the peer, in order, at a later step of the loop."""
        if data and not self._closing and not self._ended:
            self._post("data", bytes(data))

    def writelines(self, list_of_data) -> None:
        """Deliver several pieces as one."""
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        """Say that nothing more comes."""
        if not self._ended:
            self._ended = True
            self._post("eof", None)

    def can_write_eof(self) -> bool:
        """Always."""
        return True

    def get_write_buffer_size(self) -> int:
        """Nothing waits on this side."""
        return 0

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Of no consequence."""
        return 0, 65_536

    def set_write_buffer_limits(self, high=None, low=None) -> None:
        """Of no consequence."""

    def _post(self, kind: str, data: Any) -> None:
        if self._delay:
            self._loop.call_later(self._delay, self.peer._arrive, (kind, data))
        else:
            self._loop.call_soon(self.peer._arrive, (kind, data))

    def _arrive(self, item: tuple[str, Any]) -> None:
        self._inbox.append(item)
        if not self._paused:
            self._deliver()

    def _deliver(self) -> None:
        while self._inbox and not self._paused and not self._lost:
            kind, data = self._inbox.popleft()
            if kind == "data":
                self._feed(data)
            elif kind == "eof":
                if not self._protocol.eof_received():
                    self.close()
            else:
                self._finish()

    def _feed(self, data: bytes) -> None:
        if not isinstance(self._protocol, asyncio.BufferedProtocol):
            self._protocol.data_received(data)
            return
        while data:
            buffer: Any = self._protocol.get_buffer(len(data))
            count = min(len(buffer), len(data))
            buffer[:count] = data[:count]
            self._protocol.buffer_updated(count)
            data = data[count:]

    def pause_reading(self) -> None:
        """Keep what arrives."""
        self._paused = True

    def resume_reading(self) -> None:
        """Take what was kept."""
        if self._paused:
            self._paused = False
            self._loop.call_soon(self._deliver)

    def is_reading(self) -> bool:
        """Whether arriving bytes are passed on."""
        return not self._paused and not self._closing

    def is_closing(self) -> bool:
        """Whether this end is closed or closing."""
        return self._closing

    def close(self) -> None:
        """Close both ends."""
        if not self._closing:
            self._closing = True
            self._post("close", None)
            self._loop.call_soon(self._finish)

    def abort(self) -> None:
        """Close both ends."""
        self.close()

    def _finish(self) -> None:
        if not self._lost:
            self._lost = self._closing = True
            self._protocol.connection_lost(None)

    def set_protocol(self, protocol) -> None:
        """Hand this end to another protocol."""
        self._protocol = protocol

    def get_protocol(self):
        """Whose end this is."""
        return self._protocol


class MemoryServer(asyncio.AbstractServer):
    """A listening address."""

    def __init__(self, network: MemoryNetwork, key: tuple[str, int], factory: Callable):
        """See :meth:`MemoryNetwork.serve`."""
        self.key, self.factory = key, factory
        self._network = network
        self._closed = asyncio.Event()

    @property
    def sockets(self) -> list:
        """One stand-in that knows its name."""
        return [_Socket(self.key, ("", 0))]

    def close(self) -> None:
        """Stop listening."""
        self._network.close(self.key)
        self._closed.set()

    def get_loop(self):
        """The loop it serves."""
        return self._network.loop

    def is_serving(self) -> bool:
        """Whether it still listens."""
        return not self._closed.is_set()

    async def start_serving(self) -> None:
        """It does already."""

    async def serve_forever(self) -> None:
        """Wait for the end."""
        await self._closed.wait()

    async def wait_closed(self) -> None:
        """Nothing to wait for."""


class _Socket:
    """What protocols ask of a socket."""

    family = socket.AF_INET
    type = socket.SOCK_STREAM
    proto = 6

    def __init__(self, name, peer):
        self._name, self._peer = name, peer

    def setsockopt(self, *args) -> None:
        pass

    def getsockopt(self, *args) -> int:
        return 0

    def getsockname(self):
        return self._name

    def getpeername(self):
        return self._peer

    def fileno(self) -> int:
        return -1


@functools.cache
def plain_tls() -> None:
    """Leave anyio streams over memory transports plain; all others keep their TLS. Once."""
    from anyio.streams.tls import TLSStream

    wrap = TLSStream.wrap.__func__

    async def plain_wrap(cls, transport_stream, **options):
        if isinstance(getattr(transport_stream, "_transport", None), MemoryTransport):
            return transport_stream
        return await wrap(cls, transport_stream, **options)

    TLSStream.wrap = classmethod(plain_wrap)

"""Where the wire taps sit: the few libraries through which sessions reach the outside.

Each tap wraps one method of a library's class, once a process, and does nothing unless the
session in whose context the connection began has a :class:`~sessions.tape.wire.WireTap`. The
libraries cover the vendors: ``websockets`` (Pipecat's WebSocket services, also through its
``websocket_connect``; the Deepgram SDK through the legacy client), ``httpx`` and ``httpx2``
(OpenAI, Anthropic, MCP over HTTP), ``aiohttp`` (HTTP voices), child processes (MCP over stdio).
A library that is not installed has no tap.
"""

import asyncio
import functools
import importlib
import json
import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any
from weakref import WeakKeyDictionary

from sessions.tape.wire import WireConnection, current_tap

_WIRE = "_vivace_wire"


@functools.cache
def install() -> None:
    """Put the taps in place; the first call of a process does, later ones return at once."""
    for name, tap in (
        ("websockets.asyncio.client", _tap_websockets),
        ("websockets.legacy.client", _tap_legacy_websockets),
        ("httpx", _tap_httpx),
        ("httpx2", _tap_httpx),
        ("aiohttp", _tap_aiohttp),
    ):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                module = importlib.import_module(name)
        except ImportError:
            continue
        tap(module)
    _tap_processes()


def _wrap(owner: Any, name: str, make: Callable) -> None:
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(make(original)))


def _begin(url: str) -> WireConnection | None:
    tap = current_tap.get()
    return tap.connection(url) if tap else None


# -- WebSockets


def _tap_websockets(client: Any) -> None:
    from websockets.frames import Opcode

    connection_class = client.ClientConnection

    def handshake(original):
        async def tapped(self, *args, **kwargs):
            if wire := _begin(_uri(self.protocol.uri)):
                setattr(self, _WIRE, wire)
                wire.opened()
            try:
                return await original(self, *args, **kwargs)
            finally:
                if wire and self.response is not None:
                    response = self.response
                    headers = list(response.headers.raw_items())
                    wire.event("received", "head", status=response.status_code, headers=headers)
                    if response.status_code != 101 and response.body:
                        wire.body("received", bytes(response.body))

        return tapped

    def process_event(original):
        parts: WeakKeyDictionary[Any, list] = WeakKeyDictionary()

        def tapped(self, event):
            wire = getattr(self, _WIRE, None)
            opcode = getattr(event, "opcode", None)
            if wire and opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                message = parts.setdefault(self, [])
                message.append(event)
                if event.fin:
                    data = b"".join(bytes(frame.data) for frame in message)
                    wire.received(data.decode() if message[0].opcode is Opcode.TEXT else data)
                    message.clear()
            return original(self, event)

        return tapped

    _wrap(connection_class, "handshake", handshake)
    _wrap(connection_class, "process_event", process_event)
    _wrap(connection_class, "send", _tapped_send)
    _wrap(connection_class, "connection_lost", _tapped_lost)


def _tap_legacy_websockets(client: Any) -> None:
    protocol_class = client.WebSocketClientProtocol

    def handshake(original):
        async def tapped(self, wsuri, *args, **kwargs):
            if wire := _begin(_uri(wsuri)):
                setattr(self, _WIRE, wire)
                wire.opened()
            try:
                await original(self, wsuri, *args, **kwargs)
            except Exception as e:
                if wire:
                    wire.event("received", "head", status=getattr(e, "status_code", 0), headers=[])
                raise
            if wire:
                headers = list(self.response_headers.raw_items())
                wire.event("received", "head", status=101, headers=headers)

        return tapped

    def read_message(original):
        async def tapped(self):
            message = await original(self)
            wire = getattr(self, _WIRE, None)
            if wire and message is not None:
                wire.received(message)
            return message

        return tapped

    _wrap(protocol_class, "handshake", handshake)
    _wrap(protocol_class, "read_message", read_message)
    _wrap(protocol_class, "send", _tapped_send)
    _wrap(protocol_class, "connection_lost", _tapped_lost)


def _tapped_send(original):
    async def send(self, message, *args, **kwargs):
        wire = getattr(self, _WIRE, None)
        if wire and isinstance(message, str | bytes | bytearray | memoryview):
            wire.sent(message if isinstance(message, str) else bytes(message))
        return await original(self, message, *args, **kwargs)

    return send


def _tapped_lost(original):
    def connection_lost(self, exc):
        if wire := getattr(self, _WIRE, None):
            end = getattr(self, "protocol", self)
            close = end.close_rcvd if end.close_rcvd_then_sent else end.close_sent
            ours = end.close_sent is not None and not end.close_rcvd_then_sent
            wire.event(
                "sent" if ours else "received",
                "close",
                status=close.code if close else 1006,
                reason=close.reason if close else str(exc or ""),
            )
            delattr(self, _WIRE)
        return original(self, exc)

    return connection_lost


def _uri(uri: Any) -> str:
    scheme = "wss" if uri.secure else "ws"
    standard = uri.port == (443 if uri.secure else 80)
    host = uri.host if standard else f"{uri.host}:{uri.port}"
    return f"{scheme}://{host}{uri.resource_name}"


# -- HTTP


def _tap_httpx(module: Any) -> None:
    def handle(original):
        async def tapped(self, request):
            wire = _begin(str(request.url))
            if wire is None:
                return await original(self, request)
            wire.opened(
                "sent", "request", method=request.method, headers=list(request.headers.items())
            )
            content = await request.aread()
            if content:
                wire.body("sent", content)
            wire.event("sent", "end")
            try:
                response = await original(self, request)
            except Exception as e:
                wire.event("received", "error", reason=repr(e))
                raise
            headers = list(response.headers.items())
            wire.event("received", "head", status=response.status_code, headers=headers)
            response.stream = stream_class(response.stream, wire)
            return response

        return tapped

    class TapedStream(module.AsyncByteStream):
        def __init__(self, stream: Any, wire: WireConnection):
            self._stream = stream
            self._wire = wire
            self._ended = False

        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for chunk in self._stream:
                    self._wire.body("received", chunk)
                    yield chunk
            except Exception as e:
                self._ended = True
                self._wire.event("received", "error", reason=repr(e))
                raise
            self._ended = True
            self._wire.event("received", "end")

        async def aclose(self) -> None:
            if not self._ended:
                self._ended = True
                self._wire.event("sent", "close")
            await self._stream.aclose()

    stream_class = TapedStream
    _wrap(module.AsyncHTTPTransport, "handle_async_request", handle)


def _tap_aiohttp(module: Any) -> None:
    def request(original):
        async def tapped(self, method, url, **kwargs):
            wire = _begin(str(self._build_url(url)))
            if wire is None:
                return await original(self, method, url, **kwargs)
            wire.opened("sent", "request", method=method, headers=[])
            body = kwargs.get("data")
            if kwargs.get("json") is not None:
                body = json.dumps(kwargs["json"])
            if isinstance(body, str | bytes):
                wire.body("sent", body.encode() if isinstance(body, str) else body)
            wire.event("sent", "end")
            try:
                response = await original(self, method, url, **kwargs)
            except Exception as e:
                wire.event("received", "error", reason=repr(e))
                raise
            # aiohttp hands out the body decoded.
            headers = [(n, v) for n, v in response.headers.items() if n != "Content-Encoding"]
            wire.event("received", "head", status=response.status, headers=headers)
            if response.status != 101:
                _tap_reader(module, response.content, wire)
            return response

        return tapped

    _wrap(module.ClientSession, "_request", request)


def _tap_reader(module: Any, reader: Any, wire: WireConnection) -> None:
    """Tape a body as it arrives; the reader has slots, so its class is exchanged."""
    for chunk in reader._buffer:
        wire.body("received", bytes(chunk))
    if reader.is_eof() or type(reader) is not module.StreamReader:
        wire.event("received", "end")
        return
    reader.__class__ = _taped_reader_class(module.StreamReader)
    _readers[id(reader)] = wire


_readers: dict[int, WireConnection] = {}


@functools.cache
def _taped_reader_class(base: type) -> type:
    class TapedReader(base):
        __slots__ = ()

        def feed_data(self, data, *args):
            if wire := _readers.get(id(self)):
                wire.body("received", bytes(data))
            return super().feed_data(data, *args)

        def feed_eof(self):
            if wire := _readers.pop(id(self), None):
                wire.event("received", "end")
            return super().feed_eof()

        def set_exception(self, exc, *args):
            if wire := _readers.pop(id(self), None):
                wire.event("received", "error", reason=repr(exc))
            return super().set_exception(exc, *args)

    return TapedReader


# -- child processes


def _tap_processes() -> None:
    def spawn(original):
        async def tapped(self, protocol_factory, program, *args, **kwargs):
            transport, protocol = await original(self, protocol_factory, program, *args, **kwargs)
            if wire := _begin(process_address([program, *args])):
                wire.opened()
                if writer := getattr(protocol, "stdin", None):
                    writer.write = _lines(writer.write, wire.sent)
                if reader := getattr(protocol, "stdout", None):
                    reader.feed_data = _lines(reader.feed_data, wire.received)
            return transport, protocol

        return tapped

    # The loop is where asyncio's and anyio's ways to start a process meet.
    _wrap(asyncio.BaseEventLoop, "subprocess_exec", spawn)


def process_address(command: list) -> str:
    """How a tape names a child process: ``process:`` and its arguments without the interpreter."""
    words = [str(word).rpartition("/")[2] for word in command]
    return "process:" + "+".join(words[1:] or words)


def _lines(pass_on: Callable, tape: Callable[[str], None]) -> Callable:
    rest = b""

    def tapped(data):
        nonlocal rest
        *lines, rest = (rest + bytes(data)).split(b"\n")
        for line in lines:
            tape(line.decode(errors="replace"))
        return pass_on(data)

    return tapped

"""Taps on ``httpx``, ``httpx2`` and ``aiohttp``: a request, and its answer as it comes."""

import functools
import json
from collections.abc import AsyncIterator
from typing import Any

from sessions.tape.tap import begin, wrap
from sessions.tape.wire import WireConnection


def tap_httpx(module: Any) -> None:
    """Tap its client, given the module."""

    def handle(original):
        async def tapped(self, request):
            wire = begin(str(request.url))
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
    wrap(module.AsyncHTTPTransport, "handle_async_request", handle)


def tap_aiohttp(module: Any) -> None:
    """Tap its client, given the module."""

    def request(original):
        async def tapped(self, method, url, **kwargs):
            wire = begin(str(self._build_url(url)))
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

    wrap(module.ClientSession, "_request", request)


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

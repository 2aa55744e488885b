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
import warnings
from collections.abc import Callable

from sessions.tape.tap import begin, wrap
from sessions.tape.tap_http import tap_aiohttp, tap_httpx
from sessions.tape.tap_websockets import tap_legacy_websockets, tap_websockets


@functools.cache
def install() -> None:
    """Put the taps in place; the first call of a process does, later ones return at once."""
    for name, tap in (
        ("websockets.asyncio.client", tap_websockets),
        ("websockets.legacy.client", tap_legacy_websockets),
        ("httpx", tap_httpx),
        ("httpx2", tap_httpx),
        ("aiohttp", tap_aiohttp),
    ):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                module = importlib.import_module(name)
        except ImportError:
            continue
        tap(module)
    _tap_processes()


def _tap_processes() -> None:
    def spawn(original):
        async def tapped(self, protocol_factory, program, *args, **kwargs):
            transport, protocol = await original(self, protocol_factory, program, *args, **kwargs)
            if wire := begin(process_address([program, *args])):
                wire.opened()
                if writer := getattr(protocol, "stdin", None):
                    writer.write = _lines(writer.write, wire.sent)
                if reader := getattr(protocol, "stdout", None):
                    reader.feed_data = _lines(reader.feed_data, wire.received)
            return transport, protocol

        return tapped

    # The loop is where asyncio's and anyio's ways to start a process meet.
    wrap(asyncio.BaseEventLoop, "subprocess_exec", spawn)


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

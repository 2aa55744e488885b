"""A caller's WebSocket whose bot is in another process: messages go over the line between them."""

import asyncio
import contextlib
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect
from starlette.types import Message

from serving.engine.channel import Channel, ChannelClosed

MOST_WAITING = 500
"""Messages a caller may leave unread (10 s of sound) before they are taken for gone."""

RESTARTED = 1012
"""Close code of a server that restarts: the caller may come back to the same session."""

SCOPE = ("type", "http_version", "scheme", "path", "raw_path", "root_path", "query_string")


def packed(message: Message) -> dict[str, Any]:
    """A message as a note's fields."""
    fields = {k: v for k, v in message.items() if v is not None and k not in ("bytes", "headers")}
    blob = message.get("bytes")
    return {"message": fields} | ({"blob": blob} if blob else {})


def unpacked(message: dict[str, Any], blob: bytes = b"") -> Message:
    """The message of a note."""
    return {**message, "bytes": blob} if blob else message


def packed_scope(scope: Any) -> dict[str, Any]:
    """What a bot may ask of a connection, as JSON."""
    plain = {k: scope[k] for k in SCOPE if k in scope}
    plain = {k: v.decode("latin-1") if isinstance(v, bytes) else v for k, v in plain.items()}
    headers = [[k.decode("latin-1"), v.decode("latin-1")] for k, v in scope["headers"]]
    return plain | {"headers": headers, "client": scope.get("client"), "server": scope["server"]}


class NearSocket:
    """The front's end: the caller is here, the bot is not."""

    def __init__(self, websocket: WebSocket, channel: Channel, session: str):
        """Initialize the relay of an accepted connection."""
        self._websocket = websocket
        self._channel = channel
        self._session = session
        self._waiting: asyncio.Queue[Message] = asyncio.Queue(MOST_WAITING)

    def take(self, message: Message) -> None:
        """Take a message of the bot's; a caller who reads none is hung up on."""
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            self._channel.tell("drop", session=self._session)

    async def relay(self) -> None:
        """Carry messages both ways until it is cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._to_bot())
            both.create_task(self._to_caller())

    async def close(self, code: int) -> None:
        """Close the caller's connection, if it is open."""
        with contextlib.suppress(RuntimeError):
            await self._websocket.close(code)

    async def _to_bot(self) -> None:
        with contextlib.suppress(ChannelClosed, RuntimeError):
            while True:
                message = await self._websocket.receive()
                self._channel.tell("frame", session=self._session, **packed(message))
                if message["type"] == "websocket.disconnect":
                    return
                await self._channel.drain()

    async def _to_caller(self) -> None:
        with contextlib.suppress(RuntimeError, OSError, WebSocketDisconnect):
            while True:
                await self._websocket.send(await self._waiting.get())


class FarSocket:
    """The bot's end: a WebSocket of Starlette's whose caller is in another process."""

    def __init__(self, scope: dict[str, Any], channel: Channel, session: str):
        """Initialize the bot's end."""
        self._channel = channel
        self._session = session
        self._arrived: asyncio.Queue[Message] = asyncio.Queue()
        self._arrived.put_nowait({"type": "websocket.connect"})
        for name in ("raw_path", "query_string"):
            scope[name] = scope.get(name, "").encode("latin-1")
        scope["headers"] = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in scope["headers"]]
        scope["client"] = tuple(scope["client"]) if scope["client"] else None
        self.websocket = WebSocket(scope, self._arrived.get, self._send)

    def take(self, message: Message) -> None:
        """Take a message of the caller's."""
        self._arrived.put_nowait(message)

    async def _send(self, message: Message) -> None:
        if message["type"] != "websocket.accept":  # the front has
            self._channel.tell("frame", session=self._session, **packed(message))
            await self._channel.drain()

"""Questions, answers and notes between the front process and a session's.

A message is a JSON object and bytes that belong to it, each with its length in front. Nothing
that arrives is executed or unpickled: a session process that was taken over cannot reach further.
"""

import asyncio
import itertools
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import HTTPException
from loguru import logger
from pipecat.utils.security.redaction import redact_secrets

LENGTHS = struct.Struct(">II")
LONGEST = 32 * 2**20

Handler = Callable[..., Awaitable[dict[str, Any] | None]]


class ChannelClosed(ConnectionError):
    """The process at the other end is gone."""


class Channel:
    """One end of the line between two processes.

    Args:
        reader: Of a connected socket.
        writer: Of the same socket.
        handlers: What answers, by the name of the question. Each takes the question's fields as
            keywords (and ``blob``, where bytes came along), and returns the answer's fields. An
            `HTTPException` it raises is raised in the asking process.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        handlers: dict[str, Handler],
    ):
        self._reader = reader
        self._writer = writer
        self._handlers = handlers
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._answering: set[asyncio.Task] = set()

    @classmethod
    async def over(cls, sock: socket.socket, handlers: dict[str, Handler]) -> "Channel":
        """A channel over one end of a socket pair."""
        sock.setblocking(False)
        return cls(*await asyncio.open_unix_connection(sock=sock), handlers)

    async def ask(self, question: str, **fields: Any) -> dict[str, Any]:
        """Ask the other process.

        Raises:
            HTTPException: What the other process answered with.
            ChannelClosed: It is gone.
        """
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self.tell(question, number=number, **fields)
            return await answer
        finally:
            del self._asked[number]

    def tell(self, note: str, *, blob: bytes = b"", **fields: Any) -> None:
        """Send a note that wants no answer.

        Raises:
            ChannelClosed: The other process is gone.
        """
        if self._writer.is_closing():
            raise ChannelClosed("The session's process is gone.")
        head = json.dumps({"": note, **fields}).encode()
        self._writer.write(LENGTHS.pack(len(head), len(blob)) + head + blob)

    async def drain(self) -> None:
        """Wait until the other side has taken most of what was told."""
        await self._writer.drain()

    async def listen(self) -> None:
        """Handle what arrives until the other process is gone; notes are handled in order."""
        try:
            while True:
                lengths = LENGTHS.unpack(await self._reader.readexactly(LENGTHS.size))
                if max(lengths) > LONGEST:
                    raise ConnectionError("a message is too long")
                head = json.loads(await self._reader.readexactly(lengths[0]))
                blob = await self._reader.readexactly(lengths[1])
                await self._take(head, blob)
        except (EOFError, ConnectionError, ValueError):
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Hang up; questions without an answer fail."""
        self._writer.close()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(ChannelClosed("The session's process is gone."))
        for task in self._answering:
            task.cancel()

    async def _take(self, head: dict[str, Any], blob: bytes) -> None:
        name, number = head.pop(""), head.pop("number", None)
        if name == "answer":
            answer = self._asked.get(number or 0)
            if answer and not answer.done():
                refusal = head.pop("refusal", None)
                answer.set_exception(HTTPException(*refusal)) if refusal else answer.set_result(
                    head
                )
            return
        if blob:
            head["blob"] = blob
        if number is None:
            await self._handlers[name](**head)
            return
        task = asyncio.create_task(self._answer(name, number, head))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
        await asyncio.sleep(0)  # it begins before the note behind it, which may need it, is handled

    async def _answer(self, name: str, number: int, fields: dict[str, Any]) -> None:
        try:
            answer = await self._handlers[name](**fields) or {}
        except HTTPException as refusal:
            answer = {"refusal": [refusal.status_code, refusal.detail, refusal.headers]}
        except Exception as fault:
            logger.error(redact_secrets(f"{name!r} failed: {type(fault).__name__}: {fault}"))
            answer = {"refusal": [500, "The session had a fault.", None]}
        if not self._writer.is_closing():
            self.tell("answer", number=number, **answer)

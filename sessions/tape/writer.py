"""Writes a tape while the call runs: bounded memory, never in the way of the event loop.

:meth:`TapeWriter.write` only appends to a queue. A thread of the writer encodes, compresses,
seals and flushes every 0.8 s, so that after ``kill -9`` all but the last second is
readable. When the thread cannot keep up and the queue is full, messages are dropped, counted by
topic, logged as errors and noted on the tape itself: never lost in silence.
"""

import base64
import json
import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from loguru import logger
from mcap.writer import CompressionType, Writer

from sessions.tape.errors import TapeError
from sessions.tape.schemas import EVENTS, schema_bytes, schema_of
from sessions.tape.seal import SealedWriter

SUFFIX = ".mcap"
SEALED_SUFFIX = ".mcap.sealed"
MEMO_SUFFIX = ".memo.json"
"""Follows a tape's name: what the models gave in its replays."""

FLUSH_SECS = 0.8
"""All but the last second survives a crash; each flush leaves about 1 kB of index in memory."""

QUEUE_BYTES = 32 * 2**20
CHUNK_BYTES = 2**20
_OVERHEAD_BYTES = 256

Payload = dict[str, Any] | Callable[[], dict[str, Any]]


def tape_path(directory: str | Path, session_id: str, *, sealed: bool) -> Path:
    """Where the tape of a session lies.

    Raises:
        TapeError: The session id is not a plain file name.
    """
    if not session_id or Path(session_id).name != session_id or session_id.startswith("."):
        raise TapeError(f"{session_id!r} is no session id: it must be a plain file name")
    return Path(directory) / f"{session_id}{SEALED_SUFFIX if sealed else SUFFIX}"


class TapeWriter:
    """The open tape of one session."""

    def __init__(
        self,
        path: str | Path,
        *,
        session_id: str,
        bot: str,
        policy: str,
        seed: int,
        code_version: str,
        started_at: int,
        key: bytes | None,
        hold: bool = False,
        queue_bytes: int = QUEUE_BYTES,
        facts: Mapping[str, str] = MappingProxyType({}),
    ):
        """Create the file and start the writer thread.

        Args:
            path: The file, see :func:`tape_path`. Its folder is made; an existing tape is an error.
            session_id: The session's id.
            bot: The bot file's name.
            policy: The policy's name.
            seed: The seed of the session's random draws.
            code_version: Commit or version of the code that ran.
            started_at: Wall nanoseconds at which the session clock was 0.
            key: 32 bytes to seal the tape with; None leaves it open.
            hold: Keep everything in memory, and make no file, until :meth:`release`: the caller
                has not agreed to a recording yet.
            queue_bytes: Memory the unwritten messages may take, about.
            facts: More of the header, such as ``{"pipecat": "1.14.0"}``.

        Raises:
            FileExistsError: There is a tape of this session already.
        """
        self.path = Path(path)
        self.started_at = started_at
        self.dropped: Counter[str] = Counter()
        self._capacity = queue_bytes
        self._queue: deque[tuple[str, int, Payload, int]] = deque()
        self._put_bytes = 0
        self._taken_bytes = 0
        self._noted_drops = 0
        self._wake = threading.Event()
        self._closing = False
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}
        self._key = key
        self._header = {
            "session_id": session_id,
            "bot": bot,
            "policy": policy,
            "seed": str(seed),
            "code_version": code_version,
            "started_at": str(started_at),
            **facts,
        }
        self._thread: threading.Thread | None = None
        if not hold:
            self.release()

    @property
    def closed(self) -> bool:
        """Whether the tape takes no more messages."""
        return self._closing

    def release(self) -> None:
        """Make the file and write to it what was held and what comes; once.

        Raises:
            FileExistsError: There is a tape of this session already.
        """
        if self._thread or self._closing:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        file = os.fdopen(handle, "wb")
        self._stream = SealedWriter(file, self._key) if self._key else file
        self._mcap = Writer(
            self._stream,  # pyright: ignore[reportArgumentType]
            chunk_size=CHUNK_BYTES,
            compression=CompressionType.ZSTD,
            enable_data_crcs=True,
        )
        self._mcap.start(profile="", library="vivace")
        self._mcap.add_metadata("vivace.session", self._header)
        self._mcap.flush()
        self._thread = threading.Thread(
            target=self._run, name=f"tape {self.path.name}", daemon=True
        )
        self._thread.start()

    def write(self, topic: str, clock_ns: int, payload: Payload, *, size: int = 0) -> None:
        """Put a message on the tape; returns at once and never raises for a full queue.

        Args:
            topic: A topic of :mod:`sessions.tape.schemas`.
            clock_ns: Session-clock nanoseconds.
            payload: The message without ``timestamp`` (added here, unless given); bytes become
                base64. A callable is called in the writer thread, for slow work such as JPEG.
            size: Bytes the payload keeps in memory, about.
        """
        if self._closing:
            return
        size += _OVERHEAD_BYTES
        if self._put_bytes - self._taken_bytes + size > self._capacity:
            if not self.dropped:
                logger.error(f"Tape {self.path.name}: the disk is too slow, dropping messages")
            self.dropped[topic] += 1
            return
        self._put_bytes += size
        self._queue.append((topic, clock_ns, payload, size))
        if self._put_bytes - self._taken_bytes > CHUNK_BYTES:
            self._wake.set()

    def close(self) -> None:
        """Write what is queued and finish the file. Blocks for the disk; safe to call again.

        What was held and never released is forgotten.
        """
        self._closing = True
        self._wake.set()
        if self._thread:
            self._thread.join()
        self._queue.clear()

    def discard(self) -> None:
        """Close and delete the tape: consent was withdrawn."""
        self._queue.clear()
        self.close()
        if self._thread:
            self.path.unlink(missing_ok=True)

    def _run(self) -> None:
        try:
            while not self._closing:
                self._wake.wait(FLUSH_SECS)
                self._wake.clear()
                self._drain()
            self._drain()
            self._mcap.add_metadata(
                "vivace.end", {"dropped": json.dumps(dict(self.dropped), sort_keys=True)}
            )
            self._mcap.finish()
        except Exception:
            self._closing = True
            logger.exception(f"Tape {self.path.name} is cut here: it could not be written")
        finally:
            self._stream.close()
            if self.dropped:
                logger.error(f"Tape {self.path.name} lost messages: {dict(self.dropped)}")

    def _drain(self) -> None:
        last_ns = 0
        while self._queue:
            topic, last_ns, payload, size = self._queue.popleft()
            self._put(topic, last_ns, payload)
            self._taken_bytes += size
        if self.dropped.total() > self._noted_drops:
            self._noted_drops = self.dropped.total()
            self._put(EVENTS, last_ns, {"name": "tape.dropped", "detail": dict(self.dropped)})
        self._mcap.flush()

    def _put(self, topic: str, clock_ns: int, payload: Payload) -> None:
        wall_ns = self.started_at + clock_ns
        try:
            data = encode(wall_ns, payload)
            channel = self._channels.get(topic) or self._open_channel(topic)
        except Exception as e:
            self.dropped[topic] += 1
            logger.error(f"Tape {self.path.name}: a message of {topic} cannot be written: {e!r}")
            return
        self._mcap.add_message(channel, wall_ns, data, wall_ns)

    def _open_channel(self, topic: str) -> int:
        schema = schema_of(topic)
        title = schema["title"]
        if title not in self._schemas:
            self._schemas[title] = self._mcap.register_schema(
                title, "jsonschema", schema_bytes(schema)
            )
        self._channels[topic] = self._mcap.register_channel(topic, "json", self._schemas[title])
        return self._channels[topic]


def foxglove_time(wall_ns: int) -> dict[str, int]:
    """Wall nanoseconds as Foxglove's ``time``."""
    return {"sec": wall_ns // 10**9, "nsec": wall_ns % 10**9}


def encode(wall_ns: int, payload: Payload) -> bytes:
    """A message as it is written: JSON, with its time, bytes as base64."""
    message = payload() if callable(payload) else payload
    return json.dumps({"timestamp": foxglove_time(wall_ns)} | message, default=_jsonable).encode()


def _jsonable(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)

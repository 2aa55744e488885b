"""Reads tapes: whole, cut short by a crash, or sealed."""

import base64
import io
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from mcap.exceptions import EndOfFile
from mcap.opcode import Opcode
from mcap.records import Channel, DataEnd, McapRecord, Message, Metadata
from mcap.stream_reader import StreamReader
from mcap.writer import MCAP0_MAGIC

from sessions.tape import seal
from sessions.tape.errors import NotATape, TapeCorrupted

_MAX_RECORD = 2**30
_READ = {Opcode.METADATA, Opcode.CHUNK, Opcode.DATA_END, Opcode.FOOTER}


@dataclass(frozen=True)
class TapeHeader:
    """What a tape says of its session.

    Parameters:
        session_id: The session's id.
        bot: The bot file's name.
        policy: The policy's name.
        seed: The seed of the session's random draws.
        code_version: Commit or version of the code that ran.
        started_at: Wall nanoseconds at session clock 0.
        facts: Whatever else the recorder put down.
    """

    session_id: str
    bot: str
    policy: str
    seed: int
    code_version: str
    started_at: int
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TapeMessage:
    """One message of a tape.

    Parameters:
        topic: Its channel.
        clock_ns: Session-clock nanoseconds.
        json: The message as written.
    """

    topic: str
    clock_ns: int
    json: bytes

    @cached_property
    def data(self) -> dict[str, Any]:
        """The message, parsed."""
        return json.loads(self.json)

    @property
    def bytes(self) -> bytes:
        """The bytes the message carries in ``data`` (audio, image, binary wire message)."""
        return base64.b64decode(self.data["data"])


class Tape:
    """An open tape.

    Attributes:
        header: What the tape says of its session.
        key: What it was opened with.
        complete: Whether the file has its end; known once messages have been read through.
    """

    def __init__(self, path: str | Path, key: bytes | None = None):
        """Open a file and read its header; see :func:`read_tape`."""
        self.path = Path(path)
        self.complete = False
        self.key = key
        self.header = self._read_header()

    def messages(self, *topics: str) -> Iterator[TapeMessage]:
        """Iterate messages in the order they were written.

        Args:
            *topics: Only these; one ending in ``/`` is a prefix. None means all.

        Raises:
            TapeCorrupted: On reaching damaged bytes.
        """
        exact = {t for t in topics if not t.endswith("/")}
        prefixes = tuple(t for t in topics if t.endswith("/"))
        names: dict[int, str] = {}
        for record in self._records():
            if isinstance(record, Channel):
                names[record.id] = record.topic
            elif isinstance(record, Message):
                topic = names[record.channel_id]
                if not topics or topic in exact or (prefixes and topic.startswith(prefixes)):
                    yield TapeMessage(topic, record.log_time - self.header.started_at, record.data)

    @property
    def dropped(self) -> dict[str, int]:
        """Messages the recorder had to drop, by topic; empty in a good (or cut) tape."""
        for record in self._records():
            if isinstance(record, Metadata) and record.name == "vivace.end":
                return json.loads(record.metadata["dropped"])
        return {}

    def _read_header(self) -> TapeHeader:
        for record in self._records():
            if isinstance(record, Metadata) and record.name == "vivace.session":
                facts = dict(record.metadata)
                return TapeHeader(
                    session_id=facts.pop("session_id"),
                    bot=facts.pop("bot"),
                    policy=facts.pop("policy"),
                    seed=int(facts.pop("seed")),
                    code_version=facts.pop("code_version"),
                    started_at=int(facts.pop("started_at")),
                    facts=facts,
                )
        if self.path.stat().st_size < 4096:
            raise NotATape(
                f"{self.path} ends before its header: the session was killed as it began, "
                "and there is nothing on this tape"
            )
        raise NotATape(f"{self.path} is an MCAP file but no tape of Vivace: it has no header")

    def _records(self) -> Iterator[McapRecord]:
        """Records up to the end or the cut.

        A record that is not all there is the cut. One that is there and cannot be read, or a
        file that ends as a whole one does and does not add up, is damage.
        """
        with self.path.open("rb") as file:
            stream = self._plain(file)
            magic = stream.read(len(MCAP0_MAGIC))
            if not MCAP0_MAGIC.startswith(magic):
                raise NotATape(f"{self.path} is not a tape (.mcap or .mcap.sealed)")
            crc = zlib.crc32(magic)
            while len(head := stream.read(9)) == 9:
                opcode, length = struct.unpack("<BQ", head)
                body = stream.read(length) if length <= _MAX_RECORD else b""
                if len(body) < length:
                    self._cut_or_damage(file)
                    return
                if opcode in _READ:
                    for record in self._parse(head + body):
                        if isinstance(record, DataEnd) and record.data_section_crc not in (0, crc):
                            raise TapeCorrupted(f"{self.path} is damaged: its checksum is wrong")
                        yield record
                if opcode == Opcode.FOOTER:
                    self.complete = True
                    return
                crc = zlib.crc32(body, zlib.crc32(head, crc))

    def _parse(self, record: bytes) -> Iterator[McapRecord]:
        reader = StreamReader(io.BytesIO(record), skip_magic=True, validate_crcs=True)
        try:
            yield from reader.records
        except EndOfFile:
            return
        except GeneratorExit:
            raise
        except Exception as e:
            raise TapeCorrupted(f"{self.path} is damaged: {e}") from e

    def _cut_or_damage(self, file: BinaryIO) -> None:
        file.seek(max(0, self.path.stat().st_size - len(MCAP0_MAGIC)))
        if file.read() == MCAP0_MAGIC:
            raise TapeCorrupted(f"{self.path} is damaged: a record claims more than the file has")

    def _plain(self, file: BinaryIO) -> "BinaryIO | _Joined":
        magic = file.read(len(seal.MAGIC))
        file.seek(0)
        if magic and seal.MAGIC.startswith(magic):
            return _Joined(seal.unseal(file, self.key))
        return file


class _Joined:
    """Reads an iterator of byte strings as one stream."""

    def __init__(self, parts: Iterator[bytes]):
        self._parts = parts
        self._buffer = bytearray()

    def read(self, length: int) -> bytes:
        while len(self._buffer) < length:
            part = next(self._parts, None)
            if part is None:
                break
            self._buffer += part
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken


def read_tape(path: str | Path, key: bytes | None = None) -> Tape:
    """Open a tape.

    Args:
        path: An ``.mcap`` or ``.mcap.sealed`` file, finished or cut short.
        key: The key of a sealed tape, see :func:`sessions.tape.seal.key_from_env`.

    Raises:
        NotATape: The file is something else, or holds nothing yet.
        TapeKeyError: The tape is sealed and the key is missing or another one.
        TapeCorrupted: The file's bytes are damaged (also while iterating).
        FileNotFoundError: There is no such file.
    """
    return Tape(path, key)

"""The audit log: who did what under which policy, in a chain that shows if anybody has touched it.

One JSON object a line. Each holds the hash of the one before, and an anchor file beside the log the
newest: a line that was changed, removed, reordered or cut off the end does not add up any more.
With a key (``VIVACE_AUDIT_KEY``) nobody without it can make a chain that does; without one, keep copies
of the anchor where whoever may touch the log cannot. Kinds, names and counts; never a value of a call.
"""

import fcntl
import hashlib
import hmac
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from loguru import logger

PLACE, KEY = "VIVACE_AUDIT_LOG", "VIVACE_AUDIT_KEY"
FIRST = "0" * 64
ANCHOR = ".anchor"


class AuditBroken(ValueError):
    """The log does not add up; the message says where."""


@dataclass(frozen=True)
class Entry:
    """One line of the log.

    Parameters:
        n: Its number, from 1.
        at: Wall time, ISO 8601 UTC.
        kind: ``access``, ``session.began``, ``session.over``, ``tool`` and so on.
        detail: JSON; names and counts.
        prev: Hash of the line before.
        hash: Of all this.
    """

    n: int
    at: str
    kind: str
    detail: dict[str, Any]
    prev: str
    hash: str


class AuditLog:
    """Appends to one log, which several processes may share."""

    def __init__(self, path: str | Path, *, key: bytes | None = None):
        """Open a log, or begin one with the first entry.

        Args:
            path: The file.
            key: Signs the chain; None only hashes it.
        """
        self.path, self._key = Path(path), key
        self._writer: ThreadPoolExecutor | None = None

    def append(self, kind: str, **detail: Any) -> Entry:
        """Add an entry; returns once it is on the disk.

        Raises:
            AuditBroken: The end of the log is not what the anchor says.
            OSError: The disk refuses.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as log:
            fcntl.flock(log, fcntl.LOCK_EX)
            n, prev, size = self._end(log)
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            fields = {"n": n + 1, "at": at, "kind": kind, "detail": detail, "prev": prev}
            entry = Entry(**fields, hash=self._hash(fields))
            line = json.dumps(entry.__dict__, sort_keys=True, default=str).encode() + b"\n"
            log.seek(size)
            log.write(line)
            log.flush()
            os.fsync(log.fileno())
            self._anchor(entry, size + len(line))
        return entry

    def soon(self, kind: str, **detail: Any) -> None:
        """The same from where nobody may wait for a disk; in order, and a failure goes to the log."""
        self._writer = self._writer or ThreadPoolExecutor(1, "audit")
        self._writer.submit(self._dutifully, kind, detail)

    def flush(self) -> None:
        """Wait until all that was added soon is on the disk."""
        if self._writer:
            self._writer.shutdown()
            self._writer = None

    def verify(self) -> int:
        """Check the whole chain.

        Returns:
            The number of entries.

        Raises:
            AuditBroken: At the first entry that does not add up.
            OSError: There is no such log.
        """
        n, prev, size = 0, FIRST, 0
        for line in self.path.read_bytes().splitlines(keepends=True):
            n, size = n + 1, size + len(line)
            entry = self._read(line, n)
            if entry.n != n:
                what = "missing" if entry.n > n else "out of its place or there twice"
                raise AuditBroken(f"{self.path}: entry {n} is {what}; line {n} is entry {entry.n}.")
            if entry.prev != prev:
                raise AuditBroken(f"{self.path}: entry {n} does not follow entry {n - 1}.")
            prev = entry.hash
        told = self._anchored()
        if told is None:
            if n:
                raise AuditBroken(f"{self._anchor_path} is missing: the end cannot be checked.")
        elif (told["n"], told["hash"]) != (n, prev):
            if told["n"] > n:
                lost = f"the last {told['n'] - n} entries are missing"
            else:
                lost = "its end is not the one it was anchored at"
            raise AuditBroken(f"{self.path}: {lost}.")
        return n

    @property
    def _anchor_path(self) -> Path:
        return self.path.with_name(self.path.name + ANCHOR)

    def _end(self, log: Any) -> tuple[int, str, int]:
        told = self._anchored()
        size = os.fstat(log.fileno()).st_size
        if told is None:
            if size:
                raise AuditBroken(
                    f"{self._anchor_path} is missing. Verify the log, and move it away."
                )
            return 0, FIRST, 0
        if size < told["size"]:
            raise AuditBroken(
                f"{self.path} has been cut. Verify it, and move it and its anchor away."
            )
        # What lies behind the anchor was never acknowledged: a process died while it wrote.
        log.truncate(told["size"])
        return told["n"], told["hash"], told["size"]

    def _anchored(self) -> dict[str, Any] | None:
        if not self._anchor_path.exists():
            return None
        told = json.loads(self._anchor_path.read_text())
        seal = told.pop("seal")
        if not hmac.compare_digest(seal, self._hash(told)):
            raise AuditBroken(f"{self._anchor_path} was changed, or belongs to another key.")
        return told

    def _anchor(self, entry: Entry, size: int) -> None:
        told = {"n": entry.n, "hash": entry.hash, "size": size}
        new = self._anchor_path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({**told, "seal": self._hash(told)}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._anchor_path)

    def _read(self, line: bytes, n: int) -> Entry:
        try:
            fields = json.loads(line)
            entry = Entry(**fields)
            fields.pop("hash")
        except (ValueError, TypeError, AttributeError):
            raise AuditBroken(f"{self.path}: line {n} is no entry.") from None
        if not hmac.compare_digest(str(entry.hash), self._hash(fields)):
            raise AuditBroken(f"{self.path}: line {n} was changed, or belongs to another key.")
        return entry

    def _hash(self, fields: dict[str, Any]) -> str:
        text = json.dumps(fields, sort_keys=True, default=str).encode()
        if self._key is None:
            return hashlib.sha256(text).hexdigest()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()

    def _dutifully(self, kind: str, detail: dict[str, Any]) -> None:
        try:
            self.append(kind, **detail)
        except (OSError, AuditBroken) as error:
            logger.critical(f"The audit log lacks an entry ({kind}): {error}")


def audit_log() -> AuditLog | None:
    """The log that ``VIVACE_AUDIT_LOG`` names, signed with ``VIVACE_AUDIT_KEY``; None if it is unset."""
    place = os.environ.get(PLACE)
    return _opened(place, os.environ.get(KEY), os.getpid()) if place else None


@cache
def _opened(place: str, key: str | None, _pid: int) -> AuditLog:
    return AuditLog(place, key=key.encode() if key else None)

"""The embedded store: one SQLite file, safe for many processes of one host."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sessions.store.protocol import CLAIMED_SECS, LEASE_SECS, StaleOwner, Stored, StoreDown

T = TypeVar("T")

BUSY_SECS = 5.0
"""How long a write waits for those of other processes."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS epochs(last INTEGER NOT NULL);
INSERT INTO epochs SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM epochs);
CREATE TABLE IF NOT EXISTS sessions(
    sid TEXT PRIMARY KEY, epoch INTEGER NOT NULL, owner TEXT, lease_until REAL, lease_s REAL,
    state BLOB, keep_until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS events(
    n INTEGER PRIMARY KEY AUTOINCREMENT, sid TEXT NOT NULL, event BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS events_of ON events(sid, n);
"""

# A lease further away than its own length was given before the machine's last start.
LIVES = "owner IS NOT NULL AND lease_until > :now AND lease_until <= :now + lease_s"


class EmbeddedStore:
    """A :class:`sessions.store.SessionStore` in one file: stdlib SQLite with a write-ahead log.

    One connection in one thread. ``synchronous=NORMAL``: an acknowledged write survives a killed
    process; a power cut may take the last commits. Not for network file systems. Leases are timed
    by the monotonic clock, which all processes of a host share, so that setting the clock moves
    none; what is kept, by the wall clock.
    """

    def __init__(self, path: str | Path):
        """Open the file at the first call.

        Args:
            path: Made with its folder, for this user only.
        """
        self.path = Path(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="session store")
        self._db: sqlite3.Connection | None = None

    async def load(self, sid: str) -> Stored:
        """See :class:`sessions.store.SessionStore`, as for every method."""

        def run(db: sqlite3.Connection) -> Stored:
            row = db.execute(
                "SELECT state, epoch FROM sessions WHERE sid = ? AND keep_until > ?",
                (sid, time.time()),
            ).fetchone()
            return Stored(*row) if row else Stored(None, 0)

        return await self._run(run)

    async def save(self, sid: str, epoch: int, state: bytes, *, keep_s: float) -> None:
        """Replace the state, if the epoch is still the newest."""
        row = (state, time.time() + keep_s, sid, epoch)
        sql = "UPDATE sessions SET state = ?, keep_until = ? WHERE sid = ? AND epoch = ?"
        if not await self._run(lambda db: db.execute(sql, row).rowcount):
            raise StaleOwner(sid)

    async def claim(
        self, sid: str, owner: str, *, lease_s: float = LEASE_SECS, force: bool = False
    ) -> int | None:
        """Become the owner under a new epoch."""

        def run(db: sqlite3.Connection) -> int | None:
            db.execute("BEGIN IMMEDIATE")
            now, wall = time.monotonic(), time.time()
            keep = wall + CLAIMED_SECS
            _forget(db, "keep_until <= :wall", {"wall": wall})
            held = db.execute(
                f"SELECT 1 FROM sessions WHERE sid = :sid AND owner != :owner AND {LIVES}",
                {"sid": sid, "owner": owner, "now": now},
            ).fetchone()
            if held and not force:
                return None
            (epoch,) = db.execute("UPDATE epochs SET last = last + 1 RETURNING last").fetchone()
            db.execute(
                "INSERT INTO sessions VALUES(?, ?, ?, ?, ?, NULL, ?) ON CONFLICT(sid) DO UPDATE SET"
                " epoch = excluded.epoch, owner = excluded.owner,"
                " lease_until = excluded.lease_until, lease_s = excluded.lease_s",
                (sid, epoch, owner if lease_s else None, now + lease_s, lease_s, keep),
            )
            return epoch

        return await self._run(run)

    async def beat(self, owner: str, sids: list[str], *, lease_s: float = LEASE_SECS) -> list[str]:
        """Renew the leases."""
        sql = "UPDATE sessions SET lease_until = ?, lease_s = ? WHERE sid = ? AND owner = ?"

        def run(db: sqlite3.Connection) -> list[str]:
            db.execute("BEGIN IMMEDIATE")
            until = time.monotonic() + lease_s
            return [s for s in sids if not db.execute(sql, (until, lease_s, s, owner)).rowcount]

        return await self._run(run)

    async def release(self, sid: str, epoch: int, *, over: bool) -> None:
        """End the lease."""
        changes = "owner = NULL, lease_until = NULL" if over else "lease_until = 0"
        sql = f"UPDATE sessions SET {changes} WHERE sid = ? AND epoch = ?"
        await self._run(lambda db: db.execute(sql, (sid, epoch)))

    async def expired(self, limit: int, *, prefix: str = "") -> list[str]:
        """Those with an owner whose lease has run out."""
        sql = (
            f"SELECT sid FROM sessions WHERE owner IS NOT NULL AND NOT ({LIVES}) "
            "AND keep_until > :wall AND substr(sid, 1, :length) = :prefix "
            "ORDER BY lease_until LIMIT :limit"
        )

        def run(db: sqlite3.Connection) -> list[str]:
            row = {"now": time.monotonic(), "wall": time.time(), "limit": limit}
            row |= {"prefix": prefix, "length": len(prefix)}
            return [sid for (sid,) in db.execute(sql, row)]

        return await self._run(run)

    async def append(self, sid: str, epoch: int, event: bytes) -> None:
        """Add an event, if the epoch is still the newest."""
        sql = (
            "INSERT INTO events(sid, event) SELECT sid, ? FROM sessions WHERE sid = ? AND epoch = ?"
        )
        if not await self._run(lambda db: db.execute(sql, (event, sid, epoch)).rowcount):
            raise StaleOwner(sid)

    async def events(self, sid: str, *, since: int = 0) -> list[tuple[int, bytes]]:
        """Events in the order they were added."""
        sql = (
            "SELECT n, event FROM events JOIN sessions USING(sid) "
            "WHERE sid = ? AND n > ? AND keep_until > ? ORDER BY n"
        )
        return await self._run(lambda db: db.execute(sql, (sid, since, time.time())).fetchall())

    async def delete(self, sid: str) -> None:
        """Delete, and overwrite what the file still held of it."""

        def run(db: sqlite3.Connection) -> None:
            db.execute("BEGIN IMMEDIATE")
            _forget(db, "sid = :sid", {"sid": sid})
            db.commit()
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log holds older pages

        await self._run(run)

    async def scan(self, prefix: str) -> list[str]:
        """Ids that begin so."""
        sql = "SELECT sid FROM sessions WHERE substr(sid, 1, ?) = ? AND keep_until > ? ORDER BY sid"
        row = (len(prefix), prefix, time.time())
        return await self._run(lambda db: [sid for (sid,) in db.execute(sql, row)])

    async def close(self) -> None:
        """Close the file."""
        if self._db:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._db.close)
            self._db = None
        self._thread.shutdown(wait=False)

    async def _run(self, run: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._inside, run)

    def _inside(self, run: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._db or self._open() as db:
                return run(db)
        except (sqlite3.Error, OSError) as error:
            raise StoreDown(
                f"The session store {self.path} does not work ({error}). Free its disk, or name "
                "another place in VIVACE_STORE."
            ) from error

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        db = sqlite3.connect(
            self.path, timeout=BUSY_SECS, isolation_level=None, check_same_thread=False
        )
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA secure_delete = ON")
        db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
        self._db = db
        return db


def _forget(db: sqlite3.Connection, which: str, row: dict) -> None:
    db.execute(f"DELETE FROM events WHERE sid IN (SELECT sid FROM sessions WHERE {which})", row)
    db.execute(f"DELETE FROM sessions WHERE {which}", row)

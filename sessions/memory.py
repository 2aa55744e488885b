"""What a caller agreed to have remembered from one call to the next, found again by its words."""

import asyncio
import json
import re
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sessions import tokens
from sessions.phi.vault import STRICT_SURROGATE
from sessions.policy import MEMORY
from sessions.resume import box_for
from sessions.store import SessionStore, StaleOwner, StoreError, shared_store
from sessions.store.box import Box, BoxError
from sessions.store.keeper import new_owner

if TYPE_CHECKING:
    from sessions.session import Session

CALLER = "caller"
"""The purpose of the token that says who calls, in ``body["caller"]``."""

MOST = 200
"""Notes of a caller; the oldest go first."""

LONGEST = 500
"""Characters of a note."""

RETRIES, PAUSE_SECS = 8, 0.02
"""How often a write is tried while others write, and the step between two writers' pauses."""


class MemoryRefused(RuntimeError):
    """Nothing may be remembered, or nobody knows of whom. The message says why."""


@dataclass(frozen=True)
class Note:
    """One thing remembered.

    Parameters:
        text: What, in a sentence.
        at: Wall seconds at which it was told.
    """

    text: str
    at: float


class Memory:
    """The long-term memory of one caller.

    It needs three things: a policy that asks for the consent ``"memory"``, a caller who gave it,
    and proof of who they are: a token of ``tokens.sign(id, ttl, purpose="caller")``, made by
    whoever signed them in and posted as ``body["caller"]``, or :attr:`caller`, set by a bot that
    has made sure itself. It lies in the session store, sealed as sessions are, under a name that
    does not tell whose it is; notes expire with the policy's retention.

    Under a policy that redacts, identifiers are taken out of a note before it is kept: they are
    not needed to know that somebody takes penicillin badly.
    """

    def __init__(self, session: "Session"):
        """Remember nothing yet."""
        self.caller: str | None = None
        self._session = session

    async def remember(self, text: str) -> None:
        """Keep a note.

        Raises:
            MemoryRefused: See the class.
            StoreError: The store is down.
        """
        store, box, name = self._open()
        note = Note(self._without_identifiers(text)[:LONGEST], self._now())
        await self._change(store, box, name, lambda notes: [*notes, note][-MOST:])

    async def recall(self, query: str, *, limit: int = 5) -> list[Note]:
        """What was said of something, best match first; the newest, when asked for nothing.

        Args:
            query: Words to look for; word forms are levelled, and any one of them will do.
            limit: Notes at most.

        Raises:
            MemoryRefused: See the class.
            StoreError: The store is down.
        """
        store, box, name = self._open()
        return _search(await self._notes(store, box, name), query)[:limit]

    async def forget(self) -> None:
        """Delete all that is remembered of the caller; needs no consent.

        Raises:
            MemoryRefused: Nobody knows who they are.
            StoreError: The store is down.
        """
        store, _, name = self._place()
        await store.delete(name)

    def _open(self) -> tuple[SessionStore, Box, str]:
        if MEMORY not in self._session.consent:
            raise MemoryRefused(
                "The caller has not agreed to be remembered. Ask them first: the policy's consent "
                f"must hold {MEMORY!r}, and the caller's answer comes with the call."
            )
        return self._place()

    def _place(self) -> tuple[SessionStore, Box, str]:
        session = self._session
        caller = self.caller or self._signed_in()
        store, box = shared_store(), box_for(session.policy, live=bool(session.live))
        if not caller:
            raise MemoryRefused("Nobody knows who the caller is. Sign them in before the call.")
        if store is None or box is None or session.recording.replayed:
            raise MemoryRefused("There is no place to remember in: see VIVACE_STORE.")
        return store, box, f"memory:{box.name(caller)}"

    def _signed_in(self) -> str | None:
        try:
            return str(tokens.verify(self._session.body.get(CALLER, ""), purpose=CALLER))
        except tokens.TokenError:
            return None

    async def _notes(self, store: SessionStore, box: Box, name: str) -> list[Note]:
        state, _ = await store.load(name)
        if not state:
            return []
        try:
            notes = [Note(**note) for note in json.loads(box.open(state, sid=name))]
        except BoxError as error:
            raise MemoryRefused(str(error)) from error
        since = self._now() - self._keep_s
        return [note for note in notes if note.at > since]

    async def _change(self, store: SessionStore, box: Box, name: str, change) -> None:
        """Read, change and write, under an epoch of its own: another call may be doing so too."""
        for _ in range(RETRIES):
            epoch = await store.claim(name, new_owner(), lease_s=0, force=True)
            assert epoch
            notes = change(await self._notes(store, box, name))
            blob = box.close(json.dumps([asdict(note) for note in notes]).encode(), sid=name)
            try:
                await store.save(name, epoch, blob, keep_s=self._keep_s)
            except StaleOwner:
                # Epochs differ, so do the pauses of two who have just got in each other's way.
                await asyncio.sleep(epoch % RETRIES * PAUSE_SECS)
                continue
            return
        raise StoreError("Others are writing to the same memory. Try again.")

    @property
    def _keep_s(self) -> float:
        return self._session.policy.retention_days * 86_400.0

    def _now(self) -> float:
        clock = self._session.clock
        return clock.started_at.timestamp() + clock.now()

    def _without_identifiers(self, text: str) -> str:
        phi = self._session.phi
        if not phi:
            return text
        redacted = phi.scrub(phi.redact(text).text)
        # A surrogate means nothing in another session.
        return STRICT_SURROGATE.sub(lambda match: f"(a {match[1].lower()})", redacted)


def _search(notes: list[Note], query: str) -> list[Note]:
    words = re.findall(r"\w+", query)
    if not words:
        return notes[::-1]
    # The index lives for one question: what lies on a disk is sealed.
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE VIRTUAL TABLE notes USING fts5(text, tokenize = 'porter unicode61')")
        rows = [(i, note.text) for i, note in enumerate(notes)]
        db.executemany("INSERT INTO notes(rowid, text) VALUES(?, ?)", rows)
        found = db.execute(
            "SELECT rowid FROM notes WHERE notes MATCH ? ORDER BY bm25(notes), rowid DESC",
            (" OR ".join(f'"{word}"' for word in words),),
        )
        return [notes[i] for (i,) in found]

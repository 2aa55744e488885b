"""Which host has which session: a lease a session, and what each host offers, in the shared store.

A host is silent for 1.5 s when it is lost; what it had is then anybody's, and goes to the first
that claims it. What is stored of a session here is where it is and how its bot gets back to it,
sealed with ``VIVACE_SECRET``: no word of the call.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from loguru import logger

from sessions.store import LEASE_SECS, SessionStore, StaleOwner
from sessions.store.box import Box, BoxError
from sessions.store.keeper import new_owner
from sessions.tokens import secret

SEAT, HOST, MODULES = "seat/", "host/", "hosts' modules"

KEEP_SECS = 24 * 3600.0
"""How long it is known where a session was: its tape is fetched there."""


@dataclass(frozen=True, kw_only=True)
class Host:
    """What a host offers.

    Parameters:
        url: Where callers and the other hosts reach it, and no load balancer in between.
        region: Where it is, as its operator calls the place.
        load: 0 to 1; at 1 it takes nobody more.
        open: Whether it takes callers at all.
        trip_ms: The round trip to it from here.
    """

    url: str
    region: str = ""
    load: float = 0.0
    open: bool = True
    trip_ms: float = 0.0


class Seats:
    """The sessions of one host, and what the others have.

    Every method that asks the store raises `StoreDown` when it is out of reach.

    Args:
        store: The one that all hosts share.
        url: This host's.
    """

    def __init__(self, store: SessionStore, *, url: str):
        self._store = store
        self._url = url
        self._owner = new_owner()
        self._box = Box(hashlib.sha256(secret().encode()).digest())
        self._abouts: dict[str, dict[str, Any]] = {}
        self._epochs: dict[str, int] = {}
        self._unsaved: set[str] = set()
        self._own_epoch = 0

    @property
    def settled(self) -> bool:
        """Whether the other hosts can know of every session that is here."""
        return self._abouts.keys() == self._epochs.keys() and not self._unsaved

    def put(self, session: str, about: Mapping[str, Any]) -> None:
        """Have a session here, or know more of it; the next :meth:`hold` tells the others.

        Args:
            session: Its id.
            about: How its bot gets back to it; JSON data.
        """
        self._abouts[session] = {**about, "url": self._url}
        self._unsaved.add(session)

    async def hold(self) -> None:
        """Say that this host lives, and has what it has; at least every ``BEAT_SECS``."""
        for session in self._abouts.keys() - self._epochs.keys():
            # One that another host took while this one was silent comes back when that lets go of
            # it: whether its caller is here or there, its keeper knows.
            if epoch := await self._store.claim(SEAT + session, self._owner):
                self._epochs[session] = epoch
                self._unsaved.add(session)
                if session not in self._abouts:  # it ended meanwhile
                    await self.leave(session, over=True)
        for session in self._unsaved & self._epochs.keys():
            await self._save(session)
        held = [SEAT + session for session in self._epochs]
        for key in await self._store.beat(self._owner, held) if held else ():
            session = key.removeprefix(SEAT)
            if self._epochs.pop(session, None) and session in self._abouts:
                logger.warning(f"Session {session} is another host's: this one was out of touch")

    async def leave(self, session: str, *, over: bool) -> None:
        """Have a session no more.

        Args:
            session: Its id.
            over: Whether it came to its end; else another host may take it at once.
        """
        about, epoch = self._abouts.pop(session, None), self._epochs.pop(session, None)
        self._unsaved.discard(session)
        if not epoch:
            return
        if about:
            await self._write(session, epoch, about | ({"over": True} if over else {"url": ""}))
        await self._store.release(SEAT + session, epoch, over=over)

    def give_up(self, session: str) -> None:
        """Have a session no more: another host is about to :meth:`take` it."""
        self._abouts.pop(session, None)
        self._epochs.pop(session, None)
        self._unsaved.discard(session)

    async def take(self, session: str) -> None:
        """Have a session that its host has given up for this one."""
        epoch = await self._store.claim(SEAT + session, self._owner, force=True)
        assert epoch, "a forced claim succeeds"
        self._epochs[session] = epoch

    async def orphans(self, limit: int) -> dict[str, dict[str, Any]]:
        """Take sessions whose host is lost or has let go of them.

        Args:
            limit: Most of them.

        Returns:
            What is known of each, by id. :meth:`leave` those that cannot go on.
        """
        found: dict[str, dict[str, Any]] = {}
        for key in await self._store.expired(limit, prefix=SEAT):
            session = key.removeprefix(SEAT)
            if session in self._abouts:
                continue  # this host's own, late: the next beat renews it
            if epoch := await self._store.claim(key, self._owner):  # else another was quicker
                self._epochs[session] = epoch
                found[session] = await self.find(session) or {}
                self.put(session, found[session])
        return found

    async def find(self, session: str) -> dict[str, Any] | None:
        """What is known of a session; None of no such.

        Returns:
            What was :meth:`put`, and ``url`` of its host (empty while it has none), and ``over``
            once it is.
        """
        state = (await self._store.load(SEAT + session)).state
        try:
            return json.loads(self._box.open(state, sid=SEAT + session)) if state else None
        except BoxError:
            logger.error(f"Session {session} is of a host with another VIVACE_SECRET. Use one.")
            return None

    async def offer(self, host: Host) -> None:
        """Tell the others what this host offers; forgotten when it falls silent."""
        key, state = HOST + self._owner, json.dumps(asdict(host)).encode()
        try:
            await self._store.save(key, self._own_epoch, state, keep_s=LEASE_SECS)
        except StaleOwner:  # it was silent for too long, or is new
            self._own_epoch = await self._store.claim(key, self._owner, lease_s=0, force=True) or 0
            await self._store.save(key, self._own_epoch, state, keep_s=LEASE_SECS)

    async def withdraw(self) -> None:
        """Offer nothing more."""
        await self._store.delete(HOST + self._owner)

    async def others(self) -> list[Host]:
        """What the other living hosts offer."""
        keys = [key for key in await self._store.scan(HOST) if key != HOST + self._owner]
        states = [(await self._store.load(key)).state for key in keys]
        known = {field.name for field in fields(Host)}  # a newer host may tell more
        offers = [json.loads(state) for state in states if state]
        return [Host(**{k: v for k, v in offer.items() if k in known}) for offer in offers]

    async def learnt(self) -> set[str]:
        """Modules that sessions had to import, on any host."""
        state = (await self._store.load(MODULES)).state
        try:
            return set(json.loads(self._box.open(state, sid=MODULES)) if state else ())
        except BoxError:
            return set()

    async def teach(self, modules: set[str]) -> None:
        """Tell the other hosts which modules there are to import."""
        epoch = await self._store.claim(MODULES, self._owner, lease_s=0, force=True)
        sealed = self._box.close(json.dumps(sorted(modules)).encode(), sid=MODULES)
        await self._store.save(MODULES, epoch or 0, sealed, keep_s=KEEP_SECS)

    async def _save(self, session: str) -> None:
        self._unsaved.discard(session)
        try:
            await self._write(session, self._epochs[session], self._abouts[session])
        except StaleOwner:
            del self._epochs[session]
        except BaseException:
            self._unsaved.add(session)
            raise

    async def _write(self, session: str, epoch: int, about: Mapping[str, Any]) -> None:
        key = SEAT + session
        sealed = self._box.close(json.dumps(about, default=str).encode(), sid=key)
        await self._store.save(key, epoch, sealed, keep_s=KEEP_SECS)

"""Pools on several machines that share one session store, and need no engine between them.

Each host says every 0.4 s that it lives, what room it has, and which sessions it holds, a lease
each. One that falls silent for 1.5 s is lost: every other host looks for what it has left, and the
first to claim a session goes on with it. A bot in a room rejoins it at once; any other caller
finds the session waiting for them on the host that took it, whichever host they ask. What was said
before is the session store's to bring back, which also lets no two copies of a session write.

Callers may ask any host: see `serving.engine.signposts`.
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any

import pipecat.runner.types as runner_types
from fastapi import HTTPException
from loguru import logger
from pipecat.runner.types import RunnerArguments

from serving.engine.far_sockets import RESTARTED
from serving.engine.link import Link
from serving.engine.metrics import RESTARTS
from serving.engine.placement import ELSEWHERE_MS, place
from serving.engine.pool import Pool, own_fields
from serving.engine.seats import Host, Seats
from serving.engine.session_process import ROOMS
from serving.engine.signposts import Signposts
from serving.engine.zygote import Spec
from serving.switchboard import Call, Line
from sessions.resume import PURPOSE as RESUME
from sessions.resume import ResumeError, read_ticket, still_kept
from sessions.store import BEAT_SECS, StoreDown, StoreError, shared_store

REAP_SECS = 0.25
AT_ONCE = 4
"""Sessions that a host claims at a time: the others are claiming too."""

AFTER_OTHERS_SECS = 0.5
"""How much later a host without room looks, while another has some."""

LOOK_SECS = 1.0
SETTLE_SECS = 1.0

IN_TOUCH_SECS = 5.0
"""A host that could not reach the store takes nothing over before all others, which could not
either, had time to say that they live."""


class Hosts(Pool):
    """A pool that shares its callers with those of other machines.

    Args:
        spec: As the pool's.
        url: Where callers and the other hosts reach this one, and no load balancer in between.
        region: Where it is.
        settings: The pool's others.
    """

    def __init__(self, spec: Spec, *, url: str, region: str = "", **settings: Any):
        super().__init__(spec, **settings)
        self.url, self.region = url.rstrip("/"), region
        self.trips: dict[str, float] = {}
        self.seats: Seats
        self._others: list[Host] = []
        self._modules: set[str] = set()
        self._wake = asyncio.Event()
        self._in_touch_at: float | None = None

    async def open(self) -> None:
        """As the pool; then join the others.

        Raises:
            StoreError: There is no store to share.
        """
        store = shared_store()
        if store is None:
            raise StoreError(
                "Several hosts share one session store. Set VIVACE_STORE to redis://HOST:PORT/0, "
                "or to sqlite:PATH for hosts of one machine."
            )
        self.seats = Seats(store, url=self.url)
        await super().open()
        self._in_touch_at = asyncio.get_running_loop().time() - IN_TOUCH_SECS
        for work in (self._hold, self._reap, self._look):
            self._start(work(), name=f"host {work.__name__}")

    @property
    def layers(self) -> list[Any]:
        """Shows callers the way to the host that has their session."""
        return [partial(Signposts, hosts=self)]

    @property
    def offered(self) -> Host:
        """What this host offers."""
        limits, load = self._limits, self._load()
        shares = [len(self) / self._limit]
        if limits:
            shares += [load["cpu"] / limits.cpu, load["lag_ms"] / limits.lag_ms]
        refused = bool(self._refuse()[0])
        return Host(
            url=self.url,
            region=self.region,
            load=1.0 if refused else min(0.99, round(max(shares), 3)),
            open=not self.refusal,
        )

    @property
    def known(self) -> list[Host]:
        """This host and the others that live."""
        others = [
            dataclasses.replace(h, trip_ms=self.trips.get(h.url, ELSEWHERE_MS))
            for h in self._others
        ]
        return [self.offered, *others]

    @property
    def elsewhere(self) -> list[str]:
        """URLs of the other hosts."""
        return [host.url for host in self._others]

    def place(self, wishes: Mapping[str, Any]) -> str:
        """The URL of the host that a new caller is best served by; empty when it is this one."""
        chosen = place(self.known, **wishes)
        return chosen.url if chosen and chosen.url != self.url else ""

    def media_url(self, wishes: Mapping[str, Any]) -> str:
        """The host that serves a new caller best, by itself: no load balancer chooses again."""
        return self.place(wishes) or self.url

    def admit(
        self, body: dict[str, Any], *, session_id: str | None = None, returning: bool = False
    ) -> Call:
        """Take a caller in, and tell the other hosts.

        Raises:
            HTTPException: As the base class.
        """
        call = super().admit(body, session_id=session_id, returning=returning)
        self._tell(call)
        return call

    def connect(self, call: Call, runner_args: RunnerArguments, line: Line | None = None) -> None:
        """Put a caller through.

        Raises:
            HTTPException: As the base class.
        """
        super().connect(call, runner_args, line)
        if type(runner_args).__name__ in ROOMS:
            self._tell(call, type(runner_args).__name__, own_fields(runner_args))

    async def settle(self) -> None:
        """Wait until the other hosts can know of every session that is here, but not for long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECS):
                while not self.seats.settled:
                    await asyncio.sleep(0.005)

    def give_up(self, session: str) -> dict[str, Any] | None:
        """Let another host have a session whose caller has not come yet.

        Returns:
            Its body; None when it is not here, or its caller is.
        """
        call = self.get(session)
        if not call or call.arrival.done():
            return None
        self.seats.give_up(session)
        self.drop(call)
        return call.body

    async def take(self, session: str, body: dict[str, Any]) -> None:
        """Have a session that another host gave up."""
        with contextlib.suppress(StoreDown):
            await self.seats.take(session)
            await self._admit_again(session, body)

    async def close(self, *, within: float = 3.0) -> int:
        """As the pool; sessions that had to be ended are the other hosts' to go on with."""
        left = await super().close(within=within)
        with contextlib.suppress(StoreError):
            await self.seats.withdraw()
        return left

    def _tell(self, call: Call, kind: str = "", arguments: Mapping[str, Any] = {}) -> None:
        back = {name: call.body[name] for name in ("bot", RESUME) if call.body.get(name)}
        self.seats.put(call.id, {"body": back, "room": kind and [kind, arguments]})
        self._wake.set()

    async def _run(self, call: Call) -> None:
        try:
            await super()._run(call)
        finally:
            try:
                await self.seats.leave(call.id, over=not self._closed)
            except StoreError as error:
                logger.warning(f"{call}: {error}")

    async def _say_goodbye(self, call: Call, link: Link, over: asyncio.Future[None]) -> None:
        if self._closed and (near := link.sockets.get(call.id)):
            await near.close(RESTARTED)
        await super()._say_goodbye(call, link, over)

    async def _hold(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                await self.seats.offer(self.offered)  # it is over before the leases are
                await self.seats.hold()
                self._in_touch_at = self._in_touch_at or loop.time()
            except StoreError as error:
                if self._in_touch_at:
                    logger.error(f"This host is out of touch with the others: {error}")
                self._in_touch_at = None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), BEAT_SECS)
            self._wake.clear()

    async def _look(self) -> None:
        while True:
            with contextlib.suppress(StoreError):
                self._others = await self.seats.others()
                learnt = await self.seats.learnt()
                if new := learnt - self._modules:
                    self._learn(sorted(new))
                elif self._modules - learnt:
                    await self.seats.teach(self._modules)
            await asyncio.sleep(LOOK_SECS)

    def _learn(self, modules: list[str]) -> None:
        # Other hosts import it too: a lost host's callers do not wait for what it knew already.
        self._modules.update(modules)
        super()._learn(modules)

    async def _reap(self) -> None:
        loop, found = asyncio.get_running_loop(), {}
        while True:
            if len(found) < AT_ONCE:
                await asyncio.sleep(REAP_SECS)
            found = {}
            if self.refusal or not self._in_touch_at:
                continue
            if loop.time() - self._in_touch_at < IN_TOUCH_SECS:
                continue
            with contextlib.suppress(StoreError):
                if self.offered.load >= 1:
                    if any(host.load < 1 for host in await self.seats.others()):
                        await asyncio.sleep(AFTER_OTHERS_SECS)
                found = await self.seats.orphans(AT_ONCE)
                for session, about in found.items():
                    try:
                        await self._go_on(session, about)
                    except (KeyError, TypeError) as fault:  # as a newer or an older host tells it
                        logger.error(f"Session {session} cannot go on here: {fault!r}")

    async def _go_on(self, session: str, about: dict[str, Any]) -> None:
        body = about.get("body", {})
        try:
            kept = read_ticket(body[RESUME])[0] if RESUME in body else session
        except ResumeError:
            kept = ""
        if not body or not kept or not await still_kept(kept):
            await self.seats.leave(session, over=True)
            return
        logger.warning(f"Session {session} goes on here: its host {about['url']} is lost")
        RESTARTS.labels("lost host").inc()
        call = await self._admit_again(session, body)
        if call and (room := about.get("room")):
            kind, arguments = room
            self.connect(call, getattr(runner_types, kind)(**arguments))

    async def _admit_again(self, session: str, body: dict[str, Any]) -> Call | None:
        try:
            return self.admit(body, session_id=session, returning=True)
        except HTTPException:
            if not self.get(session):  # this host is leaving; else it came here meanwhile
                await self.seats.leave(session, over=False)
            return None

"""Workers that are killed at random moments, one after the other; see ``tests/chaos/kills.py``.

python -m tests.chaos.forker STORE SINK KILLS SEED LONGEST_SECS [plain]

Each worker takes over the session of the one before, says what it finds, and goes on doing side
effects and writing state until ``kill -9``. One line of JSON a worker. ``plain`` calls the tool as
Pipecat would: nothing is written down before it, and no key goes with it.
"""

import asyncio
import json
import os
import random
import select
import signal
import sys
import time
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import aiohttp

from sessions.once import Once, idempotency_key
from sessions.store import SessionStore, open_store

EACH = 25
"""Workers a session has; then a new one begins."""


class Journal:
    """Writes straight into the store."""

    def __init__(self, store: SessionStore, sid: str, epoch: int):
        """Write under one epoch."""
        self._store, self._sid, self._epoch = store, sid, epoch
        self.notes: list[asyncio.Future] = []

    async def append(self, event: Any) -> None:
        """Write, acknowledged."""
        await self._store.append(self._sid, self._epoch, json.dumps(event).encode())

    def note(self, event: Any) -> None:
        """Write soon."""
        self.notes.append(asyncio.ensure_future(self.append(event)))


async def work(*, url: str, sink: str, sid: str, told: int, line: int, plain: bool) -> None:
    """Go on with a session from the last request whose caller was told, until killed.

    Tells, as lines of JSON on the descriptor ``line``: what it found, and each request done.
    """
    store = open_store(url)
    epoch = await store.claim(sid, f"worker {os.getpid()}", force=True)
    assert epoch
    stored, events = await store.load(sid), await store.events(sid)
    known = [json.loads(event) for _, event in events]
    done = [event["did"] for event in known if "did" in event]
    state = int(stored.state.split()[0]) if stored.state else 0
    once = Once(sid)
    once.journal = journal = Journal(store, sid, epoch)
    once.restore([event for event in known if "did" not in event], told=lambda c: int(c) <= told)
    tell(line, {"state": state, "done": done})
    request = told
    async with aiohttp.ClientSession() as http:
        while True:
            request += 1
            await ask(None if plain else once, http, sink, sid, request)
            await asyncio.gather(*journal.notes)
            journal.notes.clear()
            await journal.append({"did": request})
            await store.save(sid, epoch, b"%d " % request + b"x" * 5000, keep_s=600)
            tell(line, {"told": request})


async def ask(
    once: Once | None, http: aiohttp.ClientSession, sink: str, sid: str, request: int
) -> None:
    """One request of the caller's, whose tool books over HTTP."""

    async def take(result: Any, *, properties: Any = None) -> None:
        assert "error" not in result, result

    async def book(params: Any) -> None:
        key = {"Idempotency-Key": idempotency_key(params) if once else uuid4().hex}
        wanted = {"session": sid, "request": request}
        async with http.post(f"{sink}/book", json=wanted, headers=key) as answer:
            result = await answer.json()
        if once:
            once.done(params, result)
        await params.result_callback(result)

    said = [{"role": "user", "content": f"request {n}"} for n in range(request)]
    params: Any = SimpleNamespace(
        function_name="book",
        arguments={"day": request % 3},
        tool_call_id=str(request),
        context=SimpleNamespace(messages=said),
        result_callback=take,
    )
    await (once.run(params, book) if once else book(params))


def tell(line: int, what: dict) -> None:
    """Acknowledge: after this, what is told may not be lost."""
    os.write(line, json.dumps(what).encode() + b"\n")


def one(patience: float, longest: float, **how: Any) -> list[dict]:
    """Fork a worker and kill it: after ``patience``, from its fork or from its first word."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(ours)
        try:
            asyncio.run(work(line=theirs, **how))
        except BaseException as fault:  # a fork must not go on as its parent
            tell(theirs, {"fault": repr(fault)})
        os._exit(1)
    os.close(theirs)
    if patience > longest / 10:  # a tenth of them die while they start
        select.select([ours], [], [], 10)
    time.sleep(patience)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with os.fdopen(ours, "rb") as words:
        return [json.loads(word) for word in words.read().rpartition(b"\n")[0].splitlines()]


def main() -> None:
    """Fork and kill; print a line for each worker."""
    url, sink, kills, seed, longest, *plain = sys.argv[1:]
    draws, told = random.Random(int(seed)), 0
    open_store(url)  # imported here, once, and not by each worker
    for number in range(int(kills)):
        sid = f"{'plain' if plain else 'chaos'}-{seed}-{number // EACH}"
        if number % EACH == 0:
            told = 0
        patience = draws.uniform(0, float(longest))
        words = one(
            patience, float(longest), url=url, sink=sink, sid=sid, told=told, plain=bool(plain)
        )
        lost = 0
        for word in words:
            if "state" in word:
                lost = (word["state"] < told) + len(set(range(1, told + 1)) - set(word["done"]))
        told = max([told, *(word["told"] for word in words if "told" in word)])
        faults = [word["fault"] for word in words if "fault" in word]
        report = {"sid": sid, "told": told, "lost": lost, "began": bool(words), "faults": faults}
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()

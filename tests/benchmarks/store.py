"""What keeping a session costs: both stores with 20 sessions, against the same without fencing.

    python -m tests.benchmarks.store [--quick]

20 sessions at a time write their state (19.9 KB of JSON) and read it back at every turn; each
backend takes its rounds in turn with a plain key-value write and read on the same engine: SQLite in
one thread, redis-py against the same server. Then writers, and the Redis server, are killed with
``kill -9`` while they write. The last line is one JSON object:

- ``sqlite_p95_ms``, ``redis_p95_ms``: p95 of one call, writes and reads together; ``_write_`` and
  ``_read_``: of each; ``_p50_``: medians. ``plain_``: of the plain ones. ``None`` without a redis-server.
- ``lost_sqlite``, ``lost_redis``, ``lost_redis_server``: acknowledged writes that were gone after
  the writer, or the server, was killed. ``acknowledged``: how many there were.
- ``load``: the machine's load average; p95 of a shared machine is mostly its neighbours'.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from sessions.store import open_store
from tests.support.redis_process import REDIS, RedisProcess

ROOT = Path(__file__).parents[2]
SESSIONS = 20
TALK = [
    {"role": "user" if i % 2 else "assistant", "content": "lorem ipsum dolor sit amet " * 18}
    for i in range(38)
]
STATE = json.dumps({"v": 1, "sid": "x" * 20, "messages": TALK, "meta": {"lang": "en"}}).encode()

draws = random.Random(7)


class Fenced:
    """A session store of ours."""

    def __init__(self, url: str):
        self._store, self._epochs = open_store(url), {}

    async def put(self, sid: str) -> None:
        if sid not in self._epochs:
            self._epochs[sid] = await self._store.claim(sid, "bench", force=True)
        await self._store.save(sid, self._epochs[sid], STATE, keep_s=3600)

    async def get(self, sid: str) -> bytes | None:
        return (await self._store.load(sid)).state

    async def close(self) -> None:
        await self._store.close()


class PlainSQLite:
    """A table of keys and values, in one thread, with the same settings."""

    def __init__(self, path: str):
        self._thread = ThreadPoolExecutor(1)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("CREATE TABLE IF NOT EXISTS kv(k TEXT PRIMARY KEY, v BLOB)")

    async def _do(self, *what: Any) -> Any:
        run = asyncio.get_running_loop().run_in_executor
        return await run(self._thread, lambda: self._db.execute(*what).fetchone())

    async def put(self, sid: str) -> None:
        await self._do("REPLACE INTO kv VALUES(?, ?)", (sid, STATE))

    async def get(self, sid: str) -> bytes | None:
        row = await self._do("SELECT v FROM kv WHERE k = ?", (sid,))
        return row and row[0]

    async def close(self) -> None:
        self._thread.shutdown()
        self._db.close()


class PlainRedis:
    """SET and GET."""

    def __init__(self, url: str):
        from redis.asyncio import Redis

        self._redis = Redis.from_url(url)

    async def put(self, sid: str) -> None:
        await self._redis.set(f"plain:{sid}", STATE, ex=3600)

    async def get(self, sid: str) -> bytes | None:
        return await self._redis.get(f"plain:{sid}")

    async def close(self) -> None:
        await self._redis.aclose()


async def drive(store: Any, turns: int) -> tuple[list[float], list[float]]:
    """Seconds of each write and each read."""
    writes, reads = [], []

    async def session(sid: str) -> None:
        for _ in range(turns):
            began = time.perf_counter()
            await store.put(sid)
            between = time.perf_counter()
            state = await store.get(sid)
            reads.append(time.perf_counter() - between)
            writes.append(between - began)
            assert state == STATE
            await asyncio.sleep(draws.uniform(0.01, 0.06))

    await asyncio.gather(*(session(f"s{i}") for i in range(SESSIONS)))
    return writes, reads


async def latencies(folder: str, redis: RedisProcess | None, *, rounds: int, turns: int) -> dict:
    """p95 of every arm, the arms taking turns."""
    arms = {
        "sqlite": Fenced(f"sqlite:{folder}/ours.db"),
        "plain_sqlite": PlainSQLite(f"{folder}/p.db"),
    }
    if redis:
        arms |= {"redis": Fenced(redis.url), "plain_redis": PlainRedis(redis.url)}
    seen = {name: ([], []) for name in arms}
    for arm in arms.values():
        await drive(arm, 3)  # connections, pages, scripts
    for _ in range(rounds):
        for name, arm in arms.items():
            writes, reads = await drive(arm, turns)
            seen[name][0].extend(writes)
            seen[name][1].extend(reads)
    for arm in arms.values():
        await arm.close()
    figures = {}
    for name in ("sqlite", "redis", "plain_sqlite", "plain_redis"):
        writes, reads = seen.get(name, (None, None))
        figures[f"{name}_p95_ms"] = writes and _ms(writes + reads, 95)
        figures[f"{name}_p50_ms"] = writes and _ms(writes + reads, 50)
        if writes and not name.startswith("plain"):
            figures[f"{name}_write_p95_ms"] = _ms(writes, 95)
            figures[f"{name}_read_p95_ms"] = _ms(reads, 95)
    return figures


def _ms(secs: list[float], percentile: int) -> float:
    return round(float(np.percentile(secs, percentile)) * 1000, 2)


class Writer:
    """A process that writes until it is killed, see ``tests/store/writer.py``."""

    def __init__(self, url: str, sid: str):
        self.url, self.sid = url, sid
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.store.writer", url, sid, str(len(STATE))],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout and self._process.stdout.readline() == b"1\n"

    async def lost(self) -> tuple[int, int]:
        """Kill it; how many acknowledged writes there were, and how many are gone."""
        self._process.send_signal(signal.SIGKILL)
        assert self._process.stdout
        whole = self._process.stdout.read().rpartition(b"\n")[0]
        self._process.wait()
        acked = {1, *map(int, whole.split())}
        store = open_store(self.url)
        state, _ = await store.load(self.sid)
        events = {int(event) for _, event in await store.events(self.sid)}
        await store.delete(self.sid)
        await store.close()
        newest = int(state.split()[0]) if state else 0
        return len(acked), len(acked - events) + (newest < max(acked))


async def killed(url: str, rounds: int) -> tuple[int, int]:
    """Writers killed at a random moment."""
    sums = np.zeros(2, int)
    for i in range(rounds):
        writer = Writer(url, f"kill{i}")
        await asyncio.sleep(draws.uniform(0.1, 0.6))
        sums += await writer.lost()
    return int(sums[0]), int(sums[1])


async def server_killed(redis: RedisProcess, rounds: int) -> tuple[int, int]:
    """A server killed and started again under a writer."""
    writer = Writer(redis.url, "server")
    for _ in range(rounds):
        await asyncio.sleep(draws.uniform(0.2, 0.6))
        redis.kill()
        redis.start()
    await asyncio.sleep(0.3)
    return await writer.lost()


async def bench(*, rounds: int, turns: int, kills: int) -> dict:
    """All figures."""
    with tempfile.TemporaryDirectory() as folder:
        redis = RedisProcess(Path(folder)) if REDIS else None
        if redis:
            redis.start()
        try:
            figures = await latencies(folder, redis, rounds=rounds, turns=turns)
            acked, figures["lost_sqlite"] = await killed(f"sqlite:{folder}/kill.db", kills)
            figures["lost_redis"] = figures["lost_redis_server"] = None
            if redis:
                more, figures["lost_redis"] = await killed(redis.url, kills)
                most, figures["lost_redis_server"] = await server_killed(redis, kills)
                acked += more + most
        finally:
            if redis:
                redis.stop()
    return {**figures, "acknowledged": acked, "load": round(os.getloadavg()[0], 1)}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    size = {"rounds": 2, "turns": 25, "kills": 3} if args.quick else {}
    print(json.dumps(asyncio.run(bench(**{"rounds": 10, "turns": 50, "kills": 30, **size}))))


if __name__ == "__main__":
    main()

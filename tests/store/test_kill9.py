"""What was acknowledged is there after ``kill -9``: of the writer, and of the store's own server."""

import asyncio
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.store import Writer, server_killed
from tests.support.redis_process import MISSING, REDIS, RedisProcess

pytestmark = pytest.mark.slow

ROUNDS = 5
draws = random.Random(7)


async def test_a_killed_writer_loses_nothing_it_was_told_is_written(url):
    total = 0
    for i in range(ROUNDS):
        writer = Writer(url, f"s{i}")
        await asyncio.sleep(draws.uniform(0.1, 0.5))
        acked, lost = await writer.lost()
        assert lost == 0
        total += acked
    assert total > 20 * ROUNDS
    if url.startswith("sqlite:"):
        with sqlite3.connect(url.removeprefix("sqlite:")) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_two_writers_of_one_host_lose_nothing_either(tmp_path):
    writers = [Writer(f"sqlite:{tmp_path}/s.db", f"s{i}") for i in range(2)]
    await asyncio.sleep(0.6)
    for writer in writers:
        acked, lost = await writer.lost()
        assert acked > 5 and lost == 0


@pytest.mark.skipif(not REDIS, reason=MISSING)
async def test_a_killed_redis_loses_nothing_and_the_writer_goes_on(tmp_path):
    pytest.importorskip("redis")
    server = RedisProcess(tmp_path)
    server.start()
    acked, lost = await server_killed(server, ROUNDS)
    server.stop()
    assert acked > 20 and lost == 0


def start_effects(*words: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.store.effects", *words]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE)


async def test_a_side_effect_is_done_once_however_often_its_process_dies(url, tmp_path):
    services, confirmed = tmp_path / "services.db", 0
    for _ in range(ROUNDS):
        process = start_effects(url, str(services), str(confirmed))
        assert process.stdout and process.stdout.readline() == b"0\n"
        await asyncio.sleep(draws.uniform(0.05, 0.3))
        process.kill()
        whole = process.stdout.read().rpartition(b"\n")[0]
        process.wait()
        confirmed = max(confirmed, *map(int, whole.split()), 0)
    with sqlite3.connect(services) as db:
        done = [request for (request,) in db.execute("SELECT request FROM effects")]
    assert confirmed > 5 * ROUNDS
    assert len(done) == len(set(done)) and set(range(1, confirmed + 1)) <= set(done)
    assert max(done) <= confirmed + 1

"""Virtual time: jumps, order, inline jobs, and no way out."""

import asyncio
import datetime
import random
import socket
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field
from uuid import uuid4

import anyio.to_thread
import pytest

from qa.virtual import ReplayDeadlock, ReplayNetworkError, ReplayOverrun, run
from qa.virtual.clock import real_perf_counter

WALL = 1_790_000_000_250_000_000


@dataclass
class Stamped:
    at: float = field(default_factory=time.time)


def virtually(main, **options):
    return run(main, wall_start_ns=WALL, **options)


def test_an_hour_passes_at_once_on_every_clock():
    async def main(loop):
        before = time.monotonic(), time.perf_counter(), time.time(), loop.time()
        await asyncio.sleep(3600)
        after = time.monotonic(), time.perf_counter(), time.time(), loop.time()
        assert {round(b - a, 6) for a, b in zip(before, after)} == {3600}
        assert datetime.datetime.now(datetime.UTC).timestamp() == time.time()
        assert Stamped().at == time.time() and time.time_ns() == WALL + 3600 * 10**9

    real = real_perf_counter()
    virtually(main)
    assert real_perf_counter() - real < 5
    assert abs(time.time() - WALL / 1e9) > 1 and time.monotonic() != 1000.0


def test_timers_of_one_instant_fire_in_the_order_they_were_set():
    async def main(loop):
        fired = []
        for n in range(50):
            loop.call_later(0.1, fired.append, n)
        await asyncio.sleep(0.2)
        assert fired == list(range(50))

    virtually(main)


def test_the_clock_waits_for_thread_jobs_and_counts_their_sleep():
    async def main(loop):
        def job():
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()
            time.sleep(2)
            return threading.get_ident()

        start = time.monotonic()
        await asyncio.to_thread(job)
        assert time.monotonic() - start == 2
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 / 0)
        return loop.jobs

    assert virtually(main) == 2


def test_a_jobs_cost_is_virtual_time():
    async def main(loop):
        start = time.monotonic()
        await asyncio.to_thread(sum, [1, 2])
        return time.monotonic() - start

    assert virtually(main, cost=lambda func, result: result / 100) == pytest.approx(0.03)


def test_two_runs_draw_the_same_ids_and_numbers():
    async def main(loop):
        await asyncio.sleep(random.random())
        return uuid.uuid4(), uuid4(), random.random(), time.monotonic()

    assert virtually(main, seed=3) == virtually(main, seed=3) != virtually(main, seed=4)


@pytest.mark.parametrize("reach", ["asyncio", "aiohttp", "socket", "lookup", "process", "popen"])
def test_there_is_no_way_out_and_the_error_names_the_address(reach):
    import aiohttp

    async def main(loop):
        match reach:
            case "asyncio":
                await asyncio.open_connection("example.com", 443)
            case "aiohttp":
                async with aiohttp.ClientSession() as session:
                    await session.get("https://example.com/x")
            case "socket":
                socket.create_connection(("127.0.0.1", 9), 1)
            case "lookup":
                await asyncio.to_thread(socket.getaddrinfo, "example.com", 443)
            case "process":
                await asyncio.create_subprocess_exec("example.com")
            case "popen":
                await asyncio.to_thread(subprocess.run, ["example.com"])

    with pytest.raises(ReplayNetworkError, match=r"example.com|127.0.0.1.*9"):
        virtually(main)


def test_a_task_that_waits_for_nothing_is_a_deadlock():
    async def main(loop):
        await loop.create_future()

    with pytest.raises(ReplayDeadlock, match="nothing is due"):
        virtually(main)


def test_a_task_that_waits_too_long_is_an_overrun():
    async def main(loop):
        while True:
            await asyncio.sleep(1)

    with pytest.raises(ReplayOverrun, match="60 virtual seconds"):
        virtually(main, limit_secs=60)


def test_a_thread_may_call_back_while_the_clock_is_held():
    async def main(loop):
        done = asyncio.Event()
        with loop.hold():
            threading.Thread(target=lambda: loop.call_soon_threadsafe(done.set)).start()
            await asyncio.wait_for(done.wait(), 5)
        return time.monotonic()

    assert virtually(main) == 1000.0


def test_a_thread_job_of_anyio_is_done_before_the_clock_moves():
    async def main(loop):
        async with asyncio.timeout(0.001):
            return await anyio.to_thread.run_sync(threading.get_ident)

    assert virtually(main) == threading.get_ident()

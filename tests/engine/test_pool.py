"""Sessions in processes of their own: what one does to itself, and never to another."""

import asyncio
import json
import os
import signal

import httpx
import pytest
import websockets

from serving.server import PortError, listening
from tests.engine.misbehaving import CARD

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="a pool forks"),
]
MISBEHAVING = "tests.engine.misbehaving:bot"


class Caller:
    """A caller on a WebSocket."""

    @classmethod
    async def dial(cls, url, session=""):
        caller = cls()
        path = f"/ws-client?session={session}" if session else "/ws-client"
        caller.socket = await websockets.connect(url.replace("http", "ws") + path)
        hello = json.loads(await asyncio.wait_for(caller.socket.recv(), 20))
        caller.pid, caller.session = hello["pid"], hello["session"]
        return caller

    async def ask(self, word):
        await self.socket.send(word)
        return await asyncio.wait_for(self.socket.recv(), 10)

    async def until_lost(self, within=20):
        with pytest.raises(websockets.ConnectionClosed) as closed:
            async with asyncio.timeout(within):
                while True:
                    await self.socket.recv()
        return closed.value.rcvd


@pytest.fixture
def open_misbehaving(open_pool):
    async def open_(**settings):
        return await open_pool(MISBEHAVING, cards=[CARD], **settings)

    return open_


async def gone(pid, within=5.0):
    async with asyncio.timeout(within):
        while os.path.exists(f"/proc/{pid}"):
            await asyncio.sleep(0.05)


async def test_each_session_has_a_process_of_its_own_that_ends_with_it(open_misbehaving):
    url, _ = await open_misbehaving()
    one, other = await Caller.dial(url), await Caller.dial(url)
    assert len({one.pid, other.pid, os.getpid()}) == 3
    assert await one.ask("hello") == "hello"
    assert await one.ask("bytes") == b"\0\1\2" * 100
    await one.socket.close()
    await gone(one.pid)
    assert await other.ask("still there") == "still there"


async def test_a_crash_ends_one_session_which_goes_on_under_its_id_elsewhere(open_misbehaving):
    url, pool = await open_misbehaving()
    one, other = await Caller.dial(url), await Caller.dial(url)
    await one.socket.send("crash")
    closed = await one.until_lost()
    assert closed.code == 1012
    again = await Caller.dial(url, one.session)
    assert again.session == one.session and again.pid != one.pid
    assert await again.ask("back") == "back"
    assert await other.ask("undisturbed") == "undisturbed"
    assert len(pool) == 2


async def test_a_death_is_noticed_though_a_program_that_the_session_began_lives_on(
    open_misbehaving,
):
    url, _ = await open_misbehaving()
    caller = await Caller.dial(url)
    program = int(await caller.ask("begin a program"))
    await caller.socket.send("crash")
    assert (await caller.until_lost()).code == 1012
    os.kill(program, signal.SIGKILL)  # it was still there


async def test_what_is_to_be_resumed_is_told_before_it_goes_on(open_misbehaving):
    told = []

    async def resume(session):
        told.append(session)

    url, _ = await open_misbehaving(resume=resume)
    caller = await Caller.dial(url)
    await caller.socket.send("crash")
    await caller.until_lost()
    await Caller.dial(url, caller.session)
    assert told == [caller.session]


async def test_a_stuck_session_is_ended_and_no_other_waits_for_it(open_misbehaving):
    url, _ = await open_misbehaving()
    stuck, other = await Caller.dial(url), await Caller.dial(url)
    await stuck.socket.send("stick")
    lost = asyncio.create_task(stuck.until_lost())
    loop, slowest = asyncio.get_running_loop(), 0.0
    while not lost.done():
        asked = loop.time()
        assert await other.ask("and you?") == "and you?"
        slowest = max(slowest, loop.time() - asked)
        await asyncio.sleep(0.05)
    assert (await lost).code == 1012
    assert slowest < 4  # the stuck one would have cost it 5 s and more
    await gone(stuck.pid)


async def test_a_session_that_takes_too_much_memory_is_ended(open_misbehaving):
    url, _ = await open_misbehaving(spec={"memory_mb": 150})
    caller, other = await Caller.dial(url), await Caller.dial(url)
    await caller.socket.send("hoard")
    assert (await caller.until_lost()).code == 1012
    assert await other.ask("room for me?") == "room for me?"


async def test_a_fault_of_the_bot_is_told_as_in_one_process(open_misbehaving):
    url, _ = await open_misbehaving()
    caller = await Caller.dial(url)
    await caller.socket.send("fail")
    closed = await caller.until_lost()
    assert (closed.code, closed.reason) == (1011, "it was told to fail")


async def test_several_sessions_share_a_process_where_density_is_wanted(open_misbehaving):
    url, _ = await open_misbehaving(spec={"lines": 2}, spares=0)
    callers = [await Caller.dial(url) for _ in range(3)]
    assert len({caller.pid for caller in callers}) == 2
    for caller in callers:
        assert await caller.ask(caller.session) == caller.session


async def test_a_session_has_a_longest_length(open_misbehaving):
    url, _ = await open_misbehaving(longest_secs=1.0)
    caller = await Caller.dial(url)
    assert (await caller.until_lost()).code == 1000
    await gone(caller.pid)


async def test_a_caller_who_never_comes_leaves_no_process_behind(open_misbehaving):
    url, pool = await open_misbehaving(spec={"patience": 0.5}, spares=0)
    async with httpx.AsyncClient() as http:
        assert (await http.post(f"{url}/start", json={})).status_code == 200
    async with asyncio.timeout(10):
        while len(pool) or pool._links:
            await asyncio.sleep(0.05)


async def test_what_sessions_count_is_added_up_and_stays_when_they_are_gone(open_misbehaving):
    url, _ = await open_misbehaving()
    callers = [await Caller.dial(url) for _ in range(2)]
    for caller in callers:
        await caller.ask("one")
        await caller.ask("two")
        await caller.socket.close()
        await gone(caller.pid)
    async with httpx.AsyncClient() as http:
        text = (await http.get(f"{url}/metrics")).text
        assert (await http.get(f"{url}/readyz")).status_code == 200
    assert "vivace_test_heard_total 4.0" in text
    assert "vivace_sessions 0.0" in text
    assert 'vivace_loop_lag_p99_seconds{process="front"}' in text


async def test_nothing_is_left_when_the_server_leaves(pool_app):
    app = pool_app(MISBEHAVING, cards=[CARD])
    async with listening(app) as (url, _):
        caller = await Caller.dial(url)
        warm = app.state.switchboard._zygote._process.pid
    await gone(caller.pid)
    await gone(warm)


async def test_a_bot_that_cannot_be_loaded_stops_the_start(open_pool):
    with pytest.raises(PortError, match="did not start"):
        await open_pool("tests.engine.misbehaving:no_such_bot", cards=[CARD])

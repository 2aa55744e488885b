"""The store goes and comes back; the call does not notice, and what was noted is there."""

import asyncio
import json

import pytest

from sessions.resume import ticket
from sessions.store import open_store
from tests.store.calls import calling
from tests.support.redis_process import MISSING, REDIS, RedisProcess

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not REDIS, reason=MISSING)]


async def test_a_redis_that_stops_and_comes_back_costs_the_call_nothing(tmp_path, monkeypatch):
    pytest.importorskip("redis")
    server = RedisProcess(tmp_path)
    server.start()
    monkeypatch.setenv("VIVACE_STORE", server.url)
    monkeypatch.setenv("VIVACE_SECRET", "only for tests")
    async with calling(body={}) as call:
        keeper = call.session.keeper
        await call.say("one")
        await call.line.until(lambda: call.contains("Yes of course"))
        await keeper.append({"known": "before"})
        server.stop()
        await call.say("two")
        await call.line.until(lambda: str(call.context.messages).count("Yes of course") == 2)
        await call.line.until(lambda: keeper.down)
        noted = keeper.note({"known": "meanwhile"})
        server.start()
        await asyncio.wait_for(noted, 15)
        await call.line.until(lambda: not keeper.down)
        await call.say("three")
        await call.line.until(lambda: str(call.context.messages).count("Yes of course") == 3)
        assert keeper.failures and keeper.p95_ms() is not None
    store = open_store(server.url)
    events = [json.loads(event[2:]) for _, event in await store.events(call.session.id)]
    await store.close()
    assert [e["known"] for e in events if "known" in e] == ["before", "meanwhile"]
    said = [e["text"] for e in events if e.get("turn") == "user"]
    assert said == ["one", "two", "three"]
    async with calling(body={"resume": ticket(call.session.id, "clerk")}) as again:
        assert again.contains("three")
    server.stop()


async def test_a_call_begins_and_ends_in_time_without_its_store(tmp_path, monkeypatch):
    pytest.importorskip("redis")
    monkeypatch.setenv("VIVACE_STORE", RedisProcess(tmp_path).url)
    async with calling(body={}) as call:
        await call.say("hello")
        await call.line.until(lambda: call.contains("Yes of course"))
        await call.line.until(lambda: call.session.keeper.down)
        ending = asyncio.get_running_loop().time()
        await call.line.hang_up()
        await asyncio.wait_for(asyncio.wait([call.task]), 8)
        assert asyncio.get_running_loop().time() - ending < 6

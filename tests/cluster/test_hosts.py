"""Several hosts, real ones: each is a process that stands for a machine."""

import asyncio
import os
import signal
import time

import httpx
import pytest
import websockets

from sessions import tokens
from sessions.store import open_store
from tests.cluster.conftest import Caller
from tests.support.offers import offer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="a pool forks"),
]


async def until(condition, *, within=10.0):
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.1)


@pytest.fixture
def pair(machines, url):
    """Two hosts that know each other."""

    async def start(*, regions=("", ""), limits=(8, 8)):
        hosts = await asyncio.gather(
            *(machines(url, region=r, limit=n) for r, n in zip(regions, limits))
        )

        async def acquainted():
            known = [(await host.ask("/hosts")).json() for host in hosts]
            return all(len(one) == len(hosts) for one in known)

        await until(acquainted)
        return hosts

    return start


async def test_a_lost_hosts_sessions_go_on_elsewhere_with_all_that_was_said(pair):
    one, other = await pair()
    started = [await one.start(roundTrips={one.url: 0, other.url: 500}) for _ in range(3)]
    callers = [await Caller.dial(one.seat(each)) for each in started]
    for number, caller in enumerate(callers):
        await caller.say(f"word-{number}")
    one.lose()
    lost = time.monotonic()
    back = await asyncio.gather(*(Caller.dial(other.seat(each)) for each in started))
    print(f"back after {time.monotonic() - lost:.2f} s")
    for number, (caller, was) in enumerate(zip(back, callers, strict=True)):
        assert caller.hello["session"] == was.hello["session"]
        assert caller.hello["known"] == f"word-{number} "
        assert caller.hello["pid"] != was.hello["pid"]
        await caller.say("and")
    assert "lost host" in (await other.ask("/metrics")).text


async def test_a_bot_in_a_room_rejoins_it_from_another_host_and_no_other_does(machines, url):
    one, *others = await asyncio.gather(*(machines(url) for _ in range(3)))
    started = await one.start(roundTrips={one.url: 0})
    sid, store = started["sessionId"], open_store(url)
    await one.ask(f"/test/room/{sid}", json={})

    async def joined(times):
        return ((await store.load(sid)).state or b"").count(b"daily-room") == times

    await until(lambda: joined(1))
    await asyncio.sleep(0.5)
    one.lose()
    await until(lambda: joined(2), within=4)
    await asyncio.sleep(1)
    assert await joined(2)
    await store.close()


async def test_any_host_shows_the_way_to_the_one_that_has_a_session(pair):
    one, other = await pair()
    started = await one.start(roundTrips={one.url: 0, other.url: 500})
    own = {"Authorization": f"Bearer {started['sessionToken']}"}
    document = {"file": ("notes.txt", b"some notes")}
    sent = await other.ask(started["fileUploadUrl"], files=document, headers=own)
    assert sent.status_code == 200 and sent.json()["name"] == "notes.txt"
    where = f"/sessions/{started['sessionId']}/api/offer"
    offered = await other.ask(where, json={"sdp": "none"}, headers=own)
    assert offered.status_code == 400  # by the host that has it; 404 elsewhere
    assert (await other.ask(where, json={"sdp": "none"})).status_code == 401
    missing = await other.ask("/sessions/nobody/api/offer", json={"sdp": "none"})
    assert missing.status_code == 404
    caller = await Caller.dial(other.seat(started))  # as by a load balancer
    await caller.say("hello")
    assert caller.hello["session"] == started["sessionId"]
    assert (await one.ask("/healthz")).json()["sessions"] == 0
    forged = await one.ask(f"/hosts/claim/{started['sessionId']}", json={})
    assert forged.status_code == 403


async def test_callers_are_placed_by_room_region_and_round_trip(pair):
    near, far = await pair(regions=("eu", "us"), limits=(2, 8))

    async def host_of(**asked):
        return "near" if near.url[4:] in (await near.start(**asked))["wsUrl"] else "far"

    async def measured():
        return "far" == await host_of(region="us")

    await until(measured)
    assert await host_of(region="eu") == "near"
    assert await host_of(roundTrips={near.url: 90, far.url: 10}) == "far"
    await host_of(region="eu")
    assert await host_of(region="eu") == "far"  # there is no room where they want to be
    by_balancer = await near.ask(
        "/start", json={"transport": "websocket"}, headers={"Host": "voice.example.org"}
    )
    assert by_balancer.status_code in (421, 503)


async def test_a_carrier_that_asks_a_full_host_is_sent_to_one_with_room(pair):
    full, roomy = await pair(limits=(1, 8))
    await full.start(roundTrips={full.url: 0, roomy.url: 500})

    async def stream(asked):
        return (await asked.ask("/phone/exotel/keeping")).json()["url"]

    async def told():  # what the others offer is looked at once a second
        there = roomy.url.replace("http", "ws")
        return all([(await stream(asked)).startswith(there) for asked in (full, roomy)])

    await until(told)
    caller = await Caller.dial(await stream(full))
    await caller.say("hello")
    assert (await roomy.ask("/healthz")).json()["sessions"] == 1


async def test_an_offer_without_a_session_is_answered_by_the_host_that_is_best(pair):
    asked, best = await pair()
    peer, sdp = await offer()
    mine = {"Authorization": f"Bearer {tokens.start_token()}"}
    data = {"roundTrips": {asked.url: 500, best.url: 0}}
    answer = await asked.ask("/api/offer", json=sdp | {"request_data": data}, headers=mine)
    assert answer.status_code == 200
    assert (await asked.ask("/healthz")).json()["sessions"] == 0
    assert (await best.ask("/healthz")).json()["sessions"] == 1
    connection = {"pc_id": answer.json()["pc_id"]}
    async with httpx.AsyncClient(base_url=asked.url) as http:  # by a load balancer, to any host
        found = connection | {"candidates": []}
        assert (await http.patch("/api/offer", json=found)).status_code == 401
        assert (await http.patch("/api/offer", json=found, headers=mine)).status_code == 200
        again = sdp | connection | {"restart_pc": True}
        assert (await http.post("/api/offer", json=again, headers=mine)).status_code == 200
        gone = {"pc_id": "SmallWebRTCConnection#0-0@nobody", "candidates": []}
        assert (await http.patch("/api/offer", json=gone, headers=mine)).status_code == 404
    await peer.close()


async def test_the_sessions_of_a_host_that_leaves_go_on_elsewhere(pair):
    one, other = await pair()
    started = await one.start(roundTrips={one.url: 0, other.url: 500})
    caller = await Caller.dial(one.seat(started))
    await caller.say("before")
    one.process.send_signal(signal.SIGTERM)
    with pytest.raises(websockets.ConnectionClosed) as closed:
        async with asyncio.timeout(15):
            while True:
                await caller.socket.recv()
    assert closed.value.rcvd.code == 1012
    again = await Caller.dial(other.seat(started))
    assert again.hello["known"] == "before "


async def test_a_host_that_was_out_of_touch_keeps_its_callers(pair):
    one, other = await pair()
    started = await one.start(roundTrips={one.url: 0, other.url: 500})
    caller = await Caller.dial(one.seat(started))
    await caller.say("before")
    one.process.send_signal(signal.SIGSTOP)
    taken = lambda: other.ask("/healthz")  # noqa: E731

    async def gone_over():
        return (await taken()).json()["sessions"] == 1

    await until(gone_over, within=4)
    one.process.send_signal(signal.SIGCONT)
    await caller.say("after")


async def test_a_store_that_was_away_costs_no_host_its_sessions(machines, redis):
    import redis as client

    client.Redis.from_url(redis.url).flushdb()  # other tests' sessions go on too
    one, other = await asyncio.gather(machines(redis.url), machines(redis.url))
    started = await one.start(roundTrips={one.url: 0})
    caller = await Caller.dial(one.seat(started))
    redis.stop()
    await asyncio.sleep(3)
    redis.start()
    await asyncio.sleep(4)
    await caller.say("still here")
    assert (await other.ask("/healthz")).json()["sessions"] == 0
    await Caller.dial(one.seat(await one.start(roundTrips={one.url: 0})))

"""Which host has which session: leases on both stores, real."""

import asyncio

import pytest

from serving.engine import seats as seats_module
from serving.engine.seats import Host, Seats
from sessions import tokens

LEASE_SECS, SILENT_SECS = 0.4, 0.45
ABOUT = {"body": {"bot": "clerk"}, "room": ""}


@pytest.fixture
def hosts(store, monkeypatch):
    """Hosts whose leases last a moment."""
    monkeypatch.setenv(tokens.VARIABLE, "only for tests")
    beat, claim = store.beat, store.claim

    async def short_beat(owner, sids):
        return await beat(owner, sids, lease_s=LEASE_SECS)

    async def short_claim(sid, owner, *, lease_s=LEASE_SECS, force=False):
        return await claim(sid, owner, lease_s=lease_s, force=force)

    monkeypatch.setattr(store, "beat", short_beat)
    monkeypatch.setattr(store, "claim", short_claim)
    return lambda name: Seats(store, url=f"http://{name}")


async def test_a_session_is_its_hosts_while_that_lives_and_then_one_others(hosts):
    one, two, three = map(hosts, ("one", "two", "three"))
    one.put("s1", ABOUT)
    assert not one.settled
    await one.hold()
    assert one.settled
    assert await two.find("s1") == {**ABOUT, "url": "http://one"}
    for _ in range(3):
        await asyncio.sleep(LEASE_SECS / 3)
        await one.hold()
    assert await two.orphans(9) == {}
    await asyncio.sleep(SILENT_SECS)
    found = [await two.orphans(9), await three.orphans(9)]
    assert found == [{"s1": {**ABOUT, "url": "http://one"}}, {}]


async def test_a_session_that_is_over_is_nobodys_and_one_that_was_put_down_is_the_next_ones(hosts):
    one, two = hosts("one"), hosts("two")
    for session in ("over", "put down"):
        one.put(session, ABOUT)
    await one.hold()
    await one.leave("over", over=True)
    await one.leave("put down", over=False)
    assert (await two.find("over"))["over"]
    assert not (await two.find("put down"))["url"]  # who asks for it waits
    assert list(await two.orphans(9)) == ["put down"]


async def test_a_host_that_was_silent_has_its_session_again_when_the_other_lets_go(hosts):
    one, two = hosts("one"), hosts("two")
    one.put("s1", ABOUT)
    await one.hold()
    await asyncio.sleep(SILENT_SECS)
    await two.orphans(9)
    two.put("s1", ABOUT)
    await two.hold()
    await one.hold()
    assert not one.settled and (await one.find("s1"))["url"] == "http://two"
    await two.leave("s1", over=True)
    await one.hold()
    await one.hold()
    assert one.settled and "over" not in await one.find("s1")


async def test_a_host_gives_a_session_up_to_the_one_that_asks(hosts):
    one, two = hosts("one"), hosts("two")
    one.put("s1", ABOUT)
    await one.hold()
    one.give_up("s1")
    await two.take("s1")
    two.put("s1", ABOUT)
    await two.hold()
    await one.leave("s1", over=True)  # as its call ends: it is not this host's to end any more
    assert await one.find("s1") == {**ABOUT, "url": "http://two"}


async def test_no_more_than_asked_for_is_taken_and_no_other_lease(hosts, store):
    one, two = hosts("one"), hosts("two")
    await store.claim("a session's own lease", "its process")
    for number in range(3):
        one.put(f"s{number}", ABOUT)
    await one.hold()
    await asyncio.sleep(SILENT_SECS)
    assert len(await two.orphans(2)) == 2 and len(await two.orphans(9)) == 1


async def test_hosts_see_what_the_others_offer_until_they_fall_silent(hosts, monkeypatch):
    monkeypatch.setattr(seats_module, "LEASE_SECS", LEASE_SECS)
    one, two = hosts("one"), hosts("two")
    offer = Host(url="http://one", region="eu", load=0.25)
    await one.offer(offer)
    assert await two.others() == [offer] and await one.others() == []
    await asyncio.sleep(SILENT_SECS)
    assert await two.others() == []
    await one.offer(offer)
    assert await two.others() == [offer]
    await one.withdraw()
    assert await two.others() == []


async def test_what_is_stored_can_be_read_with_the_secret_only(hosts, store, monkeypatch):
    one = hosts("one")
    one.put("s1", {"room": ["Daily", {"token": "of the bot"}]})
    await one.hold()
    await one.teach({"json"})
    for key in await store.scan(""):
        assert b"of the bot" not in ((await store.load(key)).state or b"")
    monkeypatch.setenv(tokens.VARIABLE, "another")
    stranger = hosts("stranger")
    assert await stranger.find("s1") is None and await stranger.learnt() == set()


async def test_hosts_teach_each_other_what_sessions_import(hosts):
    one, two = hosts("one"), hosts("two")
    assert await two.learnt() == set()
    await one.teach({"json", "wave"})
    assert await two.learnt() == {"json", "wave"}

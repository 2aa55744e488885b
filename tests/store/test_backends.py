"""Both backends keep the one promise: newest owner writes, everybody else is refused."""

import asyncio
import stat

import pytest

from sessions.store import StaleOwner, StoreDown, StoreError, open_store, shared_store
from sessions.store.box import Box, BoxError
from tests.support.redis_process import RedisProcess


async def test_what_was_saved_is_loaded(store):
    assert await store.load("s1") == (None, 0)
    epoch = await store.claim("s1", "a")
    assert (await store.load("s1")).state is None
    await store.save("s1", epoch, b"one\x00two", keep_s=60)
    assert await store.load("s1") == (b"one\x00two", epoch)


async def test_a_session_has_one_owner_until_its_lease_is_over(store):
    first = await store.claim("s1", "a", lease_s=0.3)
    assert first and await store.claim("s1", "b") is None
    assert await store.beat("a", ["s1"], lease_s=0.3) == []
    assert await store.expired(10) == []
    await asyncio.sleep(0.35)
    assert await store.expired(10) == ["s1"]
    second = await store.claim("s1", "b")
    assert second and second > first
    assert await store.expired(10) == []
    assert await store.beat("a", ["s1"]) == ["s1"]


async def test_an_epoch_alone_fences_and_holds_nothing(store):
    old = await store.claim("m", "a", lease_s=0)
    assert await store.expired(10) == [] and await store.beat("a", ["m"]) == ["m"]
    new = await store.claim("m", "b", lease_s=0)
    await store.save("m", new, b"x", keep_s=60)
    with pytest.raises(StaleOwner):
        await store.save("m", old, b"late", keep_s=60)


async def test_a_stale_owner_can_neither_save_nor_append(store):
    old = await store.claim("s1", "a")
    await store.append("s1", old, b"e1")
    new = await store.claim("s1", "b", force=True)
    with pytest.raises(StaleOwner, match="belongs to another owner"):
        await store.save("s1", old, b"late", keep_s=60)
    with pytest.raises(StaleOwner):
        await store.append("s1", old, b"late")
    await store.release("s1", old, over=False)
    assert await store.expired(10) == []
    await store.append("s1", new, b"e2")
    assert [event for _, event in await store.events("s1")] == [b"e1", b"e2"]
    assert (await store.load("s1")).state is None


async def test_an_epoch_is_never_given_twice_not_even_after_a_deletion(store):
    old = await store.claim("s1", "a")
    await store.save("s1", old, b"x", keep_s=60)
    await store.append("s1", old, b"x")
    await store.delete("s1")
    assert await store.load("s1") == (None, 0) and await store.events("s1") == []
    new = await store.claim("s1", "b")
    assert new > old and await store.events("s1") == []
    with pytest.raises(StaleOwner):
        await store.save("s1", old, b"late", keep_s=60)
    await store.delete("never there")


async def test_of_many_that_claim_at_once_one_wins(url):
    stores = [open_store(url) for _ in range(6)]
    claims = await asyncio.gather(*(s.claim("s1", f"o{i}") for i, s in enumerate(stores)))
    assert sum(claim is not None for claim in claims) == 1
    forced = await asyncio.gather(
        *(s.claim("s2", f"o{i}", force=True) for i, s in enumerate(stores))
    )
    assert len(set(forced)) == 6
    saves = await asyncio.gather(
        *(s.save("s2", e, str(e).encode(), keep_s=60) for s, e in zip(stores, forced)),
        return_exceptions=True,
    )
    assert sum(save is None for save in saves) == 1
    assert (await stores[0].load("s2")).state == str(max(forced)).encode()
    for store in stores:
        await store.close()


async def test_events_come_back_in_order_and_from_where_one_stopped(store):
    epoch = await store.claim("s1", "a")
    other = await store.claim("s2", "a")
    for i in range(5):
        await store.append("s1", epoch, b"%d" % i)
        await store.append("s2", other, b"not mine")
    events = await store.events("s1")
    assert [event for _, event in events] == [b"0", b"1", b"2", b"3", b"4"]
    assert [e for _, e in await store.events("s1", since=events[2][0])] == [b"3", b"4"]


async def test_a_released_session_is_anybodys_at_once_and_one_that_is_over_nobodys(store):
    epoch = await store.claim("s1", "a")
    await store.release("s1", epoch, over=False)
    assert await store.expired(10) == ["s1"]
    epoch = await store.claim("s1", "b")
    await store.save("s1", epoch, b"the end", keep_s=60)
    await store.release("s1", epoch, over=True)
    assert await store.expired(10) == []
    assert (await store.load("s1")).state == b"the end"
    assert await store.claim("s1", "c")


async def test_a_session_is_forgotten_after_its_time(store):
    epoch = await store.claim("s1", "a")
    await store.append("s1", epoch, b"x")
    await store.save("s1", epoch, b"x", keep_s=0.2)
    assert await store.scan("s") == ["s1"]
    await asyncio.sleep(0.25)
    assert (await store.load("s1")).state is None
    assert await store.events("s1") == [] and await store.scan("") == []
    assert await store.expired(10) == []
    await store.claim("s2", "a")


async def test_scan_takes_no_character_for_a_pattern(store):
    for sid in ("a*b", "a1b", "a[b", "A*b"):
        await store.claim(sid, "x")
    assert await store.scan("a*") == ["a*b"]
    assert await store.scan("a[") == ["a[b"]
    assert len(await store.scan("a")) == 3


async def test_the_embedded_store_is_this_users_and_overwrites_what_it_deletes(tmp_path):
    path = tmp_path / "folder" / "sessions.db"
    store = open_store(f"sqlite:{path}")
    epoch = await store.claim("s1", "a")
    await store.save("s1", epoch, b"a secret word" * 50, keep_s=60)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert any(b"a secret word" in p.read_bytes() for p in path.parent.iterdir())
    await store.delete("s1")
    assert not any(b"a secret word" in p.read_bytes() for p in path.parent.iterdir())
    await store.close()


async def test_a_lease_of_before_the_last_boot_holds_nobody_off(tmp_path, monkeypatch):
    import time

    store = open_store(f"sqlite:{tmp_path}/s.db")
    await store.claim("s1", "a")
    real = time.monotonic
    monkeypatch.setattr("sessions.store.embedded.time.monotonic", lambda: real() - 1e6)
    assert await store.expired(10) == ["s1"]
    assert await store.claim("s1", "b")
    await store.close()


async def test_a_store_out_of_reach_says_so_within_a_bound(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreDown, match="VIVACE_STORE"):
        await open_store(f"sqlite:{tmp_path}/file/s.db").claim("s1", "a")
    pytest.importorskip("redis")
    dead = open_store(RedisProcess(tmp_path).url)
    async with asyncio.timeout(10):
        with pytest.raises(StoreDown, match="does not answer"):
            await dead.load("s1")
    await dead.close()


async def test_a_url_that_names_no_store_is_refused_with_the_cure(monkeypatch):
    for url in ("", "sqlite:", "mysql://x", "/tmp/x"):
        with pytest.raises(StoreError, match="sqlite:PATH"):
            open_store(url)
    monkeypatch.delenv("VIVACE_STORE", raising=False)
    assert shared_store() is None


def test_what_is_sealed_opens_for_its_session_and_key_alone():
    box = Box(b"k" * 32)
    blob = box.close(b"jane doe", sid="s1")
    assert b"jane" not in blob and box.open(blob, sid="s1") == b"jane doe"
    for other, sid in ((box, "s2"), (Box(b"x" * 32), "s1"), (Box(None), "s1")):
        with pytest.raises(BoxError, match="VIVACE_TAPE_KEY"):
            other.open(blob, sid=sid)
    with pytest.raises(BoxError):
        box.open(Box(None).close(b"forged", sid="s1"), sid="s1")
    assert box.name("jane") != Box(b"x" * 32).name("jane")

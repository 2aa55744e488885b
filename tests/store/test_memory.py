"""Remembered across calls: with consent, by proof of who calls, sealed, and not for ever."""

import asyncio
import base64
import sqlite3
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from sessions import HIPAA, OPEN, tokens
from sessions.clock import Clock
from sessions.memory import Memory, MemoryRefused
from sessions.phi import PHIFirewall
from sessions.store import shared_store

ASKS = {"consent": frozenset({"recording", "memory"})}


@pytest.fixture(autouse=True)
def place(url, monkeypatch):
    monkeypatch.setenv("VIVACE_STORE", url)
    monkeypatch.setenv("VIVACE_SECRET", "only for tests")
    monkeypatch.setenv("VIVACE_TAPE_KEY", base64.b64encode(b"k" * 32).decode())
    return url


def memory(caller="kim", *, policy=OPEN, agreed=True, phi=None):
    session = SimpleNamespace(
        policy=replace(policy, **ASKS),
        consent=frozenset({"memory"}) if agreed else frozenset(),
        body={"caller": tokens.sign(caller, 60, purpose="caller")} if caller else {},
        live=set(),
        phi=phi,
        clock=Clock(),
        recording=SimpleNamespace(replayed=False),
    )
    return Memory(session)


async def test_what_was_told_in_one_call_is_found_in_the_next_by_its_words():
    first = memory()
    for text in ("Kim prefers to be called in the mornings.", "Her dog Rex limps.", "Likes tea."):
        await first.remember(text)
    again = memory()
    assert [note.text for note in await again.recall("which dogs limp?")] == ["Her dog Rex limps."]
    assert (await again.recall("morning call"))[0].text.startswith("Kim prefers")
    assert [note.text for note in await again.recall("")][0] == "Likes tea."
    assert await again.recall('NOT "a* OR (') == [] and await again.recall("bicycle") == []


async def test_nobody_is_remembered_who_did_not_agree_or_is_not_known():
    with pytest.raises(MemoryRefused, match="has not agreed"):
        await memory(agreed=False).remember("x")
    with pytest.raises(MemoryRefused, match="has not agreed"):
        await memory(agreed=False).recall("x")
    with pytest.raises(MemoryRefused, match="who the caller is"):
        await memory(caller=None).remember("x")
    claimed = memory(caller=None)
    claimed._session.body = {"caller": "kim"}  # a claim without proof
    with pytest.raises(MemoryRefused, match="who the caller is"):
        await claimed.recall("x")


async def test_nobody_recalls_what_another_told():
    await memory("kim").remember("Her dog is called Rex.")
    assert await memory("robin").recall("dog") == []


async def test_a_caller_is_forgotten_on_request_whether_they_agree_or_not():
    await memory().remember("Her dog is called Rex.")
    await memory(agreed=False).forget()
    assert await memory().recall("dog") == [] and await shared_store().scan("memory:") == []


async def test_notes_expire_with_the_retention_of_the_policy():
    await memory().remember("Her dog is called Rex.")
    late = memory()
    late._now = lambda: late._session.clock.started_at.timestamp() + 31 * 86_400
    assert await late.recall("dog") == []
    await late.remember("A new one.")
    assert [note.text for note in await late.recall("")] == ["A new one."]


async def test_what_lies_on_the_disk_tells_neither_who_nor_what(place):
    await memory("kim@example.org").remember("Her dog is called Rex.")
    (name,) = await shared_store().scan("memory:")
    state, _ = await shared_store().load(name)
    assert "kim" not in name and b"Rex" not in state
    if place.startswith("sqlite:"):
        path = place.removeprefix("sqlite:")
        sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert b"Rex" not in Path(path).read_bytes()


async def test_under_hipaa_a_note_holds_no_identifier(monkeypatch):
    phi = PHIFirewall()
    phi.redact("my name is jordan miller and my number is 555 217 4098")
    hipaa = memory(policy=HIPAA, phi=phi)
    await hipaa.remember("[NAME_1] is allergic to penicillin; Jordan Miller, 555-217-4098")
    (note,) = await hipaa.recall("penicillin")
    assert "allergic to penicillin" in note.text
    assert not any(part in note.text for part in ("Miller", "4098", "[NAME"))
    monkeypatch.delenv("VIVACE_TAPE_KEY")
    hipaa._session.live = {"deepgram"}
    with pytest.raises(MemoryRefused):
        await hipaa.remember("x")


async def test_two_calls_of_one_caller_lose_nothing_of_each_other():
    await asyncio.gather(*(memory().remember(f"fact number {i}") for i in range(3)))
    assert len(await memory().recall("fact")) == 3

"""A side effect's key is written before it runs, and what was done is known to the next process."""

import asyncio
from types import SimpleNamespace

import pytest

from sessions.once import Once
from sessions.store import StaleOwner, StoreDown


class Journal:
    """Keeps events; may be out of reach."""

    def __init__(self, fault=None):
        self.events, self.fault = [], fault

    async def append(self, event):
        if self.fault:
            raise self.fault
        self.events.append(event)

    def note(self, event):
        self.events.append(event)


def params(*said, day="friday", call="call-1"):
    results = []

    async def take(result, *, properties=None):
        results.append(result)

    return SimpleNamespace(
        function_name="book",
        arguments={"day": day},
        tool_call_id=call,
        result_callback=take,
        context=SimpleNamespace(messages=[{"role": "user", "content": text} for text in said]),
        results=results,
    )


class Service:
    """What is behind the tool: it does what it is asked, and counts by key."""

    def __init__(self, once, *, dies=False):
        self.once, self.dies, self.keys = once, dies, []

    async def __call__(self, asked):
        self.keys.append(asked._vivace_idempotency_key)
        if self.dies:
            await asyncio.Event().wait()
        result = {"number": len(self.keys)}
        self.once.done(asked, result)
        await asked.result_callback(result)


def again(journal, *, told=()) -> Once:
    """The next process."""
    once = Once("s1")
    once.journal = journal
    once.restore(list(journal.events), told=set(told).__contains__)
    return once


async def do(once, service, *said, **kw):
    asked = params(*said, **kw)
    await once.run(asked, service)
    return asked.results[-1]


async def test_the_key_is_written_before_the_call_runs_and_the_result_after():
    once, journal = Once("s1"), Journal()
    once.journal = journal
    seen = []

    async def run(asked):
        seen.extend(dict(event) for event in journal.events)
        once.done(asked, {"ok": 1})

    await once.run(params("book"), run)
    assert len(seen) == 1 and seen[0]["call"] == "call-1" and "result" not in seen[0]
    assert journal.events[1]["result"] == {"ok": 1}


@pytest.mark.parametrize("fault", [StoreDown("down"), StaleOwner("s1")])
async def test_a_call_that_cannot_be_written_down_is_not_run(fault):
    once = Once("s1")
    once.journal = Journal(fault)
    service = Service(once)
    assert "was not run" in (await do(once, service, "book"))["error"] and not service.keys
    once.journal = Journal()
    assert (await do(once, service, "book")) == {"number": 1}


async def test_a_call_cut_off_by_a_crash_runs_again_under_its_key_whatever_is_said_since():
    once, journal = Once("s1"), Journal()
    once.journal = journal
    dying = Service(once, dies=True)
    task = asyncio.create_task(once.run(params("book"), dying))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert dying.keys
    next_once = again(journal)
    service = Service(next_once)
    await do(next_once, service, "book", "did you?")
    assert service.keys == dying.keys
    task.cancel()


async def test_what_the_caller_was_not_told_of_is_returned_once_more_and_not_done_again():
    once, journal = Once("s1"), Journal()
    once.journal = journal
    service = Service(once)
    await do(once, service, "book")
    next_once = again(journal)
    next_service = Service(next_once)
    assert await do(next_once, next_service, "book", "did you?") == {"number": 1}
    assert not next_service.keys
    await do(next_once, next_service, "book", "did you?", "and one more please")
    assert len(next_service.keys) == 1 and next_service.keys != service.keys


async def test_what_the_caller_was_told_of_is_done_anew_when_asked_anew():
    once, journal = Once("s1"), Journal()
    once.journal = journal
    service = Service(once)
    await do(once, service, "book")
    next_once = again(journal, told=["call-1"])
    next_service = Service(next_once)
    assert await do(next_once, next_service, "book") == {"number": 1}  # the same request
    assert not next_service.keys
    await do(next_once, next_service, "book", "one more please")
    assert next_service.keys and next_service.keys != service.keys
    third = again(journal)
    assert (await do(third, Service(third), "book", "x", "y")) == {"number": 1}

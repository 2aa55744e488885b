"""A process that does one side effect after the other until it is killed: see test_kill9."""

import asyncio
import json
import os
import sqlite3
import sys
from types import SimpleNamespace

from sessions.once import Once, idempotency_key
from sessions.store import open_store


class Journal:
    """Writes straight into the store."""

    def __init__(self, store, sid, epoch):
        self.store, self.sid, self.epoch, self.notes = store, sid, epoch, []

    async def append(self, event):
        await self.store.append(self.sid, self.epoch, json.dumps(event).encode())

    def note(self, event):
        self.notes.append(asyncio.ensure_future(self.append(event)))


async def main(url: str, services: str, confirmed: int) -> None:
    store = open_store(url)
    service = sqlite3.connect(services, isolation_level=None, timeout=10)
    service.execute("CREATE TABLE IF NOT EXISTS effects(key TEXT PRIMARY KEY, request INTEGER)")
    epoch = await store.claim("s", f"process {os.getpid()}", force=True)
    once = Once("s")
    once.journal = journal = Journal(store, "s", epoch)
    events = [json.loads(event) for _, event in await store.events("s")]
    once.restore(events, told=lambda call: int(call) <= confirmed)
    request = confirmed
    os.write(1, b"0\n")
    while True:
        request += 1
        said = [{"role": "user", "content": f"request {i}"} for i in range(request)]

        async def take(result, *, properties=None):
            assert "error" not in result, result

        async def book(params, request=request):
            key = idempotency_key(params)
            service.execute("INSERT OR IGNORE INTO effects VALUES(?, ?)", (key, request))
            await asyncio.sleep(0.001)
            once.done(params, {"done": request})
            await params.result_callback({"done": request})

        asked = SimpleNamespace(
            function_name="book",
            arguments={"day": request % 3},
            tool_call_id=str(request),
            context=SimpleNamespace(messages=said),
            result_callback=take,
        )
        await once.run(asked, book)
        await asyncio.gather(*journal.notes)
        journal.notes.clear()
        os.write(1, b"%d\n" % request)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

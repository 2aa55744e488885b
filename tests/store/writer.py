"""A process that writes and says what was acknowledged, until it is killed: see test_kill9."""

import asyncio
import os
import sys

from sessions.store import StoreDown, open_store


async def main(url: str, sid: str, bytes_each: int) -> None:
    store = open_store(url)
    epoch = await store.claim(sid, f"writer {os.getpid()}", force=True)
    n = 0
    while True:
        n += 1
        try:
            await store.append(sid, epoch, b"%d" % n)
            await store.save(sid, epoch, b"%d " % n + b"x" * bytes_each, keep_s=600)
        except StoreDown:
            continue  # not acknowledged: may or may not be there
        os.write(1, b"%d\n" % n)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

"""What a caller says at once is not lost on its way to the session's process."""

import asyncio
import socket

from serving.engine.channel import Channel


async def test_a_note_right_behind_a_question_finds_the_question_begun():
    ours, theirs = socket.socketpair()
    begun, seen, all_seen = set(), [], asyncio.Event()

    async def begin(*, session: int):
        begun.add(session)

    async def frame(*, session: int):
        seen.append(session in begun)
        if len(seen) == 50:
            all_seen.set()

    near = await Channel.over(ours, {})
    far = await Channel.over(theirs, {"begin": begin, "frame": frame})
    tasks = [asyncio.create_task(channel.listen()) for channel in (near, far)]
    asked = []
    for session in range(50):
        asked.append(asyncio.create_task(near.ask("begin", session=session)))
        await asyncio.sleep(0)
        near.tell("frame", session=session)
    async with asyncio.timeout(5):
        await all_seen.wait()
        await asyncio.gather(*asked)
    near.close()
    far.close()
    await asyncio.gather(*tasks)
    assert all(seen)

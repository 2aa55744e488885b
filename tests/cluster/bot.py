"""A bot without vendors that keeps its session in the store, as a `Session` does."""

import asyncio
import os

from starlette.websockets import WebSocketDisconnect

from serving.cards import BotCard
from sessions.store import shared_store
from sessions.store.keeper import new_owner

CARD = BotCard(name="keeping", about="Remembers what it was told.")


async def bot(runner_args):
    """Say which process this is and what was told before; then remember every word."""
    store, sid = shared_store(), runner_args.session_id
    epoch = await store.claim(sid, new_owner(), force=True)
    known = (await store.load(sid)).state or b""
    await store.save(sid, epoch, known, keep_s=600)
    if hasattr(runner_args, "webrtc_connection"):
        await asyncio.sleep(600)
    if not hasattr(runner_args, "websocket"):
        return await in_a_room(store, sid, epoch, known, runner_args)
    socket = runner_args.websocket
    hello = {"pid": os.getpid(), "session": sid, "known": known.decode(), "body": runner_args.body}
    await socket.send_json(hello)
    try:
        async for word in socket.iter_text():
            known += word.encode() + b" "
            await store.save(sid, epoch, known, keep_s=600)
            await socket.send_text(word)
    except WebSocketDisconnect:
        pass
    # A caller who is cut off may come back; a session is not over by that.
    await store.release(sid, epoch, over=False)


async def in_a_room(store, sid, epoch, known, runner_args):
    """Nobody speaks in this room: what is stored tells that the bot was in it, and how often."""
    note = f"{runner_args.room_url} {os.getpid()} "
    await store.save(sid, epoch, known + note.encode(), keep_s=600)
    await asyncio.sleep(600)

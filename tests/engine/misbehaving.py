"""A bot that does over its WebSocket what the caller tells it to, however bad for its process."""

import asyncio
import os
import signal
import time

from prometheus_client import Counter
from starlette.websockets import WebSocketDisconnect

from serving.cards import BotCard

CARD = BotCard(name="misbehaving", about="Does what it is told.")
HEARD = Counter("vivace_test_heard", "Words heard")


async def bot(runner_args):
    socket, hoard = runner_args.websocket, []
    await socket.send_json({"pid": os.getpid(), "session": runner_args.session_id})
    try:
        async for word in socket.iter_text():
            HEARD.inc()
            match word:
                case "crash":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "stick":
                    time.sleep(600)  # noqa: ASYNC251 (it is what the test is about)
                case "hoard":
                    while True:
                        hoard.append(os.urandom(20_000_000))
                        await asyncio.sleep(0.05)
                case "begin a program":
                    program = await asyncio.create_subprocess_exec("sleep", "60")
                    await socket.send_text(str(program.pid))
                case "fail":
                    raise ValueError("it was told to fail")
                case "bytes":
                    await socket.send_bytes(b"\0\1\2" * 100)
                case _:
                    await socket.send_text(word)
    except WebSocketDisconnect:
        pass

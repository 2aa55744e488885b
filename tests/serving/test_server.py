import asyncio
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest
import websockets

from serving.server import PortError, listening, serve

ROOT = Path(__file__).parents[2]


async def test_a_taken_port_is_told_in_one_breath_with_the_cure(make_app):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortError, match=f"Port {port} .* is taken. .* --port"):
            await serve(make_app(), port=port)


async def test_a_host_that_is_not_ours_is_told_with_the_cure(make_app):
    with pytest.raises(PortError, match="--host 127.0.0.1"):
        await serve(make_app(), host="192.0.2.77", port=0)


async def test_the_bound_port_is_reported(make_app):
    async with listening(make_app(), port=0) as (url, _):
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{url}/healthz")).json() == {"status": "ok", "sessions": 0}


async def test_sessions_are_ended_when_the_server_leaves(make_app):
    ended = []

    async def patient(runner_args):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(runner_args.body["bot"])

    async with listening(make_app(patient)) as (url, _):
        caller = await websockets.connect(url.replace("http", "ws") + "/ws/echo")
        await asyncio.sleep(0.1)
    assert ended == ["echo"]
    await caller.close()


async def test_a_full_server_closes_a_socket_with_try_again_later(make_app):
    async with listening(make_app(limit=0)) as (url, _):
        async with websockets.connect(url.replace("http", "ws") + "/ws") as caller:
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await caller.recv()
    assert closed.value.rcvd and closed.value.rcvd.code == 1013
    assert "busy" in closed.value.rcvd.reason


async def test_a_page_of_another_origin_gets_no_socket(make_app):
    async with listening(make_app()) as (url, _):
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(
                url.replace("http", "ws") + "/ws", origin=websockets.Origin("https://evil.example")
            )


SERVER = """
import asyncio, sys, tempfile
from pathlib import Path
from serving.app import create_app
from serving.cards import BotCard
from serving.server import serve

async def bot(runner_args):
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if sys.argv[1] == "well-behaved":
                raise

cards = lambda: [BotCard(name="waiting", about="Waits.")]
app = create_app(bot=bot, catalogue=cards, uploads=Path(tempfile.mkdtemp()))
asyncio.run(serve(app, port=0, announce=lambda url: print(url, flush=True)))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("session", "code", "says"),
    [("well-behaved", 0, "is over"), ("deaf to cancellation", 1, "did not end within 3 s")],
)
@pytest.mark.parametrize("leave", [signal.SIGINT, signal.SIGTERM])
async def test_the_server_leaves_within_six_seconds(session, code, says, leave):
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, session, cwd=ROOT, stdout=-1, stderr=-1
    )
    assert server.stdout and server.stderr
    url = (await asyncio.wait_for(server.stdout.readline(), 30)).decode().strip()
    async with websockets.connect(url.replace("http", "ws") + "/ws"):
        server.send_signal(leave)
        _, errors = await asyncio.wait_for(server.communicate(), 6)
    assert server.returncode == code, errors.decode()
    assert says in errors.decode()
    assert "KeyboardInterrupt" not in errors.decode()

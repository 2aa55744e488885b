"""Wire taps: the real client libraries against local servers, taped without credentials."""

import asyncio
import contextvars
import json
import sys
import time

import aiohttp
import anyio
import httpx
import httpx2
import pytest
import websockets
from aiohttp import web
from websockets.legacy.client import connect as legacy_connect

from sessions.tape import TapeWriter, read_tape
from sessions.tape.wire import WireTap, public_headers, without_secrets

SECRET = "sk-very-secret"


@pytest.fixture
async def vendor():
    async def socket(request):
        if request.query.get("deny"):
            return web.json_response({"err": "no"}, status=401)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async for message in ws:
            if message.type is aiohttp.WSMsgType.TEXT:
                await ws.send_str("echo " + message.data)
            else:
                await ws.send_bytes(message.data[:2])
        return ws

    async def stream(request):
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for n in range(3):
            await response.write(f"data: {n}\n\n".encode())
            await asyncio.sleep(0.01)
        return response

    app = web.Application()
    app.router.add_get("/ws", socket)
    app.router.add_post("/v1/messages", stream)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def taped(tmp_path, work, name="s1"):
    """Run work in a task of its own with a tap attached; the taped wire messages."""
    tape = TapeWriter(
        tmp_path / f"{name}.mcap", session_id=name, bot="b", policy="OPEN", seed=0,
        code_version="", started_at=0, key=None,
    )  # fmt: skip
    zero = time.monotonic_ns()

    async def session():
        WireTap(tape, lambda: time.monotonic_ns() - zero).attach()
        await asyncio.create_task(work())

    await asyncio.create_task(session(), context=contextvars.copy_context())
    tape.close()
    assert SECRET.encode() not in b"".join(m.json for m in read_tape(tape.path).messages())
    return [m.data for m in read_tape(tape.path).messages("/wire/")]


def shape(messages):
    return [
        (m["direction"], m["kind"], m.get("text") or m.get("status") or m.get("length"))
        for m in messages
    ]


@pytest.mark.parametrize("connect", [websockets.connect, legacy_connect], ids=["new", "legacy"])
async def test_websocket_messages_are_taped_both_ways(tmp_path, vendor, connect):
    header = "extra_headers" if connect is legacy_connect else "additional_headers"

    async def work():
        options = {header: {"Authorization": f"Token {SECRET}"}}
        async with connect(f"ws://{vendor}/ws?api_key={SECRET}&model=nova", **options) as ws:
            await ws.send("hello")
            assert await ws.recv() == "echo hello"
            await ws.send(b"\0\1\2\3")
            assert await ws.recv() == b"\0\1"

    messages = await taped(tmp_path, work)
    assert messages[0]["url"] == f"ws://{vendor}/ws?api_key=***&model=nova"
    assert shape(messages) == [
        ("sent", "open", None),
        ("received", "head", 101),
        ("sent", "text", "hello"),
        ("received", "text", "echo hello"),
        ("sent", "binary", 4),
        ("received", "binary", None),
        ("sent", "close", 1000),
    ]


@pytest.mark.parametrize("connect", [websockets.connect, legacy_connect], ids=["new", "legacy"])
async def test_a_refused_connection_is_taped(tmp_path, vendor, connect):
    async def work():
        with pytest.raises(Exception, match="401"):
            await connect(f"ws://{vendor}/ws?deny=1")

    assert ("received", "head", 401) in shape(await taped(tmp_path, work))


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
async def test_a_streamed_reply_is_taped_as_it_comes(tmp_path, vendor, library):
    async def work():
        async with library.AsyncClient(headers={"x-api-key": SECRET}) as client:
            body = {"model": "m", "api_key": SECRET}
            async with client.stream("POST", f"http://{vendor}/v1/messages", json=body) as reply:
                async for _ in reply.aiter_lines():
                    pass

    messages = await taped(tmp_path, work)
    assert messages[0]["method"] == "POST"
    assert json.loads(messages[1]["text"]) == {"model": "m", "api_key": "***"}
    assert [s[:2] for s in shape(messages)[2:4]] == [("sent", "end"), ("received", "head")]
    received = "".join(m["text"] for m in messages[4:-1])
    assert received == "data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert shape(messages)[-1] == ("received", "end", None)


async def test_aiohttp_sessions_are_taped(tmp_path, vendor):
    async def work():
        async with aiohttp.ClientSession() as session:
            async with session.post(f"http://{vendor}/v1/messages", json={"a": 1}) as reply:
                assert await reply.text() == "data: 0\n\ndata: 1\n\ndata: 2\n\n"

    messages = await taped(tmp_path, work)
    assert json.loads(messages[1]["text"]) == {"a": 1}
    assert "".join(m["text"] for m in messages[4:-1]) == "data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert shape(messages)[-1] == ("received", "end", None)


@pytest.mark.parametrize("by", ["asyncio", "anyio"])
async def test_a_child_process_is_taped_line_by_line(tmp_path, by):
    command = [sys.executable, "-c", "print(input()[::-1])"]

    async def work():
        if by == "anyio":
            assert (await anyio.run_process(command, input=b"live\n")).stdout == b"evil\n"
            return
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        assert (await process.communicate(b"live\n"))[0] == b"evil\n"

    messages = await taped(tmp_path, work)
    assert messages[0]["url"] == "process:-c+print(input()[::-1])"
    assert shape(messages)[1:] == [("sent", "text", "live"), ("received", "text", "evil")]


async def test_sessions_tape_their_own_wire_and_others_none(tmp_path, vendor):
    def talk(word):
        async def work():
            async with websockets.connect(f"ws://{vendor}/ws") as ws:
                for _ in range(5):
                    await ws.send(word)
                    await ws.recv()

        return work

    one, two, _ = await asyncio.gather(
        taped(tmp_path, talk("one"), "s1"), taped(tmp_path, talk("two"), "s2"), talk("three")()
    )
    words = [{m["text"].split()[-1] for m in tape if "text" in m} for tape in (one, two)]
    assert words == [{"one"}, {"two"}]


def test_addresses_and_headers_lose_their_credentials():
    url = (
        "wss://user:pw@api.example.com:8443/v1?model=nova&api_key=k&access_token=t&keyterm=aspirin"
    )
    assert without_secrets(url) == (
        "wss://api.example.com:8443/v1?model=nova&api_key=***&access_token=***&keyterm=aspirin"
    )
    kept = public_headers([("X-API-Key", "k"), ("Authorization", "a"), ("Content-Type", "x")])
    assert kept == {"content-type": "x"}

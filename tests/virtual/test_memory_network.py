"""The network in memory: ordinary servers and client libraries at the vendors' own addresses."""

import asyncio
import json

import aiohttp
import httpx
import httpx2
import pytest
import websockets
from aiohttp import web
from anyio import open_process
from websockets.legacy.client import connect as legacy_connect

from qa.virtual import run


def virtually(main):
    return run(main, wall_start_ns=10**18)


async def serve(loop):
    async def slow(request):
        await asyncio.sleep(0.25)
        return web.json_response({"host": request.host})

    async def echo(request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async for message in ws:
            await asyncio.sleep(0.1)
            await ws.send_str("echo " + message.data)
        return ws

    app = web.Application()
    app.router.add_get("/slow", slow)
    app.router.add_get("/echo", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "api.example.com", 443).start()
    loop.network.latency["api.example.com"] = 0.03


async def by_aiohttp():
    async with aiohttp.ClientSession() as session:
        async with session.get("https://api.example.com/slow") as reply:
            return await reply.json()


def by(library):
    async def get():
        async with library.AsyncClient() as client:
            return (await client.get("https://api.example.com/slow")).json()

    return get


@pytest.mark.parametrize("get", [by_aiohttp, by(httpx), by(httpx2)], ids=["aiohttp", "1", "2"])
def test_http_clients_reach_a_server_at_its_https_address(get):
    async def main(loop):
        await serve(loop)
        start = loop.time()
        assert await get() == {"host": "api.example.com"}
        return loop.time() - start

    assert virtually(main) == pytest.approx(0.31)


@pytest.mark.parametrize("connect", [websockets.connect, legacy_connect], ids=["new", "legacy"])
def test_websockets_speak_over_memory(connect):
    async def main(loop):
        await serve(loop)
        async with connect("wss://api.example.com/echo") as ws:
            start = loop.time()
            await ws.send("hi")
            return await ws.recv(), round(loop.time() - start, 6)

    assert virtually(main) == ("echo hi", 0.16)


def test_a_child_process_is_a_program_in_memory():
    def program(process):
        process.on_line = lambda line: process.write_line(json.dumps({"heard": line}))

    async def main(loop):
        loop.network.programs = lambda command: program if command[0] == "server" else None
        async with await open_process(["server", "--fast"]) as process:
            await process.stdin.send(b"one\ntwo\n")
            heard = b""
            while heard.count(b"\n") < 2:
                heard += await process.stdout.receive()
            await process.stdin.aclose()
            assert await process.wait() == 0
            return heard

    assert virtually(main) == b'{"heard": "one"}\n{"heard": "two"}\n'


def test_two_runs_of_a_busy_network_are_equal_to_the_nanosecond():
    async def main(loop):
        await serve(loop)
        log = []

        async def talk(n):
            async with websockets.connect("wss://api.example.com/echo") as ws:
                for word in range(5):
                    await ws.send(f"{n}.{word}")
                    log.append((loop.time(), await ws.recv()))

        await asyncio.gather(*(talk(n) for n in range(8)), *(by(httpx2)() for _ in range(4)))
        return log

    first, second = virtually(main), virtually(main)
    assert first == second and len(first) == 40

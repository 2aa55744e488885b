"""Plays every vendor of a tape: ordinary servers in the memory network, at the vendors' addresses."""

import asyncio
from collections import defaultdict

import aiohttp
from aiohttp import web

from qa.replay.match import difference, key_of, nearly
from qa.replay.misses import Misses, OnMiss
from qa.replay.stream import StreamPlayer
from qa.replay.wires import Connection, Said, stage_of
from qa.virtual.hermetic import HermeticLoop
from qa.virtual.process import MemoryProcess
from sessions.tape.taps import process_address
from sessions.tape.wire import current_tap

_OF_THE_CONNECTION = {"connection", "content-length", "date", "server", "transfer-encoding"}


class Vendors:
    """The outside of one replay."""

    def __init__(self, taped: list[Connection], misses: Misses, *, live=None):
        """Initialize.

        Args:
            taped: The connections of the tape.
            misses: Where questions without an answer are noted.
            live: Takes questions to the real other end, see :mod:`qa.replay.live`; None has none.
        """
        self._misses = misses
        self._live = live
        self._unused: dict[tuple, list[Connection]] = defaultdict(list)
        self._exchanges: dict[tuple, list[Connection]] = defaultdict(list)
        self._asked: set[int] = set()
        self._keys = {c.number: key_of(c.asked) for c in taped if c.kind == "http"}
        self._hosts = {c.host for c in taped if c.kind != "process"}
        for connection in taped:
            if connection.kind == "http":
                place = (*connection.host, connection.method, connection.path)
                self._exchanges[place].append(connection)
            elif connection.kind == "socket":
                self._unused[(*connection.host, connection.path)].append(connection)
            else:
                self._unused[connection.url,].append(connection)

    async def open(self, loop: HermeticLoop) -> None:
        """Listen at every address of the tape."""
        loop.network.programs = self._program
        if self._live:
            await self._live.open(loop)
        hosts = self._hosts | (self._live.hosts if self._live else set())
        for host, port in sorted(hosts):
            await self._listen(host, port)

    async def _listen(self, host: str, port: int) -> None:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            current_tap.set(None)  # the other end: what it asks in turn is not the session's wire
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._socket(request, host, port)
            return await self._exchange(request, host, port)

        runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()

    # -- WebSockets

    async def _socket(self, request: web.BaseRequest, host: str, port: int) -> web.StreamResponse:
        taped = self._take((host, port, request.path))
        if taped is None:
            stage = stage_of(str(request.url))
            self._misses.note(stage, f"a connection to {host}{request.path} was never made")
            return web.Response(status=503)
        if taped.head and taped.head.status != 101:
            body = "".join(s.text or "" for s in taped.said if not s.sent and s.kind == "text")
            return web.Response(status=taped.head.status, text=body)
        answers: asyncio.Queue[tuple[Said, str | None]] = asyncio.Queue()
        ws = web.WebSocketResponse(compress=False, max_msg_size=0)
        await ws.prepare(request)
        player = StreamPlayer(
            taped,
            send=lambda said, text: answers.put_nowait((said, text)),
            misses=self._misses,
            live=self._live.stream(taped, request, answers) if self._live else None,
        )
        player.opened()
        sender = asyncio.create_task(_send_all(ws, answers))
        try:
            async for message in ws:
                if message.type is aiohttp.WSMsgType.TEXT:
                    player.text(message.data)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    player.binary(len(message.data))
        finally:
            sender.cancel()
        return ws

    def _take(self, place: tuple) -> Connection | None:
        waiting = self._unused.get(place)
        return waiting.pop(0) if waiting else None

    # -- HTTP

    async def _exchange(self, request: web.BaseRequest, host: str, port: int) -> web.StreamResponse:
        body = await request.text()
        place = (host, port, request.method, request.path)
        found = self._live.takes(request, self._misses) if self._live else None
        taped = None if found else self._answer_to(place, body)
        if taped is None:
            if self._live and (found or self._misses.policy is OnMiss.LIVE):
                return await self._live.answer(request, body, host, port)
            return web.Response(status=503, text="the tape has no answer")
        self._asked.add(taped.number)
        end = next((s.at for s in taped.said if s.sent and s.kind == "end"), taped.said[0].at)
        return await _play(request, taped, end)

    def _answer_to(self, place: tuple, body: str) -> Connection | None:
        exchanges = self._exchanges.get(place, [])
        key = key_of(body)
        same = [e for e in exchanges if self._keys[e.number] == key]
        unused = [e for e in exchanges if e.number not in self._asked]
        exact = next((e for e in same if e.number not in self._asked), None)
        close = exact or next((e for e in unused if nearly(e.asked, body)), None)
        if close or same:
            return close or same[-1]
        what = difference(unused[0].asked, body) if unused else f"“{body[:120]}” was never asked"
        stage = unused[0].stage if unused else stage_of(f"http://{place[0]}{place[3]}")
        if self._misses.note(stage, what) is OnMiss.RECORDED and unused:
            return unused[0]
        return None

    # -- child processes

    def _program(self, command: list):
        taped = self._take((process_address(command),))
        if taped is None:
            return None

        def serve(process: MemoryProcess) -> None:
            player = StreamPlayer(
                taped,
                send=lambda said, text: process.write_line(text or ""),
                misses=self._misses,
            )
            process.on_line = player.text
            player.opened()

        return serve


async def _send_all(ws: web.WebSocketResponse, answers: asyncio.Queue) -> None:
    while True:
        said, text = await answers.get()
        if said.kind == "close":
            await ws.close(code=said.status if said.status != 1006 else 1011)
            return
        if ws.closed:
            return
        if text is not None:
            await ws.send_str(text)
        else:
            await ws.send_bytes(said.data or b"")


async def _play(request: web.BaseRequest, taped: Connection, asked_at: float):
    """Answer an HTTP request as it was answered then, piece by piece."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    response: web.StreamResponse | None = None
    for said in taped.said:
        if said.sent:
            continue
        wait = start + said.at - asked_at - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        if said.kind == "head":
            headers = {n: v for n, v in said.headers.items() if n not in _OF_THE_CONNECTION}
            response = web.StreamResponse(status=said.status, headers=headers)
            await response.prepare(request)
        elif said.kind == "error":
            if request.transport:
                request.transport.abort()
            break
        elif response is not None and said.kind in ("text", "binary"):
            data = said.data if said.text is None else said.text.encode()
            try:
                await response.write(data or b"")
            except ConnectionResetError:
                break
    return response or web.Response(status=503, text="the tape has no answer: it was cut here")

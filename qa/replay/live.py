"""Stages of a replay that go to the real other end, while the rest comes from the tape.

What was rehearsed is asked of the rehearsal's doubles again, in the memory network and in
virtual time. What was a vendor is really asked, over HTTP: the clock stands still meanwhile, and
the answer is then given at the pace it came. A vendor's WebSocket cannot be asked live.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from qa.replay.misses import Misses
from qa.replay.wires import Connection, Said, stage_of
from qa.virtual.clock import real_perf_counter
from qa.virtual.hermetic import HermeticLoop, way_out
from services.addresses import VENDORS

REHEARSAL_PORT = 8378
_NOT_FORWARDED = ("host", "connection", "content-length", "accept-encoding", "upgrade", "sec-")
_NOT_RETURNED = ("connection", "content-length", "content-encoding", "transfer-encoding", "date")
TIMEOUT_SECS = 60.0


@dataclass
class Live:
    """Takes questions to the real other end.

    Parameters:
        stages: Which stages go there always: llm, tts.
        from_turn: Only from this turn on.
        rewrite: Changes a model request's body before it is asked.
        seed: Of the rehearsal's draws.
    """

    stages: Collection[str] = ()
    from_turn: int = 0
    rewrite: Callable[[str], str] = str
    seed: int = 1

    @property
    def hosts(self) -> set[tuple[str, int]]:
        """The vendors' own addresses, which a changed casting may turn to."""
        if not self.stages:
            return set()
        return {(urlsplit(vendor.live).hostname or "", 443) for vendor in VENDORS.values()}

    async def open(self, loop: HermeticLoop) -> None:
        """Open the rehearsal's doubles beside the tape's."""
        from qa.cassettes.house import open_house

        taped_programs = loop.network.programs
        await open_house(loop, seed=self.seed, port=REHEARSAL_PORT)
        loop.network.programs = taped_programs

    def takes(self, request: web.BaseRequest, misses: Misses) -> bool:
        """Whether a request goes live whatever the tape has."""
        return stage_of(str(request.url)) in self.stages and misses.turn >= self.from_turn

    async def answer(
        self, request: web.BaseRequest, body: str, host: str, port: int
    ) -> web.StreamResponse:
        """Ask, and hand the answer on."""
        body = self.rewrite(body)
        headers = {
            name: value
            for name, value in request.headers.items()
            if not name.lower().startswith(_NOT_FORWARDED)
        }
        if _loopback(host):
            return await self._rehearsed(request, body, headers)
        url = f"https://{host}{'' if port == 443 else f':{port}'}{request.path_qs}"
        loop = asyncio.get_running_loop()
        status, got, pieces = await loop.run_in_executor(
            None, _ask, request.method, url, headers, body
        )
        response = web.StreamResponse(status=status, headers=_returned(got))
        start = loop.time()
        if pieces:
            await asyncio.sleep(pieces[0][0])
        await response.prepare(request)
        for at, data in pieces:
            await asyncio.sleep(max(0.0, start + at - loop.time()))
            await response.write(data)
        return response

    async def _rehearsed(self, request: web.BaseRequest, body: str, headers: dict):
        url = f"http://127.0.0.1:{REHEARSAL_PORT}{request.path_qs}"
        async with aiohttp.ClientSession() as session:
            async with session.request(
                request.method, url, data=body.encode(), headers=headers
            ) as answer:
                response = web.StreamResponse(
                    status=answer.status, headers=_returned(answer.headers)
                )
                await response.prepare(request)
                async for data in answer.content.iter_any():
                    await response.write(data)
                return response

    def stream(
        self, taped: Connection, request: web.BaseRequest, answers: asyncio.Queue
    ) -> Callable[[str], bool] | None:
        """What takes a socket's unknown messages to the rehearsal; None where nothing does."""
        if not _loopback(taped.host[0]):
            return None
        asked: asyncio.Queue[str] = asyncio.Queue()
        task: asyncio.Task | None = None

        def take(text: str) -> bool:
            nonlocal task
            task = task or asyncio.ensure_future(_converse(request, asked, answers))
            asked.put_nowait(text)
            return True

        return take


async def _converse(request: web.BaseRequest, asked: asyncio.Queue, answers: asyncio.Queue):
    headers = {
        name: value
        for name, value in request.headers.items()
        if not name.lower().startswith(_NOT_FORWARDED)
    }
    url = f"http://127.0.0.1:{REHEARSAL_PORT}{request.path_qs}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=headers) as ws:

        async def forward() -> None:
            while True:
                await ws.send_str(await asked.get())

        forwarding = asyncio.ensure_future(forward())
        try:
            async for message in ws:
                if message.type is aiohttp.WSMsgType.TEXT:
                    answers.put_nowait((Said(0.0, False, "text"), message.data))
                elif message.type is aiohttp.WSMsgType.BINARY:
                    answers.put_nowait((Said(0.0, False, "binary", data=message.data), None))
        finally:
            forwarding.cancel()


def _ask(method: str, url: str, headers: dict, body: str) -> tuple[int, Any, list]:
    """Really ask; blocks. Gives the status, the headers and the pieces with their seconds."""
    import httpx

    with way_out(), httpx.Client(timeout=TIMEOUT_SECS) as client:
        start = real_perf_counter()
        with client.stream(method, url, headers=headers, content=body.encode()) as answer:
            pieces = [(real_perf_counter() - start, data) for data in answer.iter_bytes()]
            return answer.status_code, answer.headers, pieces


def _returned(headers: Any) -> dict[str, str]:
    return {n: v for n, v in headers.items() if n.lower() not in _NOT_RETURNED}


def _loopback(host: str) -> bool:
    return host in ("127.0.0.1", "localhost", "::1")

"""Hosts that share a store."""

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path

import httpx
import pytest
import websockets

from sessions import tokens
from tests.store.conftest import redis, store, url  # noqa: F401 (fixtures)
from tests.support.machines import free_port, lose

ROOT = Path(__file__).parents[2]


class Machine:
    """A host process."""

    def __init__(self, process, where):
        self.process, self.url = process, where

    def lose(self):
        lose(self.process.pid)

    async def ask(self, path, **asked):
        async with httpx.AsyncClient(base_url=self.url, timeout=15) as http:
            token = {"Authorization": f"Bearer {tokens.start_token()}"}
            return await (
                http.post(path, headers=token | asked.pop("headers", {}), **asked)
                if asked
                else http.get(path)
            )

    async def start(self, **asked):
        answer = await self.ask("/start", json={"transport": "websocket", **asked})
        answer.raise_for_status()
        return answer.json()

    def seat(self, started):
        """Where a caller comes by a socket to this host."""
        return f"{self.url.replace('http', 'ws')}/ws-client?{started['wsUrl'].partition('?')[2]}"


class Caller:
    """A caller on a WebSocket."""

    @classmethod
    async def dial(cls, where):
        caller = cls()
        caller.socket = await websockets.connect(where, open_timeout=15)
        caller.hello = json.loads(await asyncio.wait_for(caller.socket.recv(), 15))
        return caller

    async def say(self, word):
        await self.socket.send(word)
        assert await asyncio.wait_for(self.socket.recv(), 10) == word


@pytest.fixture
async def machines(tmp_path, monkeypatch):
    """Starts hosts."""
    monkeypatch.setenv(tokens.VARIABLE, "only for tests")
    running = []

    async def start(store_url, *, region="", limit=8):
        environ = os.environ | {"VIVACE_STORE": store_url}
        words = [sys.executable, "-m", "tests.cluster.host", str(free_port()), region, str(limit)]
        log = (tmp_path / f"host-{len(running)}.log").open("w")
        process = await asyncio.create_subprocess_exec(
            *words, cwd=ROOT, env=environ, stdout=asyncio.subprocess.PIPE, stderr=log
        )
        running.append(process)
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()
        assert line, Path(log.name).read_text()
        return Machine(process, line)

    yield start
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    for process in running:
        await asyncio.wait_for(process.wait(), 20)

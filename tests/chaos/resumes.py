"""A whole rehearsal call whose session process is killed, and whose caller comes back.

The product itself: ``runner.py serve``, its store, and a caller on Pipecat's WebSocket wire who
reconnects to the address they were given.
"""

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import websockets

from sessions import tokens
from sessions.resume import CUT_OFF
from tests.doubles.sockets import PlainCaller

ROOT = Path(__file__).parents[2]
BOT = "consultation"
KILLS_A_CALL = 2
"""The pool ends a session whose process died three times."""

WITHIN = 20.0
SAYS = ["i have a rash on my arm", "it started three days ago", "can you speak more slowly"]


def environment(folder: Path) -> dict[str, str]:
    """Of a server that rehearses and keeps its sessions in a file."""
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    own = {"VIVACE_TAPES": f"{folder}/tapes", "VIVACE_STORE": f"sqlite:{folder}/s.db"}
    return clean | own | {tokens.VARIABLE: tokens.secret()}


@contextlib.asynccontextmanager
async def serving(folder: Path, **more: str):
    """``runner.py serve`` on a free port; its process and its URL."""
    words = [sys.executable, "runner.py", "serve", BOT, "--port", "0", "--loopback", "--drain", "0"]
    log = (folder / "server.log").open("ab")
    server = await asyncio.create_subprocess_exec(
        *words,
        cwd=ROOT,
        env=environment(folder) | more,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
    )
    try:
        assert server.stdout
        line = b""
        async with asyncio.timeout(90):
            while b"Open http" not in line:
                line = await server.stdout.readline()
                assert line, (folder / "server.log").read_text()[-2000:]
        yield server, line.decode().split()[1]
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.send_signal(signal.SIGINT)
        await asyncio.wait_for(server.wait(), 20)
        log.close()


class Caller:
    """Calls, types, and when cut off comes back by the same address."""

    def __init__(self, url: str, store: Path, *, bot: str = BOT, **wishes: object):
        """Know where and whom to call, and where the server keeps what was said."""
        self.url, self.session, self._bot, self._wishes = url, "", bot, wishes
        self._store = store
        self._socket: websockets.ClientConnection | None = None

    async def dial(self) -> None:
        """Be admitted, and connect."""
        async with httpx.AsyncClient(base_url=self.url) as http:
            body = {"bot": self._bot, "consent": {"recording": False}}
            for _ in range(40):
                token = {"Authorization": f"Bearer {tokens.start_token()}"}
                asked = {"transport": "websocket", "body": body, **self._wishes}
                answer = await http.post("/start", json=asked, headers=token)
                if answer.status_code != 503:
                    break
                await asyncio.sleep(0.5)  # the machine is busy with its neighbours
            answer.raise_for_status()
        self.session, self._where = answer.json()["sessionId"], answer.json()["wsUrl"]
        await self.connect()
        await self.until(lambda: self.said)
        await self.until(self._disclosed, within=60)  # a disclosure that was cut is said again
        await self.until(self._kept)

    async def connect(self) -> None:
        """Come (back) to the session; returns when its bot is ready."""
        self._socket = await websockets.connect(self._where)
        self.line = PlainCaller(self._socket)
        await self.rtvi("client-ready", {"version": "2.2.0", "about": {"library": "chaos"}})
        await self.until(lambda: any(m.get("type") == "bot-ready" for m in self.line.messages))

    async def rtvi(self, kind: str, data: dict) -> None:
        """Send a message."""
        await self.line.send({"label": "rtvi-ai", "type": kind, "id": "1", "data": data})

    async def say(self, text: str) -> None:
        """Type a turn."""
        options = {"run_immediately": True, "audio_response": True}
        await self.rtvi("send-text", {"content": text, "options": options})

    @property
    def said(self) -> list[str]:
        """What the bot has said on this connection."""
        return [m["data"]["text"] for m in self.line.messages if m.get("type") == "bot-output"]

    @property
    def pid(self) -> int:
        """The process that holds the session."""
        return int(self._row()[0].split("/")[1])

    def _row(self) -> tuple:
        with sqlite3.connect(self._store) as db:
            found = db.execute("SELECT owner, state FROM sessions WHERE sid = ?", (self.session,))
            return found.fetchone() or (None, None)

    def _disclosed(self) -> bool:
        return any(m.get("type") == "bot-stopped-speaking" for m in self.line.messages)

    def _kept(self) -> bool:
        return None not in self._row()

    async def until(self, condition, *, within: float = WITHIN) -> None:
        """Wait for something that is to happen."""
        async with asyncio.timeout(within):
            while not condition():
                await asyncio.sleep(0.005)

    async def cut(self) -> tuple[float, float, bool]:
        """``kill -9`` the session's process, and come back.

        Returns:
            Seconds from the kill until the bot was ready and until its first word, and whether it
            knew that it had been cut off.
        """
        assert self._socket
        os.kill(self.pid, signal.SIGKILL)
        began = time.monotonic()
        await self.line.hang_up() if self._socket.close_code else await self._socket.wait_closed()
        await self.connect()
        ready = time.monotonic() - began
        await self.until(lambda: self.said)
        return ready, time.monotonic() - began, self.said[0] in CUT_OFF

    async def hang_up(self) -> None:
        """Leave."""
        await self.line.hang_up()


async def resumes(folder: Path, *, kills: int, seed: int = 7) -> dict:
    """Kill session processes at random moments of calls.

    Returns:
        ``resume_p50_s``, ``resume_p95_s``: from the kill until the caller's bot is ready again,
        their reconnection included; ``first_word_p95_s``; ``forgotten``: times that the bot did
        not know of the conversation.
    """
    draws, ready, words, forgotten = random.Random(seed), [], [], 0
    async with serving(folder) as (_, url):
        while len(ready) < kills:
            caller = Caller(url, folder / "s.db")
            await caller.dial()
            for _ in range(min(KILLS_A_CALL, kills - len(ready))):
                await caller.say(draws.choice(SAYS))
                await asyncio.sleep(draws.uniform(0, 2))
                secs, word, knew = await caller.cut()
                ready.append(secs)
                words.append(word)
                forgotten += not knew
            await caller.hang_up()
    return {
        "resumes": len(ready),
        "resume_p50_s": round(float(np.percentile(ready, 50)), 3),
        "resume_p95_s": round(float(np.percentile(ready, 95)), 3),
        "first_word_p95_s": round(float(np.percentile(words, 95)), 3),
        "forgotten": forgotten,
    }

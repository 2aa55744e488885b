"""Rolling restarts under calls that are going on: real servers, real sockets, real WebRTC."""

import asyncio
import contextlib
import json
import os
import sys
import time
from pathlib import Path

import websockets

from qa.call.sound import Microphone
from qa.call.wire import CallFailed, Wire, use_loopback_only
from sessions import tokens

ROOT = Path(__file__).parents[2]
ANSWER_SECS = 10.0
GONE_SECS = 20.0
LASTS = 2
"""Restarts that a call goes through before its caller hangs up and calls again."""


class SocketCall:
    """A caller on a WebSocket who asks ten times a second and wants an answer each time."""

    def __init__(self, url: str):
        """Call there."""
        self.fault, self.answers, self._over = "", 0, False
        self._task = asyncio.create_task(self._talk(url.replace("http", "ws")))

    async def _talk(self, url: str) -> None:
        try:
            where = f"{url}/ws-client/misbehaving/{tokens.start_token()}"
            async with websockets.connect(where, open_timeout=ANSWER_SECS) as socket:
                json.loads(await asyncio.wait_for(socket.recv(), ANSWER_SECS))
                while not self._over:
                    word = f"word {self.answers}"
                    await socket.send(word)
                    if await asyncio.wait_for(socket.recv(), ANSWER_SECS) != word:
                        raise ValueError("another answer than the one asked for")
                    self.answers += 1
                    await asyncio.sleep(0.1)
        except (OSError, ValueError, TimeoutError, websockets.WebSocketException) as fault:
            self.fault = f"{type(fault).__name__}: {fault}"

    async def hang_up(self) -> bool:
        """Whether the call was whole until now."""
        self._over = True
        await self._task
        return not self.fault and self.answers > 0


class RtcCall:
    """A caller over WebRTC who hears the bot's silence, 50 packets a second."""

    SILENT_SECS = 1.0

    def __init__(self, url: str):
        """Call there."""
        self.fault, self.answers, self.longest, self._at = "", 0, 0.0, 0.0
        self._wire = Wire(
            url,
            microphone=Microphone(time.monotonic, on_frame=lambda *_: None),
            on_step=lambda _: None,
            on_audio=self._hear,
            on_message=lambda _: None,
            on_closed=self._closed,
        )
        self._over = False
        self._task = asyncio.create_task(self._dial())

    async def _dial(self) -> None:
        try:
            await self._wire.dial({"bot": "misbehaving"})
        except CallFailed as fault:
            self.fault = str(fault)

    def _hear(self, samples) -> None:
        now = time.monotonic()
        self.longest = max(self.longest, now - (self._at or now))
        self._at, self.answers = now, self.answers + 1

    def _closed(self, reason: str) -> None:
        if not self._over:
            self.fault = reason

    async def hang_up(self) -> bool:
        """Whether the call was whole until now."""
        await self._task
        self._over = True
        await self._wire.close()
        if self.longest > self.SILENT_SECS:
            self.fault = f"nothing was heard for {self.longest:.1f} s"
        return not self.fault and self.answers > 0


async def start(
    port: int = 0, *, take_over: bool = False
) -> tuple[asyncio.subprocess.Process, str]:
    """Start a server; its process and its URL."""
    words = [sys.executable, "-m", "tests.chaos.server", str(port), *["--take-over"] * take_over]
    process = await asyncio.create_subprocess_exec(*words, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    url = (await asyncio.wait_for(process.stdout.readline(), 90)).decode().strip()
    assert url, "the server did not start"
    return process, url


async def restarts(count: int, *, sockets: int = 3, rtc: int = 1, deadline: float = 1e9) -> dict:
    """Restart a server so many times under calls.

    Args:
        count: How many restarts.
        sockets: Calls over WebSockets at a time.
        rtc: Calls over WebRTC at a time.
        deadline: Begin no further restart after so many seconds.

    Returns:
        ``restarts``; ``calls`` that were held; ``dropped``: those that failed, ended or fell
        silent before their caller hung up; ``faults``: what those callers saw; ``left_behind``:
        servers that did not go when their calls had ended; ``longest_silence_s`` over WebRTC.
    """
    os.environ.setdefault(tokens.VARIABLE, "chaos of a test")
    use_loopback_only()
    began, faults, silences, held, done = time.monotonic(), [], [0.0], 0, 0
    server, url = await start()
    servers, port = [server], int(url.rpartition(":")[2])

    def dial(which: int) -> tuple[RtcCall | SocketCall, int]:
        return (RtcCall if which < rtc else SocketCall)(url), 0

    calls = [dial(which) for which in range(rtc + sockets)]

    async def end(call) -> None:
        nonlocal held
        held += 1
        if not await call.hang_up():
            faults.append(f"{type(call).__name__}: {call.fault or 'no answer'}")
        silences.append(getattr(call, "longest", 0.0))

    try:
        for number in range(count):
            if time.monotonic() - began > deadline:
                break
            servers.append((await start(port, take_over=True))[0])
            done += 1
            for which, (call, age) in enumerate(calls):
                if age + 1 > LASTS + which % 2:
                    await end(call)
                    calls[which] = dial(which)
                else:
                    calls[which] = call, age + 1
        await asyncio.sleep(1)
        for call, _ in calls:
            await end(call)
        left = 0
        for old in servers[:-1]:
            try:
                await asyncio.wait_for(old.wait(), GONE_SECS)
            except TimeoutError:
                left += 1
    finally:
        for one in servers:
            with contextlib.suppress(ProcessLookupError):
                one.terminate()
        for one in servers:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(one.wait(), GONE_SECS)
            if one.returncode is None:
                one.kill()
    return {
        "restarts": done,
        "calls": held,
        "dropped": len(faults),
        "faults": faults,
        "left_behind": left,
        "longest_silence_s": round(max(silences), 2),
    }

"""A real server: its session process is killed in a call, and the caller is back in it."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from aiortc.mediastreams import AudioStreamTrack

from qa.call.wire import Wire, use_loopback_only
from sessions.resume import CUT_OFF, ticket

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


class Caller:
    """Says nothing, and hears."""

    def __init__(self, url):
        self.said, self.loud_at, self.down = [], None, asyncio.Event()
        self.wire = Wire(
            url,
            microphone=AudioStreamTrack(),
            on_step=lambda _: None,
            on_audio=self.hear,
            on_message=self.read,
            on_closed=lambda _: self.down.set(),
        )

    def hear(self, samples):
        if self.loud_at is None and np.abs(samples.astype(int)).max(initial=0) > 300:
            self.loud_at = time.monotonic()

    def read(self, message):
        data = message.get("data") or {}
        if message.get("type") == "bot-output" and data.get("spoken_status") == "new":
            self.said.append(data["text"])

    async def until(self, condition, within=30.0):
        async with asyncio.timeout(within):
            while not condition():
                await asyncio.sleep(0.01)


async def test_a_killed_session_process_costs_the_caller_seconds(tmp_path, monkeypatch):
    pytest.importorskip("espeakng_loader")
    use_loopback_only()
    database = tmp_path / "s.db"
    monkeypatch.setenv("VIVACE_SECRET", "only for tests")
    monkeypatch.setenv("VIVACE_STORE", f"sqlite:{database}")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")},
        "VIVACE_TAPES": str(tmp_path / "tapes"),
    }
    command = [sys.executable, "runner.py", "serve", "consultation", "--port", "0", "--loopback"]
    server = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        line = b""
        async with asyncio.timeout(60):
            while b"Open http" not in line:
                line = await server.stdout.readline()
                assert line, "the server did not start"
        url = line.decode().split()[1]
        caller = Caller(url)
        await caller.wire.dial({"bot": "consultation"})
        await caller.until(lambda: len(caller.said) > 1)
        sid = caller.wire.session_id

        def row():
            with sqlite3.connect(database) as db:
                return db.execute(
                    "SELECT owner, state FROM sessions WHERE sid = ?", (sid,)
                ).fetchone()

        await caller.until(lambda: row() and row()[1])
        await asyncio.sleep(1.0)
        assert row()[1].startswith(b"S1")
        pid = int(row()[0].split("/")[1])
        assert pid not in (os.getpid(), server.pid)
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()

        again = Caller(url)
        body = {"bot": "consultation", "resume": ticket(sid, "consultation")}
        await again.wire.dial(body)
        await again.until(lambda: again.loud_at)
        await again.until(lambda: again.said)
        assert again.said[0] in CUT_OFF and "assistant, not a person" not in str(again.said)
        print(json.dumps({"kill_to_first_word_s": round(again.loud_at - killed, 2)}))
        await again.wire.close()
    finally:
        server.send_signal(signal.SIGINT)
        await asyncio.wait_for(server.wait(), 20)

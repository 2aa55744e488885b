"""A server that leaves: calls go on to their end, and no caller finds the port closed."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import httpx
import pytest

from qa.call.sound import Microphone
from qa.call.wire import Wire, use_loopback_only
from tests.engine.test_pool import Caller, gone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="a pool forks"),
]
ROOT = Path(__file__).parents[2]

SERVER = """
import sys, tempfile
from pathlib import Path
from loguru import logger
logger.remove()
logger.add(sys.stderr, level="INFO")
from serving.app import create_app
from serving.engine import loops
from serving.engine.pool import Pool
from serving.engine.zygote import Spec
from serving.server import serve
from tests.engine.misbehaving import CARD
from tests.serving import echo

bot, port, drain, take_over = sys.argv[1:]
uploads = Path(tempfile.mkdtemp())
spec = Spec(bot=bot, uploads=str(uploads), loopback=True, candid=True, log_level="ERROR")
app = create_app(
    bot=None,
    catalogue=lambda: [CARD if "misbehaving" in bot else echo.CARD],
    uploads=uploads,
    engine=lambda storage: Pool(spec, storage=storage),
)
loops.run(serve(
    app, port=int(port), drain_secs=float(drain), take_over=take_over == "yes",
    announce=lambda url: print(url, flush=True),
))
"""


class Server:
    """A server process."""

    def __init__(self, process, url):
        self.process, self.url = process, url
        self.port = int(url.rpartition(":")[2])

    async def status(self, path):
        async with httpx.AsyncClient() as http:
            return (await http.get(self.url + path)).status_code

    async def until_gone(self, within=15):
        _, errors = await asyncio.wait_for(self.process.communicate(), within)
        return self.process.returncode, errors.decode()


@pytest.fixture
async def start():
    running = []

    async def start_(bot="tests.engine.misbehaving:bot", *, port=0, drain=30, take_over=False):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", SERVER, bot, str(port), str(drain)),
            "yes" if take_over else "no",
            cwd=ROOT,
            stdout=-1,
            stderr=-1,
        )
        running.append(process)
        url = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()
        if not url:
            raise AssertionError((await process.stderr.read()).decode())
        return Server(process, url)

    yield start_
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_a_call_goes_on_after_sigterm_and_the_server_goes_with_it(start):
    server = await start()
    caller = await Caller.dial(server.url)
    assert await server.status("/readyz") == 200
    server.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.5)
    assert await server.status("/readyz") == 503
    async with httpx.AsyncClient() as http:
        refused = await http.post(f"{server.url}/start", json={})
    assert refused.status_code == 503 and refused.headers["retry-after"]
    assert "closing" in refused.json()["detail"]
    assert await caller.ask("still here?") == "still here?"
    await caller.socket.close()
    code, _ = await server.until_gone()
    assert code == 0
    await gone(caller.pid)


async def test_at_the_deadline_and_at_a_second_signal_the_call_is_ended(start):
    patient, hurried = await asyncio.gather(start(drain=2), start(drain=60))
    first, second = await Caller.dial(patient.url), await Caller.dial(hurried.url)
    patient.process.send_signal(signal.SIGTERM)
    hurried.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(1)
    assert await first.ask("yet?") == await second.ask("yet?") == "yet?"
    hurried.process.send_signal(signal.SIGTERM)
    assert (await hurried.until_gone(8))[0] == 0
    assert (await patient.until_gone(8))[0] == 0
    for caller in (first, second):
        await caller.until_lost()
        await gone(caller.pid)


async def test_the_port_goes_to_a_new_server_and_nobody_is_sent_away(start):
    old = await start()
    talking = await Caller.dial(old.url)
    async with httpx.AsyncClient() as http:
        waiting = (await http.post(f"{old.url}/start", json={"transport": "websocket"})).json()
    dialled, done = [], asyncio.Event()

    async def keep_dialling():
        while not done.is_set():
            caller = await Caller.dial(old.url)
            assert await caller.ask("hello") == "hello"
            dialled.append(time.monotonic())
            await caller.socket.close()
            await asyncio.sleep(0.05)

    dialling = asyncio.create_task(keep_dialling())
    new = await start(port=old.port, take_over=True)
    taken = time.monotonic()
    await asyncio.sleep(1.5)
    done.set()
    await dialling
    assert any(at > taken + 0.5 for at in dialled)
    assert await talking.ask("and me?") == "and me?"
    assert old.process.returncode is None
    late = await Caller.dial(old.url, waiting["sessionId"])
    assert late.session == waiting["sessionId"]
    await talking.socket.close()
    assert (await old.until_gone())[0] == 0
    assert await late.ask("I came over") == "I came over"
    assert await new.status("/readyz") == 200


async def test_a_webrtc_call_outlives_the_server_it_dialled(start):
    use_loopback_only()
    old = await start("tests.serving.echo:bot")
    heard = []
    wire = Wire(
        old.url,
        microphone=Microphone(time.monotonic, on_frame=lambda *_: None),
        on_step=lambda step: None,
        on_audio=lambda samples: heard.append(len(samples)),
        on_message=lambda message: None,
        on_closed=lambda reason: heard.append(None),
    )
    answers = []
    post = wire._post

    async def noting(path, **content):
        answers.append(await post(path, **content))
        return answers[-1]

    wire._post = noting
    try:
        await wire.dial({"bot": "echo"})
        await start("tests.serving.echo:bot", port=old.port, take_over=True)
        await asyncio.sleep(0.5)
        before = len(heard)
        patch = {"pc_id": answers[-1]["pc_id"], "candidates": []}
        async with httpx.AsyncClient() as http:
            for path in ("/api/offer", f"/sessions/{wire.session_id}/api/offer"):
                answer = await http.patch(old.url + path, json=patch)
                assert answer.json() == {"status": "success"}, path
            missing = await http.patch(f"{old.url}/sessions/nobody/api/offer", json=patch)
            assert missing.status_code == 404
        await asyncio.sleep(0.5)
        assert len(heard) - before > 15 and None not in heard
    finally:
        await wire.close()
    assert (await old.until_gone())[0] == 0


async def test_taking_over_from_nobody_is_told_with_the_cure(start):
    with pytest.raises(AssertionError, match="without --take-over"):
        await start(port=1, take_over=True)

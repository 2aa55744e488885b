"""The page measures how far each host is, and the near one answers."""

import asyncio
import contextlib
import json
import os

import pytest

from serving.app import create_app
from serving.engine.hosts import Hosts
from serving.engine.zygote import Spec
from serving.server import listening
from tests.serving import echo
from tests.support.machines import free_port
from tests.web.steps import start_call

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="a pool forks"),
]
DELAY_SECS = 0.04


@contextlib.asynccontextmanager
async def slow_line(port):
    """A port behind which another is 80 ms away, there and back."""

    async def carry(reader, writer):
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                loop.call_later(DELAY_SECS, writer.write, data)
        loop.call_later(DELAY_SECS, writer.close)

    async def connect(reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, back), carry(there, writer))

    async with await asyncio.start_server(connect, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def host(tmp_path, monkeypatch):
    """Serves the echo bot as one host of several."""
    monkeypatch.setenv("VIVACE_STORE", f"sqlite:{tmp_path}/s.db")
    monkeypatch.setenv("VIVACE_SECRET", "only for tests")
    monkeypatch.delenv("VIVACE_START_KEY", raising=False)

    @contextlib.asynccontextmanager
    async def serve(port, *, url):
        spec = Spec(bot="tests.serving.echo:bot", uploads=str(tmp_path), loopback=True)
        app = create_app(
            bot=None,
            catalogue=lambda: [echo.CARD],
            uploads=tmp_path / "uploads",
            engine=lambda storage: Hosts(spec, url=url, storage=storage),
            guarded=True,
        )
        async with listening(app, port=port):
            yield app.state.switchboard

    return serve


async def test_a_caller_who_opened_a_far_hosts_page_is_answered_by_a_near_one(host, visit):
    near_port, far_port, started = free_port(), free_port(), []
    near_url = f"http://127.0.0.1:{near_port}"

    async def before(page):
        page.on("request", lambda asked: asked.url.endswith("/start") and started.append(asked))

    async with slow_line(far_port) as line, contextlib.AsyncExitStack() as hosts:
        far_url = f"http://127.0.0.1:{line}"
        far = await hosts.enter_async_context(host(far_port, url=far_url))
        near = await hosts.enter_async_context(host(near_port, url=near_url))
        async with asyncio.timeout(10):
            while len(far.known) < 2 or len(near.known) < 2:
                await asyncio.sleep(0.1)
        page = await visit(far_url, before=before)
        async with asyncio.timeout(10):
            while len([one for one in page.requested if one.endswith("/healthz")]) < 8:
                await asyncio.sleep(0.1)
        await start_call(page)
        assert (len(near), len(far)) == (1, 0)
        trips = json.loads(started[0].post_data)["roundTrips"]
        assert trips[near_url] < 80 <= trips[far_url]
        assert not page.complaints

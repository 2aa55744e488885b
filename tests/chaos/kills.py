"""``kill -9`` at random points, with the side effects counted by whoever they were done to."""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from aiohttp import web

ROOT = Path(__file__).parents[2]


class Sink:
    """A booking service: does what it is asked once for each idempotency key, as such services do.

    ``asked`` counts what arrived, ``effects`` what was done, by session and request.
    """

    def __init__(self):
        """Begin with nothing booked."""
        self.asked: Counter[tuple[str, int]] = Counter()
        self.effects: Counter[tuple[str, int]] = Counter()
        self._done: dict[str, dict] = {}

    async def __aenter__(self) -> "Sink":
        app = web.Application()
        app.router.add_post("/book", self._book)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _book(self, request: web.Request) -> web.Response:
        wanted, key = await request.json(), request.headers["Idempotency-Key"]
        what = wanted["session"], wanted["request"]
        self.asked[what] += 1
        if key not in self._done:
            self.effects[what] += 1
            self._done[key] = {"booked": wanted["request"]}
        await asyncio.sleep(0.001)
        return web.json_response(self._done[key])


async def kills(
    url: str, *, count: int, seed: int, longest: float = 0.12, plain: bool = False
) -> dict:
    """Kill so many workers on one store.

    Args:
        url: The store's.
        count: How many.
        seed: Of the moments.
        plain: Call the tools as Pipecat would.
        longest: Seconds a worker lives at most after its first word.

    Returns:
        ``kills``; ``told``: requests whose caller was told that they are done; ``lost_writes``:
        of these, the writes that the next worker did not find; ``lost_effects``: those that the
        service never did; ``double_effects``: those it did twice; ``asked_again``: those it was
        asked for twice, and knew by their key; ``stillborn``: killed before they said a word.
    """
    figures: Counter[str] = Counter()
    told: dict[str, int] = {}
    async with Sink() as sink:
        words = [sys.executable, "-m", "tests.chaos.forker", url, sink.url, str(count), str(seed)]
        process = await asyncio.create_subprocess_exec(
            *words, str(longest), *["plain"] * plain, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout
        async for line in process.stdout:
            report = json.loads(line)
            assert not report["faults"], report
            figures["kills"] += 1
            figures["lost_writes"] += report["lost"]
            figures["stillborn"] += not report["began"]
            told[report["sid"]] = report["told"]
        assert await process.wait() == 0
    requests = {(sid, n) for sid, last in told.items() for n in range(1, last + 1)}
    figures["told"] = len(requests)
    figures["lost_effects"] = len(requests - set(sink.effects))
    figures["double_effects"] = sum(times - 1 for times in sink.effects.values())
    figures["asked_again"] = sum(times - 1 for times in sink.asked.values())
    return dict(figures)

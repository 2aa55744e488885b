"""A session's whole call on the virtual clock: its caller, its pipeline and the doubles in one loop."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pipecat.frames.frames import Frame
from pipecat.observers.base_observer import BaseObserver
from pipecat.pipeline.pipeline import Pipeline

from qa.virtual import run
from services.addresses import VENDORS
from services.rehearsal.faults import faults_from
from services.rehearsal.latency import profile_named
from services.rehearsal.mouth import speak
from services.rehearsal.server import serve
from services.rehearsal.state import Rehearsal
from sessions import OPEN, Session
from tests.support.loopback import Line

WALL = 1_790_000_000_000_000_000


class Seen(BaseObserver):
    """Every frame at its first push, with its time in the loop."""

    def __init__(self):
        super().__init__(observe_every_push=False)
        self.frames: list[tuple[float, Frame]] = []

    async def on_push_frame(self, data):
        self.frames.append((asyncio.get_running_loop().time(), data.frame))

    def of(self, *kinds) -> list:
        return [frame for _, frame in self.frames if isinstance(frame, kinds)]

    def at(self, *kinds) -> list[float]:
        return [when for when, frame in self.frames if isinstance(frame, kinds)]


@dataclass
class Call:
    """A call under way."""

    line: Line
    session: Session
    house: Rehearsal
    seen: Seen
    running: asyncio.Task
    answered_at: float = 0.0

    def faults(self, *entries: dict) -> None:
        self.house.faults = faults_from(list(entries))

    def journal(self, vendor: str, what: str) -> list[dict]:
        entries = self.house.visit_of(self.session.id).journal.entries()
        return [e for e in entries if e["vendor"] == vendor and e["what"] == what]

    async def say(self, text: str) -> float:
        """Speak; returns when the last sample has gone in, in loop time."""
        self.line.say(speak(text))
        while self.line.speech:
            await asyncio.sleep(0.02)
        return asyncio.get_running_loop().time()

    async def quiet(self, secs: float = 1.5, *, within: float = 60.0) -> None:
        """Wait until the bot has said something and then nothing for a while."""
        loop = asyncio.get_running_loop()
        since = loop.time()

        def silent() -> bool:
            loud = [at for at, is_loud in self.line.heard if is_loud and at > since]
            return bool(loud) and loop.time() - loud[-1] > secs

        await self.line.until(silent, within=within)

    def first_sound(self, after: float) -> float:
        """Seconds from a moment to the first sound of the bot behind it."""
        return next(at for at, loud in self.line.heard if loud and at > after) - after


@asynccontextmanager
async def calling(
    build: Callable,
    *,
    script: str,
    policy=OPEN,
    profile: str = "instant",
    greet: bool = False,
    body: dict | None = None,
    answers: str = "",
):
    """Come on the line; yields the :class:`Call` once the disclosure has been said.

    Args:
        build: From the session to the list of its processors.
        script: The rehearsal script, as YAML.
        policy: The session's.
        profile: Of the doubles' latency.
        greet: Whether the bot speaks first.
        body: More of what the call is started with, such as a consent.
        answers: Said at once, as one who was called does; nothing is waited for then.
    """
    with tempfile.TemporaryDirectory() as folder:
        about = {"bot": "little", **(body or {})}
        Path(folder, f"{about['bot']}.rehearsal.yaml").write_text(script)
        house = Rehearsal(scripts=Path(folder), profile=profile_named(profile))
        server = await serve(house)
        host, port = server.addresses[0][:2]
        os.environ["VIVACE_REHEARSAL"] = f"{host}:{port}"
        line = Line(body=about)
        line.handle_sigint = False
        session = await Session.open(line, policy=policy)
        seen = Seen()
        session.observers.append(seen)
        made = build(session)
        if asyncio.iscoroutine(made):
            made = await made
        running = asyncio.create_task(session.run(Pipeline(made), greet=greet))
        call = Call(line, session, house, seen, running)
        try:
            await line.connect()
            if answers:
                call.answered_at = await call.say(answers)
            else:
                await call.quiet(0.5)
            yield call
            await line.hang_up()
            await asyncio.wait_for(running, 30)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await server.cleanup()


def virtually(scenario: Callable[[], Coroutine]) -> None:
    """Run a scenario on the virtual clock."""
    pytest.importorskip("espeakng_loader")
    pytest.importorskip("pocketsphinx")
    with pytest.MonkeyPatch.context() as patch:
        for vendor in VENDORS.values():
            patch.delenv(vendor.key, raising=False)
            patch.delenv(vendor.url, raising=False)
        patch.setenv("VIVACE_REHEARSAL", "")
        patch.setenv("VIVACE_SEED", "7")
        run(lambda _loop: scenario(), wall_start_ns=WALL, limit_secs=900)

"""A meeting in one session of our own server: several callers over real WebRTC, by a link."""

import asyncio
import functools
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import numpy as np
import pytest
from pipecat.frames.frames import InputTransportMessageFrame, UserAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.processors.frameworks.rtvi import RTVIObserverParams
from pipecat.workers.runner import WorkerRunner

from services.rehearsal.process import ADDRESS, rehearsal
from serving.app import create_app
from serving.cards import BotCard
from serving.engine.pool import Pool
from serving.engine.zygote import Spec
from serving.server import listening
from sessions.attendance import mute_at_door, watch_attendance
from sessions.doors import is_empty, open_door
from sessions.person import invitation, invited, person
from sessions.policy import OPEN
from sessions.rights import Rights
from sessions.transcript import LINE
from tests.doubles.browser_call import BrowserCaller
from tests.doubles.heard import tone

CARD = BotCard(name="meeting", about="A meeting.", gathers=True)


class Here:
    """What the bot of the room below saw, of its only session."""

    def __init__(self):
        self.heard: dict[str, bytes] = {}
        self.sent: list[tuple[str, str]] = []
        self.came: list[tuple[str, str | None]] = []
        self.gone: list[str] = []
        self.over = asyncio.Event()
        self.transport: Any
        self.rights = Rights()

    async def bot(self, runner_args):
        if "joins" in runner_args.body:
            return await person(runner_args)
        here = self
        self.transport = await open_door(
            runner_args, sees={}, policy=OPEN, tracks=True, room_id=runner_args.session_id
        )

        class Ears(FrameProcessor):
            async def process_frame(self, frame, direction):
                await super().process_frame(frame, direction)
                if isinstance(frame, UserAudioRawFrame):
                    known = here.heard.get(frame.user_id, b"")
                    here.heard[frame.user_id] = known + frame.audio
                elif isinstance(frame, InputTransportMessageFrame) and frame.message:
                    here.sent.append(
                        (getattr(frame, "participant_id", ""), frame.message.get("type", ""))
                    )
                await self.push_frame(frame, direction)

        transport = self.transport
        watch_attendance(
            transport, joined=lambda *who: self.came.append(who), left=self.gone.append
        )
        self.rights.watch(transport)
        worker = PipelineWorker(
            Pipeline([transport.input(), Ears(), transport.output()]),
            rtvi_observer_params=RTVIObserverParams(),
        )
        self.rights.guard(worker.rtvi)

        @transport.event_handler("on_client_disconnected")
        async def on_client_disconnected(_transport, _client):
            if is_empty(transport):
                await worker.cancel()

        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        try:
            await runner.run()
        finally:
            self.over.set()


@asynccontextmanager
async def served(bot, tmp_path, **settings):
    app = create_app(
        bot=bot,
        catalogue=lambda: [CARD],
        uploads=tmp_path / "u",
        loopback=True,
        candid=True,
        **settings,
    )
    async with listening(app) as (url, _):
        yield url


class Caller(BrowserCaller):
    """Keeps what `/start` answered."""

    def __init__(self, url, **how):
        super().__init__(url, **how)
        self.started: dict = {}
        post = self.wire._post

        async def noted(path, **content):
            answer = await post(path, **content)
            if path == "/start":
                self.started = answer
            return answer

        self.wire._post = noted


@asynccontextmanager
async def comes(url, *, pictures=(), **body):
    caller = Caller(url, pictures=pictures)
    try:
        await caller.wire.dial(body)
        yield caller
    finally:
        await caller.hang_up()


def link(caller) -> str:
    return parse_qs(urlsplit(caller.started["meeting"]["url"]).query)["joins"][0]


async def until(condition, *, within: float = 10.0):
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.02)


def pitch(pcm: bytes, *hz: float, rate: int = 16000) -> list[float]:
    """The strength of each pitch in a sound."""
    samples = np.frombuffer(pcm, np.int16).astype(float)
    t = np.arange(len(samples)) / rate
    return [float(abs(np.mean(samples * np.exp(-2j * np.pi * f * t)))) for f in hz]


async def test_three_are_heard_on_tracks_of_their_own_and_each_hears_the_others_not_themselves(
    tmp_path,
):
    here = Here()
    async with served(here.bot, tmp_path) as url, AsyncExitStack() as all_of_them:
        ana = await all_of_them.enter_async_context(comes(url, bot="meeting", name="Ana"))
        ben = await all_of_them.enter_async_context(comes(url, joins=link(ana), name="Ben"))
        cleo = await all_of_them.enter_async_context(comes(url, joins=link(ben), name="Cleo"))
        ids = [ana.started["sessionId"], ben.started["sessionId"], cleo.started["sessionId"]]
        assert here.came == [*zip(ids, ["Ana", "Ben", "Cleo"])]
        pitches = (400.0, 700.0, 1100.0)
        for caller, hz in zip((ana, ben, cleo), pitches):
            await caller.say(tone(1.0, hz=hz))
        await asyncio.sleep(1.8)
        for own, id in enumerate(ids):
            strengths = pitch(here.heard[id], *pitches)
            assert strengths[own] > 10 * max(s for i, s in enumerate(strengths) if i != own)
        for own, caller in enumerate((ana, ben, cleo)):
            strengths = pitch(caller.heard.pcm(), *pitches)
            others = [s for i, s in enumerate(strengths) if i != own]
            assert min(others) > 10 * strengths[own]


async def test_joins_and_leaves_are_told_and_the_room_is_over_when_the_last_has_gone(tmp_path):
    here = Here()
    async with served(here.bot, tmp_path) as url:
        async with comes(url, bot="meeting", name="Ana") as ana:
            to_ana = link(ana)
            async with comes(url, joins=to_ana, name="Ben") as ben:
                gone = ana.started["sessionId"]
                await ana.hang_up()
                await until(lambda: here.gone == [gone])
                assert not here.over.is_set()
                assert here.transport.participants() == {ben.started["sessionId"]: "Ben"}
            await until(here.over.is_set)
            assert len(here.gone) == 2
        async with httpx.AsyncClient(base_url=url) as http:
            late = await http.post("/start", json={"body": {"joins": to_ana, "name": "Cleo"}})
            assert late.status_code == 410 and "over" in late.text


async def test_only_who_opened_the_meeting_drives_the_bot_also_when_they_come_back(tmp_path):
    here = Here()
    typed = {"type": "send-text", "data": {"content": "hello"}}
    async with served(here.bot, tmp_path) as url:
        async with comes(url, bot="meeting", name="Ana") as ana:
            async with comes(url, joins=link(ana), name="Ana") as ben:
                await ben.send(typed)
                await ana.send(typed)
                await until(lambda: len([s for s in here.sent if s[1] == "send-text"]) == 2)
                own, other = ana.started["sessionId"], ben.started["sessionId"]
                message = {"label": "rtvi-ai", **typed}
                assert here.rights.may(own, message) and not here.rights.may(other, message)
                async with comes(url, joins=ana.started["meeting"]["joins"], name="Ana") as again:
                    assert [who for who, _ in here.came] == [own, other]  # took her own place
                    assert len(here.transport.participants()) == 2
                    await again.say(tone(0.3))
                    await ben.heard.sound(0.2)
                    assert here.rights.may(own, message)


async def test_one_browser_without_a_name_is_a_line_and_nobody_who_joins_it_becomes_its_caller(
    tmp_path,
):
    here = Here()
    async with served(here.bot, tmp_path) as url:
        async with comes(url, bot="meeting") as line, comes(url, joins=link(line)) as guest:
            assert [who for who, _ in here.came] == [LINE, guest.started["sessionId"]]
            await line.say(tone(0.3))
            await guest.heard.sound(0.2)
            assert invited(line.started["meeting"]["joins"]) == (line.started["sessionId"], LINE)
            message = {"label": "rtvi-ai", "type": "send-text", "data": {}}
            assert here.rights.may(LINE, message)
            assert not here.rights.may(guest.started["sessionId"], message)


async def test_who_is_muted_is_heard_by_nobody(tmp_path):
    here = Here()
    async with served(here.bot, tmp_path) as url:
        async with comes(url, bot="meeting") as ana, comes(url, joins=link(ana)) as ben:
            assert await mute_at_door(here.transport, ben.started["sessionId"])
            await ben.say(tone(0.5))
            await asyncio.sleep(1.0)
            assert ana.heard.loud_secs == 0
            await ana.say(tone(0.3))
            await ben.heard.sound(0.2)


@pytest.mark.parametrize("forged", ["", "x", None, ["a", "b"], 7])
async def test_a_link_that_was_not_given_here_opens_no_meeting(tmp_path, forged):
    async with served(Here().bot, tmp_path) as url, httpx.AsyncClient(base_url=url) as http:
        answer = await http.post("/start", json={"body": {"joins": forged, "name": "Eve"}})
        assert answer.status_code == 403 and "Ask for a new one" in answer.text
        late = invitation("never was")
        assert (await http.post("/start", json={"body": {"joins": late}})).status_code == 410


async def test_a_link_is_no_token_each_who_joins_brings_one_and_it_opens_their_own_line_only(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("VIVACE_SECRET", "only for tests")
    here = Here()
    async with served(here.bot, tmp_path, guarded=True) as url:
        async with comes(url, bot="meeting", name="Ana") as ana, httpx.AsyncClient() as http:
            joins = {"body": {"joins": link(ana), "name": "Ben"}}
            assert (await http.post(f"{url}/start", json=joins)).status_code == 401
            token = (await http.post(f"{url}/start/token", json={})).json()["token"]
            own = {"Authorization": f"Bearer {token}"}
            started = await http.post(f"{url}/start", json=joins, headers=own)
            assert started.status_code == 200 and "resume" not in started.json()
            again = await http.post(f"{url}/start", json=joins, headers=own)
            assert again.status_code == 401 and "used before" in again.text
            anas = f"{url}/sessions/{ana.started['sessionId']}/api/offer"
            offer = {"sdp": "v=0\nm=audio", "pc_id": "x"}
            assert (await http.post(anas, json=offer, headers=own)).status_code == 401


@pytest.mark.slow
async def test_who_joins_comes_into_the_process_of_the_meeting(tmp_path, monkeypatch):
    monkeypatch.setenv("VIVACE_STORE", "off")
    monkeypatch.setenv(ADDRESS, rehearsal().address)
    spec = Spec(bot="bots:bot", imports=[], uploads=str(tmp_path / "u"), lines=1, loopback=True)
    engine = functools.partial(Pool, spec)
    async with served(None, tmp_path, engine=lambda storage: engine(storage=storage)) as url:
        async with comes(url, bot="meeting", name="Ana") as ana:
            async with comes(url, joins=link(ana), name="Ben") as ben:
                await ana.heard.sound(0.5, within=30)  # the bot
                await ben.heard.sound(0.5, within=30)
                async with asyncio.timeout(60):
                    heard = -1.0
                    while heard < ben.heard.loud_secs:
                        heard = ben.heard.loud_secs
                        await asyncio.sleep(2.0)
                await ana.say(tone(0.6))
                await asyncio.sleep(1.2)
                assert ben.heard.loud_secs - heard > 0.4
            await asyncio.sleep(1.0)
            async with comes(url, joins=link(ana), name="Ben") as again:
                await ana.say(tone(0.6))
                await again.heard.sound(0.4, within=5)

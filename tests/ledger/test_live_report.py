"""The report of a running server: of the sessions on the line, and of its tapes of late."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import asdict
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from qa.call.process import events
from qa.call.script import Line
from qa.figures import CallFigures
from qa.pages import qa_router
from qa.report import live_calls, notes_of, tables_of
from services.rehearsal.process import ADDRESS, start
from serving.app import create_app
from serving.cards import BotCard
from serving.engine.pool import Pool
from serving.engine.zygote import Spec
from serving.server import listening
from sessions.cost import Cost
from sessions.measured import _running, books_so_far
from sessions.metrics import Figures
from sessions.prices import Prices
from sessions.waterfall import Turn
from tests.support.ledger_call import SCRIPT


class Running(SimpleNamespace):
    """A session that others may hold weakly."""


@pytest.fixture
def books():
    """What a session that runs tells of itself, as JSON."""
    from sessions.clock import Clock

    figures = Figures(turn_ms=[2600], words=8, word_errors=1.2, wer_from="confidence")
    session = Running(
        id="b00c",
        bot="little",
        clock=Clock(),
        rehearsal={"anthropic"},
        waterfall=SimpleNamespace(turns=[Turn(1, model_ms=2600, total_ms=2600)]),
        meter=SimpleNamespace(figures=figures),
        cost=Cost(prices=Prices.load()),
    )
    session.cost.castings["mouth"] = "tts/cartesia/x"
    session.cost.bill.characters("tts/cartesia/x", 1000)
    _running["b00c"] = session  # type: ignore[assignment]
    return session


@asynccontextmanager
async def browsing(tmp_path, running):
    app = FastAPI()
    app.include_router(qa_router(tapes=tmp_path, key="sesame", running=running))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as browser:
        yield browser


async def test_the_live_page_shows_who_is_on_the_line_to_those_with_the_key(tmp_path, books):
    async def running():
        return [books_so_far("b00c"), *filter(None, [books_so_far("nobody")])]

    async with browsing(tmp_path, running) as browser:
        assert (await browser.get("/qa/report")).status_code == 403
        assert (await browser.get("/qa/report.json")).status_code == 403
        browser.cookies.set("vivace-qa", "sesame")
        page = await browser.get("/qa/report")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "<script" not in page.text and "http-equiv=refresh" in page.text
        for told in ("1 on the line now", "Past their thresholds: turn latency, ASR word", "b00c"):
            assert told in page.text
        (call,) = [CallFigures.of(one) for one in (await browser.get("/qa/report.json")).json()]
    assert call.live and call.rehearsed and call.turns == books.waterfall.turns
    assert call.total_usd == pytest.approx(0.037375)
    assert CallFigures.of(asdict(call)) == call
    assert "estimated from the recogniser's confidence" in notes_of([call])[0]
    assert tables_of([call], width=100).renderables


async def test_without_a_call_or_a_tape_the_page_says_so(tmp_path):
    async def nobody():
        return []

    async with browsing(tmp_path, nobody) as browser:
        browser.cookies.set("vivace-qa", "sesame")
        assert "There is no call to tell of yet" in (await browser.get("/qa/report")).text


def test_an_address_that_is_no_qa_address_is_refused_with_the_cure():
    with pytest.raises(ValueError, match="the whole QA address"):
        live_calls("http://127.0.0.1:9/qa?key=x")


@pytest.mark.slow
async def test_the_books_of_sessions_in_processes_of_their_own_are_told_while_they_run(
    tmp_path, monkeypatch
):
    pytest.importorskip("espeakng_loader")
    (tmp_path / "quiet.rehearsal.yaml").write_text(SCRIPT)
    vendors = start(scripts=tmp_path, profile="instant")
    monkeypatch.setenv(ADDRESS, vendors.address)
    spec = Spec(bot="tests.chaos.faulty:bot", uploads=str(tmp_path), loopback=True)
    app = create_app(
        bot=None,
        catalogue=lambda: [BotCard(name="quiet", about="Answers.")],
        uploads=tmp_path,
        engine=lambda storage: Pool(spec, storage=storage),
    )
    lines = [Line(say="thank you"), Line(say="please look it up")]
    seen: list[dict] = []
    async with listening(app) as (url, _):

        async def watch():
            while True:
                seen.extend(await app.state.switchboard.books())
                await asyncio.sleep(0.5)

        watching = asyncio.create_task(watch())
        told = events(url=url, body={"bot": "quiet"}, lines=lines, hang_up=asyncio.Event())
        assert not [event async for event in told if event["type"] == "failed"]
        watching.cancel()
    vendors.stop()
    last = CallFigures.of(seen[-1])
    assert last.bot == "quiet" and len(last.turns) == 2 and last.total_usd > 0
    assert last.figures.turn_ms == [turn.total_ms for turn in last.turns]

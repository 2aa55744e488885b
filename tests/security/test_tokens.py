"""Nobody opens a session, or does anything in one, without a token that is theirs."""

import asyncio
import time

import httpx
import pytest
import time_machine
import websockets

from serving.server import listening
from serving.tokens import MOST_WAITING, SESSION
from sessions import tokens
from sessions.store import shared_store
from tests.security.conftest import bearer
from tests.support.offers import offer

PDF = b"%PDF-1.7\n%%EOF"


async def test_a_start_token_opens_one_session_once(client):
    given = (await client.post("/start/token", json={})).json()["token"]
    first = await client.post("/start", headers=bearer(given))
    assert first.status_code == 200
    again = await client.post("/start", headers=bearer(given))
    assert again.status_code == 401 and "used before" in again.text
    assert len(client.app.state.switchboard) == 1


@pytest.mark.parametrize("headers", [{}, bearer("x.y"), {"Authorization": "Basic eDp5"}])
async def test_without_a_start_token_no_line_is_taken(client, headers):
    answer = await client.post("/start", headers=headers)
    assert answer.status_code == 401 and "POST /start/token" in answer.text
    assert answer.headers["www-authenticate"] == "Bearer"
    assert len(client.app.state.switchboard) == 0


async def test_tokens_of_another_purpose_secret_or_time_open_nothing(client, monkeypatch):
    stolen = tokens.sign(["n", ""], 60, purpose="resume")
    late = tokens.sign(["n", ""], -1, purpose=tokens.START)
    with monkeypatch.context() as other:
        other.setenv("VIVACE_SECRET", "another")
        foreign = tokens.start_token()
    for token in (stolen, late, foreign, tokens.start_token()[:-2]):
        assert (await client.post("/start", headers=bearer(token))).status_code == 401
    token = tokens.start_token()
    with time_machine.travel(time.time() + tokens.START_SECS + 1):
        assert "expired" in (await client.post("/start", headers=bearer(token))).text


async def test_a_token_that_was_used_is_known_to_every_server_of_the_store(
    make_app, tmp_path, monkeypatch
):
    monkeypatch.setenv("VIVACE_STORE", f"sqlite:{tmp_path}/s.db")
    token, answers = tokens.start_token(), []
    for _ in range(2):
        app = make_app()
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            answers.append((await http.post("/start", headers=bearer(token))).status_code)
        await app.state.switchboard.close()
    assert answers == [200, 401]
    assert await shared_store().expired(10) == []


async def test_pipecats_clients_need_no_more_than_the_headers_of_their_start(make_app):
    caller, sdp = await offer()
    async with listening(make_app()) as (url, _), httpx.AsyncClient(base_url=url) as http:
        mine = bearer()
        session = (await http.post("/start", headers=mine)).json()
        path = f"/sessions/{session['sessionId']}/api/offer"
        for stranger in ({}, bearer()):
            assert (await http.post(path, json=sdp, headers=stranger)).status_code == 401
        answer = await http.post(path, json=sdp, headers=mine)
        assert answer.status_code == 200
        patch = {"pc_id": answer.json()["pc_id"], "candidates": []}
        restart = sdp | {"pc_id": patch["pc_id"], "restart_pc": True}
        for where in (path, "/api/offer"):
            assert (await http.patch(where, json=patch)).status_code == 401
            assert (await http.post(where, json=restart)).status_code == 401
            assert (await http.patch(where, json=patch, headers=mine)).status_code == 200
        later = time.time() + tokens.START_SECS + 1
        with time_machine.travel(later, tick=True):
            assert (await http.post(path, json=restart, headers=mine)).status_code == 200
    await caller.close()


async def test_request_data_may_carry_the_token_and_it_does_not_reach_the_bot(make_app):
    bodies = asyncio.Queue()

    async def bot(runner_args):
        bodies.put_nowait(runner_args.body)

    caller, sdp = await offer()
    async with listening(make_app(bot)) as (url, _), httpx.AsyncClient(base_url=url) as http:
        data = {"token": tokens.start_token(), "record": "r-7"}
        answer = await http.post("/api/offer", json=sdp | {"requestData": data})
        assert answer.status_code == 200
        again = await http.post("/api/offer", json=sdp | {"requestData": data})
        assert again.status_code == 401
        assert await asyncio.wait_for(bodies.get(), 5) == {"record": "r-7", "bot": "echo"}
    await caller.close()


async def test_a_session_has_a_token_of_its_own_that_opens_no_other(client):
    one = (await client.post("/start", headers=bearer())).json()
    other = (await client.post("/start", headers=bearer())).json()
    files = {"file": ("a.pdf", PDF)}
    where = f"/sessions/{one['sessionId']}/files"
    assert (await client.post(where, files=files)).status_code == 401
    strangers = bearer(other["sessionToken"])
    assert (await client.post(where, files=files, headers=strangers)).status_code == 401
    own = bearer(one["sessionToken"])
    assert (await client.post(where, files=files, headers=own)).status_code == 200
    assert (await client.post(one["fileUploadUrl"], files=files)).status_code == 200
    late = bearer(tokens.sign(one["sessionId"], -1, purpose=SESSION))
    assert (await client.post(where, files=files, headers=late)).status_code == 401


async def test_sockets_need_a_token_and_the_answered_url_carries_it(make_app):
    ended = asyncio.Event()

    async def bot(runner_args):
        await ended.wait()

    async with listening(make_app(bot)) as (url, _), httpx.AsyncClient(base_url=url) as http:
        socket = url.replace("http", "ws")
        for path in ("/ws", "/ws/echo", "/ws/echo/x.y", "/ws-client", "/ws-client/echo?token=x"):
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect(socket + path)
        asked = {"transport": "websocket"}
        answer = (await http.post("/start", json=asked, headers=bearer())).json()
        bare = answer["wsUrl"].partition("&token")[0]
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(bare)
        async with websockets.connect(answer["wsUrl"]):
            pass
        token = tokens.start_token()
        async with websockets.connect(f"{socket}/ws-client/echo/{token}"):
            pass
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(f"{socket}/ws-client/echo/{token}")
        ended.set()


async def test_who_does_not_connect_holds_few_lines(client):
    for _ in range(MOST_WAITING):
        assert (await client.post("/start", headers=bearer())).status_code == 200
    answer = await client.post("/start", headers=bearer())
    assert answer.status_code == 429 and "wait for you" in answer.text


async def test_a_page_is_given_so_many_tokens_a_minute_and_guesses_are_counted(client):
    answers = [(await client.post("/start/token", json={})).status_code for _ in range(61)]
    assert answers[:60] == [200] * 60 and answers[60] == 429
    guesses = [await client.post("/start", headers=bearer("no.token")) for _ in range(31)]
    assert guesses[0].status_code == 401 and guesses[-1].status_code == 429
    assert int(guesses[-1].headers["retry-after"]) >= 1


async def test_an_operators_app_gives_the_tokens_and_names_the_callers(client, monkeypatch):
    monkeypatch.setenv("VIVACE_START_KEY", "operators key")
    for headers in ({}, bearer("guess"), bearer()):
        assert (await client.post("/start/token", json={}, headers=headers)).status_code == 401
    asked = {"json": {"caller": "patient 7"}, "headers": bearer("operators key")}
    codes = []
    for _ in range(13):
        given = (await client.post("/start/token", **asked)).json()["token"]
        started = await client.post("/start", headers=bearer(given))
        codes.append(started.status_code)
        for call in client.app.state.switchboard._calls.values():
            call.arrival.cancel()  # as if connected: it waits no more
    assert codes == [200] * 12 + [429]


async def test_on_this_machine_nothing_is_needed(make_app):
    app = make_app(guarded=False)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = (await http.post("/start")).json()
        assert "token" not in answer["fileUploadUrl"]
        assert (await http.post("/start/token")).json()["token"]
    await app.state.switchboard.close()

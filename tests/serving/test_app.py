import asyncio
import dataclasses

import httpx
import pytest
import websockets
from aiortc import RTCPeerConnection, RTCSessionDescription

from serving.server import listening
from tests.serving import echo

PDF = b"%PDF-1.7\n%%EOF"
OTHER = dataclasses.replace(echo.CARD, name="other")


@pytest.fixture
async def open_client():
    """Opens an HTTP client on an app, without a port."""
    clients = []

    async def open_(app):
        transport = httpx.ASGITransport(app=app)
        clients.append(httpx.AsyncClient(transport=transport, base_url="http://localhost"))
        return clients[-1]

    yield open_
    for client in clients:
        await client.aclose()


async def test_the_list_of_bots_says_what_a_caller_may_know(make_app, open_client):
    client = await open_client(make_app())
    (card,) = (await client.get("/bots")).json()
    assert card["name"] == "echo"
    assert card["consent"] == ["recording"]
    assert card["sees"] == {"camera": 1}
    assert card["rehearsed"] == ["deepgram", "anthropic", "cartesia"]


async def test_every_answer_forbids_other_hosts(make_app, open_client):
    client = await open_client(make_app())
    for path in ("/", "/bots", "/nowhere", "/web/index.html"):
        policy = (await client.get(path)).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy


async def test_a_page_of_another_origin_may_not_start_a_session(make_app, open_client):
    app = make_app()
    client = await open_client(app)
    evil = {"Origin": "https://evil.example"}
    answer = await client.post("/start", json={"body": {}}, headers=evil)
    assert answer.status_code == 403
    assert len(app.state.switchboard) == 0
    assert "access-control-allow-origin" not in (await client.get("/bots", headers=evil)).headers


async def test_our_own_page_and_allowed_origins_may_start_a_session(make_app, open_client):
    client = await open_client(make_app(allowed_origins=["https://clinic.example"]))
    for origin in ("http://localhost", "https://clinic.example"):
        answer = await client.post("/start", json={"body": {}}, headers={"Origin": origin})
        assert answer.status_code == 200


async def test_start_names_the_session_and_where_its_documents_go(make_app, open_client):
    client = await open_client(make_app())
    answer = (await client.post("/start", json={"transport": "webrtc", "body": {}})).json()
    assert answer["fileUploadUrl"] == f"/sessions/{answer['sessionId']}/files"
    assert "iceConfig" not in answer


async def test_an_empty_start_gets_the_only_bot_over_webrtc(make_app, open_client):
    client = await open_client(make_app())
    assert (await client.post("/start")).json()["sessionId"]


async def test_a_configured_turn_server_is_handed_to_the_caller(make_app, open_client):
    turn = {"urls": "turn:turn.example:3478", "username": "u", "credential": "c"}
    client = await open_client(make_app(ice_servers=[turn]))
    answer = (await client.post("/start", json={"body": {}})).json()
    assert answer["iceConfig"] == {"iceServers": [turn]}


async def test_pipecat_clients_never_get_a_public_stun_server(make_app, open_client):
    client = await open_client(make_app())
    asked = {"transport": "webrtc", "enableDefaultIceServers": True, "body": {}}
    assert "iceConfig" not in (await client.post("/start", json=asked)).json()


@pytest.mark.parametrize(
    ("body", "status", "cure"),
    [({}, 400, "one of echo, other"), ({"bot": "nobody"}, 404, "Call one of: echo, other")],
)
async def test_an_unknown_bot_is_refused_with_the_names_there_are(
    make_app, open_client, body, status, cure
):
    client = await open_client(make_app(cards=(echo.CARD, OTHER)))
    answer = await client.post("/start", json={"body": body})
    assert answer.status_code == status
    assert cure in answer.json()["detail"]


async def test_an_unknown_door_is_refused_with_the_doors_there_are(make_app, open_client):
    client = await open_client(make_app())
    answer = await client.post("/start", json={"transport": "pigeon"})
    assert answer.status_code == 400
    assert "webrtc, daily, livekit" in answer.json()["detail"]


async def test_a_caller_too_many_is_told_to_call_again(make_app, open_client):
    client = await open_client(make_app(limit=1))
    await client.post("/start", json={"body": {}})
    answer = await client.post("/start", json={"body": {}})
    assert answer.status_code == 503
    assert "busy" in answer.json()["detail"]


async def test_an_offer_to_an_unknown_session_says_how_to_get_one(make_app, open_client):
    client = await open_client(make_app())
    answer = await client.post("/sessions/nowhere/api/offer", json={"sdp": "x"})
    assert answer.status_code == 404
    assert "POST /start" in answer.json()["detail"]


@pytest.mark.parametrize("sdp", ["nonsense", "v=0\r\nm=audio nine\r\n"])
async def test_an_unreadable_offer_is_refused_and_takes_no_line(make_app, open_client, sdp):
    app = make_app()
    client = await open_client(app)
    answer = await client.post("/api/offer", json={"sdp": sdp})
    assert answer.status_code == 400
    await asyncio.sleep(0.01)
    assert len(app.state.switchboard) == 0


async def upload(client, name, contents):
    session = (await client.post("/start", json={"body": {}})).json()
    return await client.post(session["fileUploadUrl"], files={"file": (name, contents)})


async def test_an_uploaded_document_is_named_by_its_contents(make_app, open_client):
    client = await open_client(make_app())
    answer = (await upload(client, "../../letter.exe", PDF)).json()
    assert answer["name"] == "letter.exe"
    assert answer["format"] == "application/pdf"
    assert answer["source"]["url"].startswith("pipecat:")


@pytest.mark.parametrize(
    ("name", "contents", "status", "cure"),
    [
        ("tool.exe", b"MZ\x90", 415, "save other documents as PDF"),
        ("letter.pdf", b"not a pdf", 415, "Send PDF"),
        ("notes.txt", b"\xff\xfe\x00", 415, "Send PDF"),
        ("big.pdf", PDF + bytes(2**20), 413, "over 1 MB"),
    ],
)
async def test_a_document_no_bot_can_read_is_refused_with_a_cure(
    make_app, open_client, name, contents, status, cure
):
    client = await open_client(make_app(upload_limit=2**20))
    answer = await upload(client, name, contents)
    assert answer.status_code == status
    assert cure in answer.json()["detail"]


async def test_documents_are_gone_when_the_session_is_over(make_app, open_client, tmp_path):
    app = make_app()
    client = await open_client(app)
    await upload(client, "letter.pdf", PDF)
    assert len(list((tmp_path / "uploads").iterdir())) == 1
    await app.state.switchboard.close()
    assert not list((tmp_path / "uploads").iterdir())


@pytest.mark.parametrize(
    ("path", "transport_type"), [("/ws/echo", None), ("/ws-client/echo", "websocket")]
)
async def test_a_socket_reaches_the_bot_it_names_with_the_body_of_the_server(
    make_app, path, transport_type
):
    arguments = asyncio.Queue()
    app = make_app(arguments.put, cards=(echo.CARD, OTHER), socket_body={"record": "r-7"})
    async with listening(app) as (url, _):
        async with websockets.connect(url.replace("http", "ws") + path):
            runner_args = await asyncio.wait_for(arguments.get(), 5)
    assert runner_args.transport_type == transport_type
    assert runner_args.body == {"bot": "echo", "record": "r-7"}
    assert runner_args.session_id and runner_args.file_storage


async def test_a_client_that_starts_a_socket_session_keeps_its_body(make_app):
    arguments = asyncio.Queue()
    async with listening(make_app(arguments.put)) as (url, _):
        async with httpx.AsyncClient(base_url=url) as client:
            asked = {"transport": "websocket", "body": {"consent": {"recording": True}}}
            answer = (await client.post("/start", json=asked)).json()
        async with websockets.connect(answer["wsUrl"]):
            runner_args = await asyncio.wait_for(arguments.get(), 5)
    assert runner_args.session_id == answer["sessionId"]
    assert runner_args.body == {"bot": "echo", "consent": {"recording": True}}


async def test_a_second_caller_cannot_join_a_session(make_app):
    app = make_app()
    caller = RTCPeerConnection()
    caller.addTransceiver("audio")
    await caller.setLocalDescription(await caller.createOffer())
    offer = {"sdp": caller.localDescription.sdp, "type": "offer"}
    async with listening(app) as (url, _), httpx.AsyncClient(base_url=url) as client:
        session = (await client.post("/start", json={"body": {}})).json()
        path = f"/sessions/{session['sessionId']}/api/offer"
        assert (await client.post(path, json=offer)).status_code == 200
        assert (await client.post(path, json=offer)).status_code == 409
        assert (await client.post(path, json=offer | {"pc_id": "other"})).status_code == 404
    await caller.close()


async def faulty(runner_args):
    raise RuntimeError("EARS_API_KEY is not set. Add it to .env.")


@pytest.mark.parametrize("candid", [True, False])
async def test_a_caller_is_told_that_the_bot_had_a_fault_and_the_server_lives_on(make_app, candid):
    caller = RTCPeerConnection()
    channel = caller.createDataChannel("chat")
    caller.addTransceiver("audio")
    heard = []
    told = asyncio.Event()

    @channel.on("message")
    def on_message(message):
        heard.append(message)
        if "peerLeft" in message:
            told.set()

    app = make_app(faulty, candid=candid)
    async with listening(app) as (url, _), httpx.AsyncClient(base_url=url) as client:
        await caller.setLocalDescription(await caller.createOffer())
        offer = {"sdp": caller.localDescription.sdp, "type": "offer"}
        answer = (await client.post("/api/offer", json=offer)).json()
        await caller.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        await asyncio.wait_for(told.wait(), 10)
        assert '"type": "error"' in heard[0]
        assert ("EARS_API_KEY" in heard[0]) is candid
        assert (await client.get("/healthz")).json()["status"] == "ok"
    await caller.close()


async def test_a_name_that_is_not_the_servers_is_refused(make_app):
    transport = httpx.ASGITransport(app=make_app(hosts=["calls.example.org"]))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for host, status in [
            ("evil.example:7860", 421),
            ("calls.example.org", 200),
            ("127.0.0.1:7860", 200),
        ]:
            answer = await client.get("/bots", headers={"Host": host})
            assert answer.status_code == status


async def test_a_request_that_is_too_long_is_refused_unread(make_app):
    transport = httpx.ASGITransport(app=make_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.post("/start", json={"body": {"padding": "x" * 2**21}})
        assert answer.status_code == 413

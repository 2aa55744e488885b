"""Oversized, malformed and odd input on every endpoint: a refusal, never a fault and never a wait."""

import asyncio
import json

import httpx
import pytest
import websockets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.server import listening
from sessions import tokens

schemathesis = pytest.importorskip("schemathesis", reason="pip install -e '.[dev]'")

PDF = b"%PDF-1.7\n%%EOF"
FUZZ = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@pytest.fixture
def app(make_app):
    """Unguarded: what is fuzzed are the handlers, and not the tokens before them."""
    return make_app(guarded=False, limit=10_000, hosts=None)


def test_every_endpoint_takes_what_its_schema_allows_without_a_fault(app):
    schema, tried = schemathesis.openapi.from_asgi("/openapi.json", app), []
    for operation in schema.get_all_operations():
        operation = operation.ok()
        tried.append(f"{operation.method.upper()} {operation.path}")
        _run(operation)
    assert {"POST /start", "POST /api/offer", "PATCH /api/offer", "POST /start/token"} <= set(tried)
    assert any("files" in one for one in tried) and any("/phone/" in one for one in tried)


def _run(operation):
    @given(case=operation.as_strategy())
    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
    def once(case):
        answer = case.call()
        assert answer.status_code < 500 or answer.status_code == 503, (case, answer.text)

    once()


def paths(app) -> list[tuple[str, str]]:
    known = [(how.upper(), path) for path, ways in app.openapi()["paths"].items() for how in ways]
    return [*known, ("GET", "/"), ("GET", "/metrics"), ("GET", "/web/app.js")]


BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"\xff\xfe",
    b'{"body": ' + b"[" * 50_000,
    b'{"body": {"bot": "\\ud800"}}',
    b'{"transport": "\\ud800", "resume": "\\ud800"}',
    b'{"sdp": "v=0\\r\\nm=audio \\ud800", "type": "\\ud800", "pc_id": "\\ud800"}',
    b'{"sdp": "v=0", "request_data": {"bot": ["x"]}}',
    b'{"body": {"bot": {"a": 1}}}',
    b'{"body": {"bot": NaN}, "resume": "' + b"x" * 10_000 + b'"}',
    b'{"caller": "\\ud800"}',
]


async def test_every_path_survives_bodies_that_make_no_sense(app):
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        session = (await http.post("/start")).json()["sessionId"]
        seen = 0
        for method, path in paths(app):
            for one in {session, "no-session", "%00", "..%2f.."}:
                where = path.replace("{session_id}", one).replace("{bot}", "echo")
                where = where.replace("{carrier}", "twilio")
                for body in BODIES:
                    for kind in ("application/json", "multipart/form-data; boundary=x", "é"):
                        headers = [(b"content-type", kind.encode("latin-1"))]
                        work = http.request(method, where, content=body, headers=headers)
                        answer = await asyncio.wait_for(work, 5)
                        fault = answer.status_code >= 500 and answer.status_code != 503
                        assert not fault, (method, where, body[:60], kind, answer.text)
                        seen += 1
                if "{session_id}" not in path:
                    break
        assert seen > 1000, paths(app)
    await app.state.switchboard.close()


NAMES = [
    "..",
    "/etc/passwd",
    "a\x00b.txt",
    "\ud7ff.pdf",
    "x" * 5000 + ".pdf",
    "",
    ".txt",
    "a\r\nb.pdf",
]


async def test_no_name_of_a_document_leads_out_of_its_folder_or_to_a_fault(app, tmp_path):
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        for name in NAMES:
            session = (await http.post("/start")).json()
            answer = await http.post(session["fileUploadUrl"], files={"file": (name, PDF)})
            assert answer.status_code < 500, (name, answer.text)
        assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} <= {
            tmp_path / "uploads"
        }
    await app.state.switchboard.close()


@pytest.mark.parametrize(
    "contents",
    [b"MZ" + PDF, b"GIF89a", b"PK\x03\x04", b"<html>", b"<svg onload='x'/>", b"\x7fELF", b"a\0b"],
)
async def test_a_document_is_what_its_first_bytes_say(app, contents):
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        session = (await http.post("/start")).json()
        name = "a.txt" if b"\0" in contents else "letter.pdf"
        answer = await http.post(session["fileUploadUrl"], files={"file": (name, contents)})
        assert answer.status_code == 415
    await app.state.switchboard.close()


@FUZZ
@given(body=ODD, resume=ODD, transport=ODD)
def test_start_takes_anything_or_refuses_it(make_app, body, resume, transport):
    async def ask():
        app = make_app(guarded=False)
        over = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=over, base_url="http://localhost") as http:
            asked = {"body": body, "resume": resume, "transport": transport}
            answer = await http.post("/start", content=json.dumps(asked).encode())
        await app.state.switchboard.close()
        return answer.status_code

    assert asyncio.run(ask()) in (200, 400, 403, 404, 410, 422, 503)


@FUZZ
@given(shown=st.text(max_size=60) | st.binary(max_size=60), junk=st.integers(0, 10_000))
def test_no_authorization_header_is_a_fault_or_a_way_in(make_app, shown, junk):
    token = tokens.start_token()
    forged = token[: junk % (len(token) - 2)] + "A" + token[junk % (len(token) - 2) + 1 :]

    async def ask():
        app = make_app()
        over = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        codes = []
        async with httpx.AsyncClient(transport=over, base_url="http://localhost") as http:
            raw = shown.encode("utf-8", "replace") if isinstance(shown, str) else shown
            for text in (raw, b"Bearer " + raw, b"Bearer " + forged.encode()):
                if forged == token:
                    continue
                answer = await http.post("/start", headers=[(b"authorization", text)])
                codes.append(answer.status_code)
            where = "/sessions/x/readings"
            odd = [(b"authorization", b"Bearer \xe9")]
            codes.append((await http.post(where, content=b"{}", headers=odd)).status_code)
        await app.state.switchboard.close()
        return codes

    assert set(asyncio.run(ask())) <= {401, 403}


DOORS = [
    *("/ws", "/ws/echo", "/ws/echo/x", "/ws/%00/%F0"),
    *("/ws-client", "/ws-client/echo", "/ws-client/echo/x"),
    *("/sessions/x/readings", "/nowhere"),
]


async def test_sockets_survive_what_makes_no_sense(make_app):
    async def bot(runner_args):
        async for _ in runner_args.websocket.iter_text():
            pass

    app = make_app(bot, guarded=False)
    async with listening(app) as (url, _):
        for where in DOORS:
            for query in ("", "?session=%00", "?session=x&token=%F0", "?source=%00"):
                try:
                    async with websockets.connect(url.replace("http", "ws") + where + query) as ws:
                        await ws.send(b"\x00" * 2**16)
                        await ws.send("{" * 2**12)
                        await asyncio.wait_for(ws.close(), 5)
                except (websockets.ConnectionClosed, websockets.InvalidStatus):
                    pass
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{url}/healthz")).json()["status"] == "ok"


async def test_the_mounted_folder_gives_nothing_from_outside(app):
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        for path in (
            "/web/../runner.py",
            "/web/..%2frunner.py",
            "/web/%2e%2e/.env",
            "/web//etc/passwd",
        ):
            assert (await http.get(path)).status_code == 404

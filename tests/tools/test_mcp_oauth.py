"""OAuth on both ends: our client signs in as a team has set it up, our servers check what it brings."""

import json
import logging
from contextlib import asynccontextmanager

import httpx
import pytest
from loguru import logger

from tests.support.authority import CLIENT, SECRET, Authority
from tests.support.peer import served
from tests.support.tool_call import call_tool
from tools.mcp_client import served_at
from tools.mcp_oauth import SignInError
from tools.mcp_tokens import Tokens, tokens_at
from tools.servers.__main__ import app_of
from tools.servers._http import Access


@asynccontextmanager
async def shop():
    """An authority, and a catalog for those whom it lets in; yields it and the catalog's address."""
    made = []

    def make(url):
        made.append(Authority(url))
        return made[0].app

    def catalog(url):
        access = Access(token="house", issuer=made[0].url, url=f"{url}/mcp", scopes=("tools",))
        return app_of("catalog", access=access)

    async with served(make), served(catalog) as url:
        yield made[0], f"{url}/mcp"


@pytest.fixture
async def reached(monkeypatch):
    """Sets the environment of a server called shop; closes what was opened."""
    clients = []
    tokens_at.cache_clear()

    async def reach(url, **settings):
        for name, value in settings.items():
            monkeypatch.setenv(f"VIVACE_MCP_SHOP_{name}", str(value))
        tools = {tool.name: tool for tool in await served_at(url, name="shop", oauth=True)}
        clients.append(tools["find_article"].handler._vivace_mcp)
        return tools

    yield reach
    for client in clients:
        await client.close()


@pytest.fixture
def lines():
    """All that is logged, at any level, by loguru and by the standard library."""
    lines = []

    class Lines(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    handler, root = Lines(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(0)
    sink = logger.add(lambda line: lines.append(str(line)), level=0, diagnose=True)
    yield lines
    logger.remove(sink)
    root.removeHandler(handler)
    root.setLevel(before)


async def finds(tools) -> bool:
    return "GA-05" in str(await call_tool(tools["search_catalog"], words="leaking pumps"))


async def test_a_client_with_a_secret_is_let_in_and_its_token_serves_the_next_session(reached):
    async with shop() as (authority, url):
        known = {"ISSUER": authority.url, "CLIENT_ID": CLIENT, "CLIENT_SECRET": SECRET}
        assert await finds(await reached(url, **known))
        assert await finds(await reached(url))
        assert len(authority.issued) == 1


@pytest.mark.parametrize("lies_in", ["environment", "file"])
async def test_a_client_with_a_key_is_let_in(reached, tmp_path, lies_in):
    async with shop() as (authority, url):
        (tmp_path / "key.pem").write_text(authority.client_pem)
        key = authority.client_pem if lies_in == "environment" else tmp_path / "key.pem"
        known = {"ISSUER": authority.url, "CLIENT_ID": CLIENT, "PRIVATE_KEY": key}
        assert await finds(await reached(url, **known))


async def test_a_refresh_token_that_is_replaced_is_kept_for_its_owner_only(reached, tmp_path):
    kept = tmp_path / "tokens.json"
    async with shop() as (authority, url):
        known = {"ISSUER": authority.url, "CLIENT_ID": CLIENT, "REFRESH_TOKEN": "refresh-1"}
        assert await finds(await reached(url, **known, TOKENS=kept))
        assert kept.stat().st_mode & 0o777 == 0o600
        assert json.loads(kept.read_text())["tokens"]["refresh_token"] == authority.refresh
        assert [*tmp_path.iterdir()] == [kept]

        used = json.loads(kept.read_text())
        used["tokens"]["access_token"] = authority.sign(url, exp=1)  # as after a night
        kept.write_text(json.dumps(used))
        tokens_at.cache_clear()  # as in another process
        assert await finds(await reached(url))
        assert len(authority.issued) == 2


async def test_a_token_that_runs_out_in_a_call_is_replaced(reached):
    async with shop() as (authority, url):
        known = {"ISSUER": authority.url, "CLIENT_ID": CLIENT, "CLIENT_SECRET": SECRET}
        tools = await reached(url, **known)
        client = tools["find_article"].handler._vivace_mcp
        client._signing.provider.context.current_tokens.access_token = authority.sign(url, exp=1)
        assert await finds(tools)
        assert len(authority.issued) == 2


async def test_credentials_are_shown_to_no_other_issuer_than_theirs(reached):
    async with shop() as (authority, url):
        other = {"ISSUER": "https://auth.example.com", "CLIENT_ID": CLIENT}
        with pytest.raises(ConnectionError, match="VIVACE_MCP_SHOP_ISSUER"):
            await reached(url, **other, CLIENT_SECRET=SECRET)
        with pytest.raises(ConnectionError, match="VIVACE_MCP_SHOP_ISSUER"):
            await reached(url, REFRESH_TOKEN="refresh-1")
        assert not authority.issued and authority.refresh == "refresh-1"


async def test_errors_name_the_cure_and_nothing_secret_is_logged(reached, lines):
    async with shop() as (authority, url):
        with pytest.raises(SignInError, match="VIVACE_MCP_SHOP_CLIENT_ID is not set") as missing:
            await reached(url)
        assert "python -m tools.mcp_login shop" in str(missing.value)
        with pytest.raises(SignInError, match="VIVACE_MCP_SHOP_ISSUER is not set"):
            await reached(url, CLIENT_ID=CLIENT, CLIENT_SECRET="wr0ng-secret")
        with pytest.raises(SignInError, match="https"):
            await reached(url, ISSUER="http://auth.example.com")
        with pytest.raises(ConnectionError, match="answers invalid_client.*VIVACE_MCP_SHOP_CLIENT"):
            await reached(url, ISSUER=authority.url)
        with pytest.raises(SignInError, match="PRIVATE_KEY is no key"):
            await reached(url, PRIVATE_KEY="-----BEGIN wr0ng-key")
        with pytest.raises(ConnectionError, match="used up or withdrawn: sign in again"):
            await reached(url, REFRESH_TOKEN="wr0ng-refresh")
        authority.scope = "nothing"
        with pytest.raises(ConnectionError, match="answers 403 to the token"):
            await reached(url, REFRESH_TOKEN="refresh-1")
    said = "\n".join(lines)
    assert said and authority.issued
    for secret in (*authority.issued, authority.refresh, "wr0ng", SECRET, "refresh-1"):
        assert secret not in said


def test_a_token_file_that_others_can_read_is_not_used(tmp_path):
    kept = tmp_path / "tokens.json"
    kept.write_text("{}")
    kept.chmod(0o644)
    with pytest.raises(PermissionError, match="chmod 600"):
        Tokens(kept).client  # noqa: B018


async def test_strangers_are_told_where_tokens_come_from():
    async with shop() as (authority, url), httpx.AsyncClient() as http:
        answer = await http.post(url, json={})
        challenge = answer.headers["www-authenticate"]
        page = challenge.split('resource_metadata="')[1].split('"')[0]
        assert answer.status_code == 401 and challenge.startswith("Bearer ")
        said = (await http.get(page)).json()
        assert said["resource"] == url and said["authorization_servers"] == [authority.url]


async def test_only_tokens_of_the_issuer_for_this_server_are_good():
    async with shop() as (authority, url), httpx.AsyncClient() as http:
        impostor = Authority(authority.url)
        tokens = {
            authority.sign(url): 200,
            "house": 200,
            authority.sign(url, scope="other"): 403,
            authority.sign("http://127.0.0.1:1/mcp"): 401,
            authority.sign(url, exp=1): 401,
            authority.sign(url, iss="https://auth.example.com"): 401,
            impostor.sign(url): 401,
            "no.jwt.at-all": 401,
            "x": 401,
        }
        hello = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        }
        for token, status in tokens.items():
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
            headers["Accept"] += ", text/event-stream"
            answer = await http.post(url, json=hello, headers=headers)
            assert answer.status_code == status, token


def test_an_issuer_without_an_address_is_refused():
    with pytest.raises(ValueError, match="VIVACE_MCP_URL"):
        Access(issuer="https://auth.example.com")

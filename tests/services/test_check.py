"""The check: what each vendor's row says, and that nothing is contacted without a key."""

import asyncio

import pytest
from aiohttp import web

from services import check
from services.addresses import VENDORS, Vendor
from services.check import check_vendors

KEYS = {"Bearer good", "Token good", "good"}


@pytest.fixture
async def vendors(monkeypatch):
    """All vendors behind one local server, which takes the key ``good``."""
    asked = []

    async def answer(request: web.Request):
        asked.append(request.path)
        keys = {
            request.headers.get(h)
            for h in ("Authorization", "x-api-key", "xi-api-key", "x-goog-api-key")
        }
        if request.path.endswith("/slow"):
            await asyncio.sleep(5)
        if request.path.endswith("/nobody"):
            return web.json_response({}, status=404)
        voice = {"id": "v", "name": "Katie", "data": [], "has_more": False}
        return web.json_response(voice, status=200 if keys & KEYS else 401)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    # The key is real to this server, and the server is not this machine to the rules.
    monkeypatch.setattr("services.addresses.is_loopback", lambda host: False)
    for vendor in VENDORS.values():
        monkeypatch.setenv(vendor.url, f"http://127.0.0.1:{runner.addresses[0][1]}")
    yield asked
    await runner.cleanup()


def rows(checks):
    return {row.name: row for row in checks}


async def test_without_keys_nothing_is_contacted_and_the_doubles_are_named(monkeypatch):
    monkeypatch.setattr(check, "_ASK", {})
    states = {name: row.state for name, row in rows(await check_vendors()).items()}
    assert states == {
        "anthropic": "rehearsed",
        "cartesia": "rehearsed",
        "deepgram": "rehearsed",
        "elevenlabs": "rehearsed",
        "google": "rehearsed",
        "openai": "rehearsed",
    }


async def test_a_key_is_shown_to_its_vendor_and_nobody_else(monkeypatch, vendors):
    # The first check imports the vendors' SDKs, which takes seconds on a busy machine.
    monkeypatch.setattr("services.check.TIMEOUT_SECS", 60.0)
    for vendor in VENDORS.values():
        monkeypatch.setenv(vendor.key, "good")
    checks = await check_vendors(voices=["cartesia/v"])
    assert {row.state for row in checks} == {"live"}
    assert "Katie" in rows(checks)["cartesia"].detail
    assert len(vendors) == len(VENDORS)


async def test_a_key_that_is_refused_is_named_and_never_printed(monkeypatch, vendors):
    for vendor in VENDORS.values():
        monkeypatch.setenv(vendor.key, "a-bad-secret")
    for row in await check_vendors():
        assert (row.state, row.cure) == ("refused", f"Replace {VENDORS[row.name].key} in .env")
        assert "a-bad-secret" not in str(row)


async def test_a_voice_that_does_not_exist_is_found_out(monkeypatch, vendors):
    monkeypatch.setenv("CARTESIA_API_KEY", "good")
    row = rows(await check_vendors(voices=["cartesia/nobody"]))["cartesia"]
    assert row.state == "refused" and "nobody" in row.detail


async def test_a_vendor_that_does_not_answer_is_not_waited_for(monkeypatch, vendors):
    monkeypatch.setattr(check, "TIMEOUT_SECS", 0.2)
    monkeypatch.setenv("CARTESIA_API_KEY", "good")
    row = rows(await check_vendors(voices=["cartesia/slow"]))["cartesia"]
    assert row.state == "unreachable" and "no answer" in row.detail


async def test_a_server_of_ones_own_is_named_and_not_contacted(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://localhost:11434")
    row = rows(await check_vendors())["anthropic"]
    assert row.state == "on-prem" and "11434" in row.detail


async def test_a_missing_package_is_named_with_what_brings_it(monkeypatch):
    gone = Vendor(
        live="https://x.y", domain="x.y", key="X", url="X_URL", module="no.such", extra="realtime"
    )
    monkeypatch.setattr(check, "VENDORS", {"x": gone})
    (row,) = await check_vendors()
    assert row.state == "not installed" and "[realtime]" in row.cure

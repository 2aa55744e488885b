"""A guarded app: wherever others can reach a server, callers need tokens."""

import httpx
import pytest

from serving.app import create_app
from sessions import tokens
from tests.serving import echo


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("VIVACE_SECRET", "only for tests")
    for name in ("VIVACE_STORE", "VIVACE_START_KEY", "VIVACE_EVALS", "VIVACE_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def make_app(tmp_path):
    def make(bot=echo.bot, *, cards=(echo.CARD,), guarded=True, **settings):
        return create_app(
            bot=bot,
            catalogue=lambda: list(cards),
            uploads=tmp_path / "uploads",
            loopback=True,
            guarded=guarded,
            **settings,
        )

    return make


@pytest.fixture
async def client(make_app):
    app = make_app()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        client.app = app
        yield client
        await app.state.switchboard.close()


def bearer(token: str = "") -> dict[str, str]:
    return {"Authorization": f"Bearer {token or tokens.start_token()}"}

import pytest

from serving.app import create_app
from serving.engine.pool import Pool
from serving.engine.zygote import Spec
from serving.server import listening
from tests.serving import echo

ECHO = "tests.serving.echo:bot"


@pytest.fixture
def pool_app(tmp_path):
    """An app whose sessions run in processes of their own; the echo bot unless told otherwise."""

    def make(bot=ECHO, *, cards=(echo.CARD,), spec=None, **settings):
        uploads = tmp_path / "uploads"
        common = {"loopback": True, "candid": True, "log_level": "WARNING", **(spec or {})}
        forked = Spec(bot=bot, uploads=str(uploads), **common)
        return create_app(
            bot=None,
            catalogue=lambda: list(cards),
            uploads=uploads,
            engine=lambda storage: Pool(forked, storage=storage, **settings),
        )

    return make


@pytest.fixture
async def open_pool(pool_app):
    """Serves such an app; gives the URL and the pool."""
    servers = []

    async def open_(*args, **settings):
        app = pool_app(*args, **settings)
        server = listening(app)
        url, _ = await server.__aenter__()
        servers.append(server)
        return url, app.state.switchboard

    yield open_
    for server in servers:
        await server.__aexit__(None, None, None)

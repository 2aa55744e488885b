"""Both stores, real."""

import pytest

from sessions.store import open_store
from tests.support.redis_process import MISSING, REDIS, RedisProcess


@pytest.fixture(scope="session")
def redis(tmp_path_factory):
    """A redis-server that lives as long as the tests."""
    if not REDIS:
        pytest.skip(MISSING)
    pytest.importorskip("redis", reason="redis-py is not installed (pip install -e '.[redis]')")
    process = RedisProcess(tmp_path_factory.mktemp("redis"))
    process.start()
    yield process
    process.stop()


@pytest.fixture(params=["sqlite", "redis"])
def url(request, tmp_path):
    """The URL of an empty store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path}/sessions.db"
    redis = request.getfixturevalue("redis")
    import redis as client

    client.Redis.from_url(redis.url).flushdb()
    return redis.url


@pytest.fixture
async def store(url):
    """A store of each kind, empty."""
    store = open_store(url)
    yield store
    await store.close()

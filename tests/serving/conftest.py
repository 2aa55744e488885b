import pytest

from serving.app import create_app
from tests.serving import echo


@pytest.fixture
def make_app(tmp_path):
    """An app around a bot; the echo bot unless told otherwise, with all media on this machine."""

    def make(bot=echo.bot, *, cards=(echo.CARD,), **settings):
        return create_app(
            bot=bot,
            catalogue=lambda: list(cards),
            uploads=tmp_path / "uploads",
            loopback=True,
            **settings,
        )

    return make

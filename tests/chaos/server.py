"""A server process of the chaos suite: one session a process, and two bots without vendors.

python -m tests.chaos.server PORT [--take-over]
"""

import sys
import tempfile
from pathlib import Path

from loguru import logger

from serving.app import create_app
from serving.engine import loops
from serving.engine.pool import Pool
from serving.engine.zygote import Spec
from serving.server import serve
from tests.engine import misbehaving
from tests.serving import echo


async def bot(runner_args):
    """The echo bot on WebRTC, and on sockets the one that does what it is told."""
    socket = hasattr(runner_args, "websocket")
    await (misbehaving.bot if socket else echo.bot)(runner_args)


def main() -> None:
    """Serve until told to go; prints the URL."""
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    with tempfile.TemporaryDirectory(prefix="vivace-chaos-") as uploads:
        run(Path(uploads))


def run(uploads: Path) -> None:
    """Serve, with the callers' documents there."""
    spec = Spec(
        bot="tests.chaos.server:bot", uploads=str(uploads), loopback=True, log_level="ERROR"
    )
    app = create_app(
        bot=None,
        catalogue=lambda: [misbehaving.CARD],
        uploads=uploads,
        engine=lambda storage: Pool(spec, storage=storage),
        guarded=True,
    )
    loops.run(
        serve(
            app,
            port=int(sys.argv[1]),
            drain_secs=60,
            take_over="--take-over" in sys.argv,
            announce=lambda url: print(url, flush=True),
        )
    )


if __name__ == "__main__":
    main()

"""One host of a cluster, a process that stands for a machine: python -m tests.cluster.host PORT REGION"""

import sys
import tempfile
from pathlib import Path

from loguru import logger
from pipecat.runner.types import DailyRunnerArguments

from serving.app import create_app
from serving.engine import loops
from serving.engine.hosts import Hosts
from serving.engine.zygote import Spec
from serving.server import serve
from tests.cluster.bot import CARD


def main() -> None:
    """Serve until told to go; prints the URL."""
    port, region, limit = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    logger.remove()
    logger.add(sys.stderr, level="INFO")
    with tempfile.TemporaryDirectory(prefix="vivace-host-") as uploads:
        spec = Spec(bot="tests.cluster.bot:bot", uploads=uploads, loopback=True, log_level="ERROR")
        url = f"http://127.0.0.1:{port}"
        app = create_app(
            bot=None,
            catalogue=lambda: [CARD],
            uploads=Path(uploads),
            engine=lambda storage: Hosts(
                spec, url=url, region=region, storage=storage, limit=limit
            ),
            guarded=True,
        )

        @app.post("/test/room/{session}")
        async def enter_a_room(session: str):
            switchboard = app.state.switchboard
            room = DailyRunnerArguments(room_url="daily-room", token="of the bot")
            switchboard.connect(switchboard.find(session), room)

        loops.run(serve(app, port=port, drain_secs=1, announce=lambda url: print(url, flush=True)))


if __name__ == "__main__":
    main()

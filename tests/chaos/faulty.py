"""A server whose bots each have one fault: a bot's name says which.

    python -m tests.chaos.faulty

It prints its URL and serves until its input ends: sessions in processes of their own, as
``runner.py serve``.
"""

import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loguru import logger
from pipecat.pipeline.pipeline import Pipeline

from processors.frame_sampler import FrameSampler
from services.ears_deepgram import DeepgramEars
from serving.app import create_app
from serving.cards import BotCard
from serving.engine.pool import Pool
from serving.engine.zygote import Spec
from serving.server import listening
from sessions import OPEN, Session
from sessions.store.embedded import EmbeddedStore
from tests.support import ledger_call

NAMES = (
    "quiet",
    "slow-model",
    "slow-ears",
    "failing-tools",
    "slow-tools",
    "slow-store",
    "slow-encode",
    "noisy-line",
    "interrupted",
)
LATE: dict[str, tuple[type, str, float]] = {
    "slow-ears": (DeepgramEars, "_on_message", 0.5),
    "slow-store": (EmbeddedStore, "save", 0.12),
    "slow-encode": (FrameSampler, "_picture", 0.9),
}
"""What waits so many seconds before it does what it does. The other faults are the vendors', the
tool's or the caller's."""


def late(method: Callable, secs: float) -> Callable:
    """The same, later."""

    async def waiting(*args: Any, **kwargs: Any):
        await asyncio.sleep(secs)
        return await method(*args, **kwargs)

    return waiting


async def bot(runner_args):
    """Answer one call; this process answers no other."""
    name = runner_args.body["bot"]
    if name in LATE:
        owner, method, secs = LATE[name]
        setattr(owner, method, late(getattr(owner, method), secs))
    eyes = name == "slow-encode"
    session = await Session.open(runner_args, policy=OPEN, sees={"camera": 5} if eyes else {})
    build = ledger_call.bot(
        eyes=eyes,
        tool_fails=name == "failing-tools",
        tool_secs=1.2 if name == "slow-tools" else 0.05,
    )
    await session.run(Pipeline(build(session)), greet=False)


async def main() -> None:
    """Serve until the input ends."""
    with tempfile.TemporaryDirectory(prefix="vivace-faulty-") as uploads:
        spec = Spec(bot=f"{__spec__.name}:bot", uploads=uploads, loopback=True, log_level="ERROR")
        app = create_app(
            bot=None,
            catalogue=lambda: [BotCard(name=name, about="Has a fault.") for name in NAMES],
            uploads=Path(uploads),
            engine=lambda storage: Pool(spec, storage=storage),
        )
        async with listening(app) as (url, _):
            print(url, flush=True)
            await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    asyncio.run(main())

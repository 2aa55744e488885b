"""A peer that takes its time: it reports on its way, answers, and can be cancelled.

python -m tests.support.peer --secs 5      serves on a free port, and prints its address
"""

import argparse
import asyncio
import contextlib
import socket

import uvicorn
from a2a.helpers import get_data_parts, new_task_from_user_message
from a2a.server.agent_execution import AgentExecutor
from a2a.server.tasks import TaskUpdater
from a2a.types import Part

from serving.agents import app_of

NAME = "consultation"  # any bot: it lends its card


class Slow(AgentExecutor):
    """Works for ``secs``, reporting every ``every``."""

    def __init__(self, *, secs: float = 0.0, every: float = 1.0):
        self.secs, self.every = secs, every
        self.keys: list[str] = []
        self.cancelled = 0

    async def execute(self, context, event_queue):
        self.keys += [part["delegation"] for part in get_data_parts(context.message.parts)]
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        await event_queue.enqueue_event(new_task_from_user_message(context.message))
        left = self.secs
        while left > 0:
            await asyncio.sleep(min(left, self.every))
            left -= self.every
            await updater.start_work(updater.new_agent_message([Part(text="still looking")]))
        await updater.add_artifact([Part(text="The pump is ")], artifact_id="a")
        await updater.add_artifact([Part(text="in stock.")], artifact_id="a", append=True)
        await updater.complete()

    async def cancel(self, context, event_queue):
        self.cancelled += 1
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


@contextlib.asynccontextmanager
async def served(make_app):
    """Serve an app on a free port; yields its address.

    Args:
        make_app: Given its address, makes the app.
    """
    sock = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(make_app(url), log_level="error", lifespan="on"))
    server.install_signal_handlers = lambda: None
    task = asyncio.create_task(server.serve(sockets=[sock]))
    async with asyncio.timeout(20):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield url
    finally:
        server.should_exit = True
        await asyncio.wait({task}, timeout=5)
        task.cancel()
        sock.close()


def peer(executor: AgentExecutor, *, token: str = ""):
    """Serve an executor as a peer; yields its address."""
    return served(lambda url: app_of(NAME, url=url, executor=executor, token=token))


async def main(secs: float) -> None:
    async with peer(Slow(secs=secs)) as url:
        print(url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--secs", type=float, default=0.0)
    asyncio.run(main(parser.parse_args().secs))

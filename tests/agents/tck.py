"""The agent that the public A2A TCK (v1) asks for: our card, doors and tokens, and a script.

    python -m tests.agents.tck --port 9999
    (in a clone of a2aproject/a2a-tck)  uv run ./run_tck.py --sut-host http://127.0.0.1:9999

The suite tells by the beginning of a message's id what it wants to see. For a bot that answers by
itself, run ``python -m serving.agents BOT --port 9999 --open``.
"""

import argparse
import asyncio

import uvicorn
from a2a.helpers import new_data_part, new_task_from_user_message
from a2a.server.agent_execution import AgentExecutor
from a2a.server.tasks import TaskUpdater
from a2a.types import Part
from a2a.utils.errors import UnsupportedOperationError

from serving.agents import app_of
from tests.support.peer import NAME

RESUBSCRIBE_SECS = 4.0
FILE = {"filename": "output.txt", "media_type": "text/plain"}
TEXTS = {
    "tck-artifact-text": "Generated text content",
    "tck-stream-artifact-text": "Streamed text content",
    "tck-stream-ordering-001": "Ordered output",
    "tck-stream-001": "Stream hello from TCK",
    "tck-stream-003": "Stream task lifecycle",
}


class Scripted(AgentExecutor):
    """Does what the beginning of a message's id asks for; anything else is simply completed."""

    async def execute(self, context, event_queue):
        wanted = context.message.message_id
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        if wanted.startswith("tck-message-response"):
            message = updater.new_agent_message([Part(text="Direct message response")])
            await event_queue.enqueue_event(message)
            return
        if wanted.startswith("tck-reject-task"):
            raise UnsupportedOperationError("rejected")
        if context.current_task is None:
            await event_queue.enqueue_event(new_task_from_user_message(context.message))
        if wanted.startswith("tck-input-required"):
            await updater.requires_input()
            return
        if wanted.startswith(("tck-stream", "test-resubscribe")) and "002" not in wanted:
            await updater.start_work()
        if wanted.startswith("test-resubscribe"):
            await asyncio.sleep(RESUBSCRIBE_SECS)
        for number, part in enumerate(parts := _parts(wanted)):
            last = number == len(parts) - 1
            chunks = {"append": number > 0, "last_chunk": last} if len(parts) > 1 else {}
            await updater.add_artifact([part], artifact_id="tck", **chunks)
        if wanted.startswith("tck-complete-task"):
            await updater.complete(updater.new_agent_message([Part(text="Hello from TCK")]))
            return
        await updater.complete()

    async def cancel(self, context, event_queue):
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


def _parts(wanted: str) -> list[Part]:
    if wanted.startswith("tck-stream-artifact-chunked"):
        return [Part(text="chunk-1 "), Part(text="chunk-2")]
    if wanted.startswith("tck-artifact-file-url"):
        return [Part(url="https://example.com/output.txt", **FILE)]
    if wanted.startswith(("tck-artifact-file", "tck-stream-artifact-file")):
        return [Part(raw=b"tck", **FILE)]
    if wanted.startswith("tck-artifact-data"):
        return [new_data_part({"key": "value", "count": 42})]
    return [Part(text=text) for start, text in TEXTS.items() if wanted.startswith(start)][:1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=9999)
    port = parser.parse_args().port
    app = app_of(NAME, url=f"http://127.0.0.1:{port}", executor=Scripted(), guarded=False)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")

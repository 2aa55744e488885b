"""A rehearsal in memory: vendor doubles and tool servers on the loop of the call itself.

The same doubles as the rehearsal process runs, without the process: so a call that takes minutes
is rehearsed in seconds, hermetically, and the same from run to run.
"""

import asyncio
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
from aiohttp import web
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from qa.virtual.hermetic import HermeticLoop
from qa.virtual.process import MemoryProcess
from services.addresses import VENDORS
from services.rehearsal.mouth import mouth
from services.rehearsal.server import application
from services.rehearsal.state import Rehearsal

TONE = "tone"
HOST, PORT = "127.0.0.1", 8377
_TOOL_SERVER = "tools.servers."


@contextmanager
def without_keys(**settings: str) -> Iterator[None]:
    """Set the environment of a rehearsal: no vendor keys, the doubles of :func:`open_house`."""
    before = dict(os.environ)
    for vendor in VENDORS.values():
        os.environ.pop(vendor.key, None)
        os.environ.pop(vendor.url, None)
    os.environ.update({"VIVACE_REHEARSAL": f"{HOST}:{PORT}", **settings})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


async def open_house(
    loop: HermeticLoop,
    *,
    seed: int,
    profile: Any = None,
    scripts: Path | None = None,
    voice: str = "",
    port: int = PORT,
) -> Rehearsal:
    """Serve the doubles and the tool servers in the loop's memory network.

    Args:
        loop: Where.
        seed: Of the doubles' draws.
        profile: Their latencies, see :mod:`services.rehearsal.latency`; typical when None.
        scripts: Folder of the rehearsal scripts; the bots' own when None.
        voice: ``"tone"`` hums instead of speaking, which keeps a tape small.
        port: Where they listen, at 127.0.0.1.
    """
    house = Rehearsal(seed=seed)
    house.profile = profile or house.profile
    house.scripts = scripts or house.scripts
    house.mouth = mouth(engines=voice != TONE)
    runner = web.AppRunner(application(house), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    loop.network.programs = tool_server
    return house


def tool_server(command: list):
    """The MCP server a command line starts, as a program in memory; None if it starts none."""
    name = next((str(word) for word in command if str(word).startswith(_TOOL_SERVER)), None)
    if name is None:
        return None

    def serve(process: MemoryProcess) -> None:
        server = importlib.import_module(name).server._lowlevel_server
        task = asyncio.ensure_future(_converse(server, process))
        process.finished = task  # type: ignore[attr-defined]

    return serve


async def _converse(server: Any, process: MemoryProcess) -> None:
    to_server, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](1000)
    outgoing, from_server = anyio.create_memory_object_stream[SessionMessage](1000)

    def hear(line: str) -> None:
        to_server.send_nowait(SessionMessage(jsonrpc_message_adapter.validate_json(line)))

    async def speak() -> None:
        async for said in from_server:
            process.write_line(said.message.model_dump_json(by_alias=True, exclude_unset=True))

    process.on_line = hear
    async with anyio.create_task_group() as group:
        group.start_soon(speak)
        await server.run(incoming, outgoing, server.create_initialization_options())

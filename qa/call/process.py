"""A caller in a process of its own, so that its clock is not the bot's.

`events` starts one and yields what it tells. In that process, `main` reads the order (one JSON
line) from standard input and writes events (JSON lines) to standard output; the end of the
input hangs up.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from loguru import logger

from qa.call.script import Line

ROOT = Path(__file__).parents[2]
HANG_UP_S = 10.0
"""How long a caller may take to hang up and finish its recording."""


async def events(
    *,
    url: str,
    body: dict[str, Any],
    lines: Sequence[Line],
    hang_up: asyncio.Event,
    documents: Sequence[Path] = (),
    recording: Path | None = None,
    seed: int = 0,
) -> AsyncIterator[dict[str, Any]]:
    """Start a caller and yield its events; see `qa.call.caller.Caller`.

    Args:
        url: The server's address.
        body: The body of `/start`.
        lines: What the caller does.
        hang_up: Set it to make the caller hang up.
        documents: Files to hand to the bot.
        recording: Where to write both sides.
        seed: Seeds the comfort noise.
    """
    order = {
        "url": url,
        "body": body,
        "lines": [line.to_dict() for line in lines],
        "documents": [str(path.resolve()) for path in documents],
        "recording": str(recording.resolve()) if recording else None,
        "seed": seed,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "qa.call.process"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        limit=2**22,
        start_new_session=True,  # Ctrl-C is for us; the caller is asked to hang up
    )
    assert process.stdin and process.stdout and process.stderr
    process.stdin.write(json.dumps(order).encode() + b"\n")
    stdin = process.stdin
    complaints = asyncio.create_task(process.stderr.read())
    hanging_up = asyncio.create_task(hang_up.wait())
    hanging_up.add_done_callback(lambda _: stdin.close())
    ended = False
    try:
        async for line in process.stdout:
            event = json.loads(line)
            ended = ended or event["type"] == "ended"
            yield event
        if not ended:
            why = (await complaints).decode(errors="replace").strip().splitlines()
            yield {"type": "failed", "error": f"The caller broke down: {why[-1] if why else '?'}"}
    finally:
        hanging_up.cancel()
        stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), HANG_UP_S)
        if process.returncode is None:
            process.kill()
            await process.wait()
        complaints.cancel()


async def perform(order: dict[str, Any], input_ended: asyncio.Event) -> None:
    """Make the call of an order, writing its events to standard output."""
    from qa.call.caller import Caller
    from qa.call.wire import use_loopback_only

    use_loopback_only()
    caller = Caller(
        order["url"],
        body=order["body"],
        tell=lambda event: print(json.dumps(event), flush=True),
        documents=[Path(path) for path in order["documents"]],
        recording=Path(order["recording"]) if order["recording"] else None,
        seed=order["seed"],
    )

    async def obey() -> None:
        await input_ended.wait()
        caller.hang_up()

    obeying = asyncio.create_task(obey())
    try:
        await caller.call([Line.of(line) for line in order["lines"]])
    finally:
        obeying.cancel()


async def main() -> None:
    """Take one order from standard input and perform it."""
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    reader = asyncio.StreamReader(limit=2**22)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    order = json.loads(await reader.readline())
    input_ended = asyncio.Event()

    async def drain() -> None:
        await reader.read()
        input_ended.set()

    draining = asyncio.create_task(drain())
    await perform(order, input_ended)
    draining.cancel()


if __name__ == "__main__":
    asyncio.run(main())

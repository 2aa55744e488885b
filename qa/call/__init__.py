"""`runner.py call`: dials a bot as a caller would, shows the call, and sums it up."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from qa.call.leaks import leaks
from qa.call.process import events
from qa.call.script import Line, lines_of, read_audio
from qa.call.summary import Summary, Tally
from qa.call.view import View

__all__ = ["Line", "Summary", "call"]

REHEARSAL = "rehearsal"


async def call(
    *,
    url: str,
    bot: str,
    caller: str = REHEARSAL,
    consent: Mapping[str, Any] | None = None,
    documents: Sequence[Path] = (),
    script: Any = None,
    journal_url: str | None = None,
    out: TextIO = sys.stdout,
    as_json: bool = False,
    body: Mapping[str, Any] | None = None,
    recording: Path | None = None,
    seed: int = 0,
) -> Summary:
    """Call a bot and print the call as it goes. Ctrl-C or a cancellation hangs up.

    Args:
        url: The server's address, like http://127.0.0.1:7860.
        bot: Name of the bot.
        caller: "rehearsal" for the script's lines, or an audio file to play.
        consent: What the caller agrees to, `{"recording": True}`.
        documents: Files that the caller hands to the bot at once.
        script: The rehearsal script: an object or a mapping with `lines` and, if wanted,
            `identifiers` (what no model may receive).
        journal_url: The rehearsal process, or None when nothing is rehearsed.
        out: Where to print.
        as_json: Print the summary as one JSON line on `out`, and the call on standard error.
        body: What else the body of `/start` holds.
        recording: Where to write both sides; by default below `recordings/`.
        seed: Seeds the caller's comfort noise.

    Returns:
        The summary; the call succeeded if its `errors` are empty.

    Raises:
        ValueError: The audio file, a document or the script cannot be used. Nothing was dialled.
    """
    lines = lines_for(caller, script)
    for document in documents:
        if not document.is_file():
            raise ValueError(f"There is no document {document}.")
    recording = recording or Path("recordings") / f"{datetime.now():%Y%m%d-%H%M%S}-{bot}.wav"
    order = {
        "url": url,
        "body": {**(body or {}), "bot": bot, "consent": dict(consent or {})},
        "lines": lines,
        "documents": documents,
        "recording": recording,
        "seed": seed,
    }
    tally = Tally()
    summary = tally.summary
    view = View(sys.stderr if as_json else out, title=f"Calling {bot} at {url}")
    with view:
        async with hang_up_on_interrupt() as hang_up:
            async for event in until_ended(order, hang_up):
                tally.take(event)
                view.show(event)
    if recording.exists():
        summary.recording = str(recording)
    identifiers = identifiers_of(script)
    summary.identifiers = len(identifiers)
    if journal_url and summary.session:
        try:
            summary.phi_in_model_requests = await leaks(journal_url, summary.session, identifiers)
        except ConnectionError as error:
            summary.errors.append(str(error))
    view.summarise(summary)
    if as_json:
        print(summary.to_json(), file=out, flush=True)
    return summary


async def until_ended(order: dict[str, Any], hang_up: asyncio.Event):
    """Yield a call's events to its end, also when this task is cancelled: then the caller hangs up."""
    queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    async def follow() -> None:
        try:
            async for event in events(**order, hang_up=hang_up):
                queue.put_nowait(event)
        finally:
            queue.put_nowait(None)

    following = asyncio.create_task(follow())
    while True:
        try:
            event = await queue.get()
        except asyncio.CancelledError:
            if hang_up.is_set():
                following.cancel()
                raise
            hang_up.set()
            if task := asyncio.current_task():
                task.uncancel()
            continue
        if event is None:
            break
        yield event
    await following


@contextlib.asynccontextmanager
async def hang_up_on_interrupt():
    """Yield an event that the first Ctrl-C sets; the second one interrupts as ever."""
    hang_up = asyncio.Event()
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        hang_up.set()
        loop.remove_signal_handler(signal.SIGINT)

    try:
        loop.add_signal_handler(signal.SIGINT, interrupted)
    except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
        yield hang_up
        return
    try:
        yield hang_up
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def lines_for(caller: str, script: Any) -> list[Line]:
    """Return what the caller does: the script's lines, or one file to play.

    Raises:
        ValueError: The file cannot be played, or there are no lines.
    """
    if caller == REHEARSAL:
        return lines_of(script or ())
    read_audio(caller)
    return [Line(audio=str(Path(caller).resolve()))]


def identifiers_of(script: Any) -> list[str]:
    """Return the identifiers that a script names."""
    named = script.get("identifiers") if isinstance(script, Mapping) else None
    return list(named or getattr(script, "identifiers", None) or ())

"""Replies streamed as server-sent events, at the profile's speed, with the faults of mid-stream."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from services.rehearsal.faults import Fault
from services.rehearsal.state import Visit

Event = dict[str, Any]


async def stream(
    request: web.Request,
    visit: Visit,
    *,
    vendor: str,
    events: Iterable[tuple[Event, float]],
    fault: Fault | None,
    error: Event,
    headers: dict[str, str],
    opening: int = 0,
    named: bool = False,
    end: bytes = b"",
) -> web.StreamResponse:
    """Send events; one who hangs up meanwhile, or has already, is no error.

    Args:
        request: What is answered.
        visit: Whose profile and journal.
        vendor: Who answers, for the journal.
        events: Each with the tokens it took to make.
        fault: The fault that hits this reply, if any.
        error: What the vendor sends when it fails in mid-stream.
        headers: Of the response.
        opening: How many events come before the content.
        named: Whether an event is announced by its ``type``.
        end: Sent after the last event.
    """

    def written(event: Event) -> bytes:
        name = f"event: {event['type']}\n" if named else ""
        return f"{name}data: {json.dumps(event)}\n\n".encode()

    response = web.StreamResponse(
        headers={
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-cache",
            **headers,
        }
    )
    sent = 0
    try:
        await response.prepare(request)
        for event, cost in events:
            if fault and await _strike(request, response, fault, sent=sent, opening=opening):
                if fault.kind == "error":
                    await response.write(written(error))
                await response.write_eof()
                return response
            sent += 1
            await response.write(written(event))
            await asyncio.sleep(cost / visit.profile.tokens_per_second)
        await response.write(end)
        await response.write_eof()
    except (ConnectionError, asyncio.CancelledError) as e:
        visit.journal.write(vendor, "stream-ended-early", events=sent, why=type(e).__name__)
        if isinstance(e, asyncio.CancelledError):
            raise
    return response


async def _strike(
    request: web.Request, response: web.StreamResponse, fault: Fault, *, sent: int, opening: int
) -> bool:
    """Let a fault act once its moment has come; True ends the stream."""
    if fault.kind in ("stall", "error") and sent == opening + 2:
        if fault.kind == "error":
            return True
        await asyncio.sleep(fault.number)
    if fault.kind.endswith("_after") and sent == int(fault.number):
        if fault.kind == "drop_after":
            if request.transport:
                request.transport.abort()
            raise ConnectionResetError("rehearsal fault")
        if fault.kind == "garbage_after":
            await response.write(b"event: content_block_delta\ndata: {oops\n\n")
        if fault.kind == "unknown_after":
            await response.write(b'event: something_new\ndata: {"type": "something_new"}\n\n')
        return fault.kind == "close_after"
    return False

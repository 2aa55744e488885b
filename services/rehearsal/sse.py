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
    end: bytes = b"",
) -> web.StreamResponse:
    """Send events that carry nothing but JSON.

    Args:
        request: What is answered.
        visit: Whose profile and journal.
        vendor: Who answers, for the journal.
        events: Each with the tokens it took to make.
        fault: The fault that hits this reply, if any.
        error: What the vendor sends when it fails in mid-stream.
        headers: Of the response.
        end: Sent after the last event.
    """
    response = web.StreamResponse(
        headers={
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-cache",
            **headers,
        }
    )
    await response.prepare(request)
    sent = 0
    try:
        for event, cost in events:
            if fault and await _misbehave(request, response, fault, sent, error):
                await response.write_eof()
                return response
            sent += 1
            await _send(response, event)
            await asyncio.sleep(cost / visit.profile.tokens_per_second)
        await response.write(end)
        await response.write_eof()
    except (ConnectionError, asyncio.CancelledError) as e:
        visit.journal.write(vendor, "stream-ended-early", events=sent, why=type(e).__name__)
        if isinstance(e, asyncio.CancelledError):
            raise
    return response


async def _send(response: web.StreamResponse, event: Event) -> None:
    await response.write(f"data: {json.dumps(event)}\n\n".encode())


async def _misbehave(
    request: web.Request, response: web.StreamResponse, fault: Fault, sent: int, error: Event
) -> bool:
    """Let a fault act once its moment has come; True ends the stream."""
    if fault.kind in ("stall", "error") and sent == 2:
        if fault.kind == "error":
            await _send(response, error)
            return True
        await asyncio.sleep(fault.number)
    if fault.kind.endswith("_after") and sent == int(fault.number):
        if fault.kind == "drop_after":
            if request.transport:
                request.transport.abort()
            raise ConnectionResetError("rehearsal fault")
        if fault.kind == "garbage_after":
            await response.write(b"data: {oops\n\n")
        if fault.kind == "unknown_after":
            await _send(response, {"object": "something_new"})
        return fault.kind == "close_after"
    return False

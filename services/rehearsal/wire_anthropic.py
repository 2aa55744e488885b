"""Anthropic Messages on the wire: streamed and whole replies, tools, images, usage, errors, token counts."""

import asyncio
import json
import re
import secrets
from typing import Any

from aiohttp import web

from services.rehearsal.anthropic_rules import misuse, request_tokens, tokens
from services.rehearsal.faults import Fault
from services.rehearsal.journal import without_binaries
from services.rehearsal.mind import MODEL
from services.rehearsal.script import ScriptError
from services.rehearsal.state import Visit
from services.rehearsal.wire import HOUSE, bearer, now, until

VENDOR = "anthropic"
ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
STATUSES = {name: status for status, name in ERRORS.items()}
BEFORE_CONTENT = 2  # message_start and ping
Block = dict[str, Any]


def problem(status: int, message: str) -> web.Response:
    """Answer an error as the API does."""
    headers = {"request-id": request_id()}
    if status in (429, 529):
        headers["retry-after"] = "1"
    error = {"type": ERRORS.get(status, "api_error"), "message": message}
    return web.json_response({"type": "error", "error": error}, status=status, headers=headers)


def request_id() -> str:
    """Return a new request id."""
    return f"req_rehearsal_{secrets.token_hex(8)}"


async def admit(request: web.Request) -> tuple[Visit, dict[str, Any]] | web.Response:
    """Check key, version and body."""
    visit = request.app[HOUSE].visit(request.headers.get("x-api-key") or bearer(request))
    if visit is None:
        return problem(401, "invalid x-api-key")
    if not request.headers.get("anthropic-version"):
        return problem(400, "anthropic-version: header is required")
    try:
        return visit, await request.json()
    except ValueError:
        return problem(400, "The request body is not valid JSON")


async def count_tokens(request: web.Request) -> web.StreamResponse:
    """POST /v1/messages/count_tokens."""
    admitted = await admit(request)
    if isinstance(admitted, web.Response):
        return admitted
    return web.json_response({"input_tokens": request_tokens(admitted[1])})


async def messages(request: web.Request) -> web.StreamResponse:
    """POST /v1/messages."""
    admitted = await admit(request)
    if isinstance(admitted, web.Response):
        return admitted
    visit, body = admitted
    retry = request.headers.get("x-stainless-retry-count")
    visit.journal.write(VENDOR, "request", body=without_binaries(body), retry=retry)
    due = now() + visit.profile.first_token.draw(visit.rng("anthropic/first"))
    fault = visit.fault(VENDOR)
    if fault and fault.kind == "status":
        return problem(int(fault.number), "rehearsal fault")
    if fault and fault.kind == "slow":
        await asyncio.sleep(fault.number)
    if reason := misuse(body):
        visit.journal.write(VENDOR, "refused", reason=reason)
        return problem(400, reason)
    try:
        answer = await visit.answer(VENDOR, body)
    except ScriptError as e:
        return problem(500, str(e))
    if answer.fail:
        return problem(STATUSES[answer.fail], "the script asks for this failure")
    content: list[Block] = [{"type": "text", "text": answer.say}] if answer.say else []
    content += [
        {
            "type": "tool_use",
            "id": f"toolu_rehearsal_{secrets.token_hex(8)}",
            "name": name,
            "input": arguments,
        }
        for name, arguments in answer.calls
    ]
    message = {
        "id": f"msg_rehearsal_{secrets.token_hex(8)}",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": content,
        "stop_reason": "tool_use" if answer.calls else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": request_tokens(body),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": tokens(content) + 4,
            "service_tier": "standard",
        },
    }
    await until(due)
    if not body.get("stream"):
        return web.json_response(message, headers={"request-id": request_id()})
    return await stream(request, visit, message, fault)


async def stream(
    request: web.Request, visit: Visit, message: dict[str, Any], fault: Fault | None
) -> web.StreamResponse:
    """Send a message as server-sent events, at the profile's speed."""
    response = web.StreamResponse(
        headers={
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-cache",
            "request-id": request_id(),
        }
    )
    await response.prepare(request)
    sent = 0
    try:
        for event, pause in events(message):
            if fault and await misbehave(request, response, fault, sent):
                break
            sent += 1
            await send(response, event)
            await asyncio.sleep(pause / visit.profile.tokens_per_second)
        await response.write_eof()
    except (ConnectionError, asyncio.CancelledError) as e:
        visit.journal.write(VENDOR, "stream-ended-early", events=sent, why=type(e).__name__)
        if isinstance(e, asyncio.CancelledError):
            raise
    return response


async def send(response: web.StreamResponse, event: dict[str, Any]) -> None:
    """Write one server-sent event."""
    await response.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())


async def misbehave(
    request: web.Request, response: web.StreamResponse, fault: Fault, sent: int
) -> bool:
    """Let a mid-stream fault act once its moment has come; True ends the stream."""
    if fault.kind in ("stall", "error"):
        if sent != BEFORE_CONTENT + 2:
            return False
        if fault.kind == "error":
            error = {"type": fault.text, "message": fault.text}
            await send(response, {"type": "error", "error": error})
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
            await send(response, {"type": "something_new"})
        return fault.kind == "close_after"
    return False


def events(message: dict[str, Any]):
    """Yield the events of a message, each with the tokens it took to make."""
    head = {**message, "content": [], "stop_reason": None}
    head["usage"] = {**message["usage"], "output_tokens": 1}
    yield {"type": "message_start", "message": head}, 0.0
    yield {"type": "ping"}, 0.0
    for i, block in enumerate(message["content"]):
        if block["type"] == "text":
            start = {"type": "text", "text": ""}
            pieces = re.findall(r"\S+\s*|\s+", block["text"])
            deltas = [({"type": "text_delta", "text": piece}, 1.3) for piece in pieces]
        else:
            start = {**block, "input": {}}
            raw = json.dumps(block["input"])
            deltas = [
                ({"type": "input_json_delta", "partial_json": raw[k : k + 12]}, 3.0)
                for k in range(0, len(raw), 12)
            ]
        yield {"type": "content_block_start", "index": i, "content_block": start}, 0.0
        for delta, cost in deltas:
            yield {"type": "content_block_delta", "index": i, "delta": delta}, cost
        yield {"type": "content_block_stop", "index": i}, 0.0
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    usage = {k: v for k, v in message["usage"].items() if k != "service_tier"}
    yield {"type": "message_delta", "delta": delta, "usage": usage}, 0.0
    yield {"type": "message_stop"}, 0.0

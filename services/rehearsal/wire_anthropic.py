"""Anthropic Messages on the wire: streamed and whole replies, tools, images, usage, errors, token counts."""

import json
import re
import secrets
from typing import Any

from aiohttp import web

from services.rehearsal import sse
from services.rehearsal.anthropic_rules import misuse, request_tokens, tokens
from services.rehearsal.asking import answer_of
from services.rehearsal.journal import without_binaries
from services.rehearsal.mind import MODEL
from services.rehearsal.state import Visit
from services.rehearsal.wire import HOUSE, bearer

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
    answered = await answer_of(
        visit, body, vendor=VENDOR, misuse=misuse(body), problem=problem, statuses=STATUSES
    )
    if isinstance(answered, web.Response):
        return answered
    answer, fault = answered
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
    if not body.get("stream"):
        return web.json_response(message, headers={"request-id": request_id()})
    kind = fault.text if fault else ""
    return await sse.stream(
        request,
        visit,
        vendor=VENDOR,
        events=events(message),
        fault=fault,
        error={"type": "error", "error": {"type": kind, "message": kind}},
        headers={"request-id": request_id()},
        opening=BEFORE_CONTENT,
        named=True,
    )


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

"""OpenAI chat completions on the wire: streamed and whole replies, tools, images, usage, errors."""

import json
import re
import secrets
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from services.rehearsal import sse
from services.rehearsal.anthropic_rules import tokens
from services.rehearsal.asking import answer_of
from services.rehearsal.chat_items import from_chat
from services.rehearsal.journal import without_binaries
from services.rehearsal.mind import MODEL, Answer
from services.rehearsal.state import Visit
from services.rehearsal.wire import HOUSE, Message, bearer

VENDOR = "openai"
STATUSES = {"overloaded_error": 503, "rate_limit_error": 429, "api_error": 500}
OPTIONS = {
    "model", "messages", "stream", "stream_options", "tools", "tool_choice", "temperature",
    "top_p", "seed", "max_tokens", "max_completion_tokens", "frequency_penalty",
    "presence_penalty", "service_tier", "response_format", "parallel_tool_calls",
    "reasoning_effort", "verbosity", "store", "metadata", "user", "stop", "n", "logprobs",
    "prompt_cache_key", "safety_identifier",
}  # fmt: skip


def problem(status: int, message: str, *, code: str | None = None) -> web.Response:
    """Answer an error as the API does."""
    kind = "invalid_request_error" if status < 429 else "server_error"
    kind = "rate_limit_exceeded" if status == 429 else kind
    error = {"message": message, "type": kind, "param": None, "code": code}
    headers = {"x-request-id": f"req_{secrets.token_hex(8)}"}
    return web.json_response({"error": error}, status=status, headers=headers)


def visit_of(request: web.Request) -> Visit | web.Response:
    """Check the key."""
    visit = request.app[HOUSE].visit(bearer(request))
    return visit or problem(401, "Incorrect API key provided", code="invalid_api_key")


async def completions(request: web.Request) -> web.StreamResponse:
    """POST /v1/chat/completions."""
    visit = visit_of(request)
    if isinstance(visit, web.Response):
        return visit
    try:
        body = await request.json()
    except ValueError:
        return problem(400, "We could not parse the JSON body of your request.")
    visit.journal.write(VENDOR, "request", body=without_binaries(body))
    asked = {} if (reason := misuse(body)) else from_chat(body)
    answered = await answer_of(
        visit, asked, vendor=VENDOR, misuse=reason, problem=problem, statuses=STATUSES
    )
    if isinstance(answered, web.Response):
        return answered
    answer, fault = answered
    usage = _usage(asked, answer)
    if not body.get("stream"):
        return web.json_response(_whole(answer, usage))
    with_usage = (body.get("stream_options") or {}).get("include_usage")
    return await sse.stream(
        request,
        visit,
        vendor=VENDOR,
        events=_chunks(answer, usage if with_usage else None),
        fault=fault,
        error={"error": {"message": "rehearsal fault", "type": fault.text if fault else ""}},
        headers={"x-request-id": f"req_{secrets.token_hex(8)}"},
        end=b"data: [DONE]\n\n",
    )


def misuse(body: dict[str, Any]) -> str:
    """Return the message of the 400 the real API would answer, or ""."""
    messages = body.get("messages") or []
    if not messages:
        return "Invalid 'messages': empty array. Expected an array with minimum length 1."
    if not body.get("model"):
        return "you must provide a model parameter"
    if unknown := set(body) - OPTIONS:
        return f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}"
    open_calls: set[str] = set()
    for i, message in enumerate(messages):
        role = message.get("role")
        if role not in ("system", "developer", "user", "assistant", "tool"):
            return f"Invalid value: {role!r} at messages[{i}].role."
        if role == "tool":
            if message.get("tool_call_id") not in open_calls:
                return (
                    f"Invalid parameter: messages[{i}] with role 'tool' must be a response to a "
                    "preceding message with 'tool_calls'."
                )
            open_calls.discard(message["tool_call_id"])
            continue
        if open_calls:
            return (
                "An assistant message with 'tool_calls' must be followed by tool messages "
                "responding to each 'tool_call_id'. The following tool_call_ids did not have "
                f"response messages: {', '.join(sorted(open_calls))}"
            )
        if role == "assistant":
            open_calls = {call["id"] for call in message.get("tool_calls") or []}
    if open_calls:
        return f"No tool output found for function call {sorted(open_calls)[0]}."
    for tool in body.get("tools") or []:
        name = (tool.get("function") or {}).get("name", "")
        if tool.get("type") != "function" or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
            return f"Invalid 'tools': expected a function with a valid name, got {name!r}."
    return ""


def _chunks(answer: Answer, usage: Message | None) -> Iterator[tuple[Message, float]]:
    """Yield the chunks of an answer, each with the tokens it took to make."""
    head = _head("chat.completion.chunk")

    def chunk(delta: Message, finish: str | None = None) -> Message:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**head, "choices": [choice]} | ({"usage": None} if usage else {})

    yield chunk({"role": "assistant", "content": "" if answer.say else None}), 0.0
    for piece in re.findall(r"\S+\s*|\s+", answer.say):
        yield chunk({"content": piece}), 1.3
    for index, call in enumerate(_calls(answer)):
        function = call["function"]
        empty = {**call, "index": index, "function": {**function, "arguments": ""}}
        yield chunk({"tool_calls": [empty]}), 1.0
        raw = function["arguments"]
        for k in range(0, len(raw), 12):
            part = {"index": index, "function": {"arguments": raw[k : k + 12]}}
            yield chunk({"tool_calls": [part]}), 3.0
    yield chunk({}, "tool_calls" if answer.calls else "stop"), 0.0
    if usage:
        yield {**head, "choices": [], "usage": usage}, 0.0


def _whole(answer: Answer, usage: Message) -> Message:
    message: Message = {"role": "assistant", "content": answer.say or None, "refusal": None}
    if answer.calls:
        message["tool_calls"] = _calls(answer)
    finish = "tool_calls" if answer.calls else "stop"
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return {**_head("chat.completion"), "choices": [choice], "usage": usage}


def _head(kind: str) -> Message:
    return {
        "id": f"chatcmpl-rehearsal-{secrets.token_hex(8)}",
        "object": kind,
        "created": 0,
        "model": MODEL,
        "service_tier": "default",
    }


def _calls(answer: Answer) -> list[Message]:
    return [
        {
            "id": f"call_{secrets.token_hex(8)}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
        for name, arguments in answer.calls
    ]


def _usage(asked: Message, answer: Answer) -> Message:
    prompt = 3 + tokens([asked["system"], asked["messages"], asked["tools"]])
    made = 1 + tokens(answer.say) + tokens([arguments for _, arguments in answer.calls])
    return {
        "prompt_tokens": prompt,
        "completion_tokens": made,
        "total_tokens": prompt + made,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }

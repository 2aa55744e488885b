"""Gemini's generateContent on the wire: streamed and whole replies, tools, images, token counts."""

import re
import secrets
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from services.rehearsal import sse
from services.rehearsal.anthropic_rules import tokens
from services.rehearsal.asking import answer_of
from services.rehearsal.chat_items import camel, from_gemini
from services.rehearsal.journal import without_binaries
from services.rehearsal.mind import MODEL, Answer
from services.rehearsal.wire import HOUSE, Message

VENDOR = "google"
ERRORS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
STATUSES = {"overloaded_error": 503, "rate_limit_error": 429, "api_error": 500}
METHODS = ("streamGenerateContent", "generateContent", "countTokens")
PIECE = 6  # words in one chunk; Gemini streams in larger steps than others
IMAGE_TOKENS = 258  # of one tile of 768 pixels, the documented unit
TILE = 768


def error_of(status: int, message: str) -> Message:
    """Build the body of an error."""
    name = ERRORS.get(status, "UNKNOWN")
    return {"error": {"code": status, "message": message, "status": name}}


def problem(status: int, message: str) -> web.Response:
    """Answer an error as the API does."""
    return web.json_response(error_of(status, message), status=status)


def key_of(request: web.Request) -> str | None:
    """Return the key, from its header or the query."""
    return request.headers.get("x-goog-api-key") or request.query.get("key")


async def models(request: web.Request) -> web.StreamResponse:
    """POST /v1beta/models/{model}:{method}."""
    visit = request.app[HOUSE].visit(key_of(request))
    if visit is None:
        return problem(401, "API key not valid. Please pass a valid API key.")
    model, _, method = request.match_info["call"].rpartition(":")
    if method not in METHODS or not model:
        return problem(404, f"The rehearsal has {', '.join(METHODS)}, not {method!r}.")
    try:
        body = camel(await request.json())
    except ValueError:
        return problem(400, "Invalid JSON payload received.")
    asked = from_gemini(body)
    if method == "countTokens":
        whole = from_gemini(body.get("generateContentRequest") or body)
        return web.json_response({"totalTokens": request_tokens(whole)})
    visit.journal.write(VENDOR, "request", body=without_binaries(redigested(body)), model=model)
    answered = await answer_of(
        visit, asked, vendor=VENDOR, misuse=misuse(body), problem=problem, statuses=STATUSES
    )
    if isinstance(answered, web.Response):
        return answered
    answer, fault = answered
    prompt = request_tokens(asked)
    if method == "generateContent":
        *_, (last, _cost) = _chunks(answer, prompt, whole=True)
        return web.json_response(last)
    return await sse.stream(
        request,
        visit,
        vendor=VENDOR,
        events=_chunks(answer, prompt, whole=False),
        fault=fault,
        error=error_of(503, "rehearsal fault"),
        headers={},
    )


def misuse(body: Message) -> str:
    """Return the message of the 400 the real API would answer, or ""."""
    contents = body.get("contents") or []
    if not contents:
        return "* GenerateContentRequest.contents: contents is not specified"
    calls = 0
    for i, content in enumerate(contents):
        if content.get("role", "user") not in ("user", "model"):
            return "Please use a valid role: user, model."
        parts = content.get("parts") or []
        if not parts:
            return (
                f"* GenerateContentRequest.contents[{i}].parts: contents.parts must not be empty."
            )
        results = sum("functionResponse" in part for part in parts)
        if results and results != calls:
            return (
                "Please ensure that the number of function response parts is equal to the number "
                "of function call parts of the function call turn."
            )
        calls = sum("functionCall" in part for part in parts)
    for tool in body.get("tools") or []:
        for declaration in tool.get("functionDeclarations") or []:
            if not re.fullmatch(r"[a-zA-Z_][\w.:-]{0,63}", declaration.get("name", "")):
                return f"Invalid function name: {declaration.get('name')!r}."
    return ""


def request_tokens(asked: Message) -> int:
    """Estimate the input tokens of a request; images by tiles."""

    def count(value: Any) -> int:
        if isinstance(value, dict) and value.get("type") == "image":
            return IMAGE_TOKENS
        if isinstance(value, dict):
            return sum(count(item) for key, item in value.items() if key != "type")
        if isinstance(value, list):
            return sum(map(count, value))
        return tokens(value)

    return count([asked["system"], asked["messages"], asked["tools"]])


def redigested(value: Any) -> Any:
    """Mark inline data so that the journal keeps a digest of it and not the bytes."""
    if isinstance(value, list):
        return [redigested(item) for item in value]
    if isinstance(value, dict):
        if "mimeType" in value and isinstance(value.get("data"), str):
            return {**value, "type": "base64"}
        return {key: redigested(item) for key, item in value.items()}
    return value


def call_part(name: str, arguments: Message) -> Message:
    """Build a function call."""
    return {"id": f"call_{secrets.token_hex(6)}", "name": name, "args": arguments}


def _chunks(answer: Answer, prompt: int, *, whole: bool) -> Iterator[tuple[Message, float]]:
    words = re.findall(r"\S+\s*|\s+", answer.say)
    size = len(words) or 1 if whole else PIECE
    texts = ["".join(words[i : i + size]) for i in range(0, len(words), size)]
    calls = [{"functionCall": call_part(name, args)} for name, args in answer.calls]
    made = tokens(answer.say) + tokens([args for _, args in answer.calls])
    steps: list[tuple[list[Message], float]] = [
        ([{"text": text}], 1.3 * len(text.split())) for text in texts
    ]
    if whole:
        steps = [([part for parts, _ in steps for part in parts] + calls, 0.0)]
    elif calls:
        steps.append((calls, 6.0 * len(calls)))
    steps = steps or [([{"text": ""}], 0.0)]
    response_id = secrets.token_hex(8)
    for i, (parts, cost) in enumerate(steps):
        last = i == len(steps) - 1
        candidate: Message = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if last:
            candidate["finishReason"] = "STOP"
        usage = {
            "promptTokenCount": prompt,
            "candidatesTokenCount": made if last else 0,
            "totalTokenCount": prompt + (made if last else 0),
        }
        yield (
            {
                "candidates": [candidate],
                "usageMetadata": usage,
                "modelVersion": MODEL,
                "responseId": response_id,
            },
            cost,
        )

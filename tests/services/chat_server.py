"""A server in the house: OpenAI's chat completions on the wire, as vLLM would stream them."""

import asyncio
import json
from contextlib import asynccontextmanager

from aiohttp import web


def chunk(**delta) -> dict:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "m",
        "choices": [choice],
    }


def call(index: int, name: str, arguments: str) -> dict:
    function = {"name": name, "arguments": arguments}
    return chunk(
        tool_calls=[{"index": index, "id": f"t{index}", "type": "function", "function": function}]
    )


def text(words: str) -> list[dict]:
    return [chunk(role="assistant", content=""), *(chunk(content=f"{w} ") for w in words.split())]


STALL, DROP, PAUSE = object(), object(), object()


class ChatServer:
    """Answers each request with the next of ``answers``: chunks, a status, STALL, DROP or PAUSE."""

    def __init__(self, *answers: list | int):
        self.answers = list(answers)
        self.requests: list[dict] = []
        self.keys: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.keys.append(request.headers.get("Authorization", ""))
        self.requests.append(await request.json())
        answer = self.answers.pop(0)
        if isinstance(answer, int):
            return web.json_response({"error": {"message": "no"}}, status=answer)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for event in answer:
            if event is STALL:
                await asyncio.sleep(30)
            elif event is PAUSE:
                await asyncio.sleep(0.1)
            elif event is DROP:
                request.transport.abort()
                return response
            else:
                await response.write(f"data: {json.dumps(event)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response


@asynccontextmanager
async def serving(server: ChatServer):
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serving_gemini(*answers: list[str]):
    """Gemini on the wire: each request gets the next of ``answers``, words or STALL."""
    left = list(answers)

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for words in left.pop(0):
            if words is STALL:
                await asyncio.sleep(30)
            content = {"role": "model", "parts": [{"text": words}]}
            event = {"candidates": [{"index": 0, "content": content}]}
            await response.write(f"data: {json.dumps(event)}\r\n\r\n".encode())
        return response

    app = web.Application()
    app.router.add_post("/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()

"""Cartesia text-to-speech on the wire: contexts, continuations, cancel, word timestamps."""

import asyncio
import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

from services.rehearsal.mouth import without_tags
from services.rehearsal.state import Visit
from services.rehearsal.wire import (
    HOUSE,
    Message,
    Outbox,
    bearer,
    converse,
    fault_of,
    now,
    uid,
    until,
)

VENDOR = "cartesia"
CHUNK = 0.1  # seconds of audio in one message
ENCODINGS = ("pcm_s16le", "pcm_f32le")
DEFAULT_DELAY = 3.0  # seconds a piece waits for the rest of its sentence, unless told


@dataclass
class Context:
    """One context: its texts in order, spoken one after the other with continuous timestamps."""

    id: str
    voice: str
    model: str
    language: str
    encoding: str
    rate: int
    speed: float
    timestamps: bool
    delay: float
    texts: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    seconds: float = 0.0
    cancelled: bool = False
    closed: bool = False
    task: asyncio.Task | None = None


def trouble(context_id: str | None, status: int, title: str, message: str) -> Message:
    """Build Cartesia's error message."""
    return {
        "type": "error",
        "status_code": status,
        "done": True,
        "context_id": context_id,
        "title": title,
        "message": message,
        "error_code": title.lower().replace(" ", "_"),
        "request_id": uid(),
    }


def refusal(status: int, title: str, message: str) -> web.Response:
    """Refuse a handshake as Cartesia does."""
    body = {"title": title, "message": message, "request_id": uid()}
    return web.json_response(body, status=status)


async def websocket(request: web.Request) -> web.StreamResponse:
    """GET /tts/websocket."""
    key = request.headers.get("X-API-Key") or request.query.get("api_key") or bearer(request)
    visit = request.app[HOUSE].visit(key)
    if visit is None:
        return refusal(401, "Unauthorized", "Invalid API key")
    version = request.headers.get("Cartesia-Version") or request.query.get("cartesia_version")
    visit.journal.write(VENDOR, "connect", version=version)
    if not version:
        return refusal(400, "Bad Request", "The Cartesia-Version header is required")
    fault = await fault_of(visit, VENDOR)
    if fault and fault.kind == "status":
        return refusal(int(fault.number), "Error", "rehearsal fault")
    return await converse(
        request,
        visit,
        vendor=VENDOR,
        fault=fault,
        connect=lambda outbox: Connection(visit, outbox),
    )


class Connection:
    """One open connection."""

    def __init__(self, visit: Visit, outbox: Outbox):
        self._visit = visit
        self._outbox = outbox
        self._contexts: dict[str, Context] = {}
        self._newest: str | None = None

    async def run(self, socket: web.WebSocketResponse) -> None:
        """Serve until the client closes."""
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await self._receive(message.data)

    def error(self, kind: str) -> Message:
        """Build Cartesia's error message."""
        return trouble(self._newest, 500, kind, "rehearsal fault")

    async def _receive(self, raw: str) -> None:
        try:
            message = json.loads(raw)
        except ValueError:
            return await self._outbox.send(trouble(None, 400, "Bad Request", "invalid JSON"))
        context_id = message.get("context_id")
        context = self._contexts.get(context_id)
        if message.get("cancel"):
            self._visit.journal.write(
                VENDOR, "cancel", context_id=context_id, live=context is not None
            )
            if context:
                context.cancelled = True
                self._end(context)
            return
        text = message.get("transcript") or ""
        if reason := misuse(message, context):
            error = trouble(context_id, 400, "Invalid request", reason)
            return await self._outbox.send(error)
        if context is None:
            if not text:
                return  # the end of a context that is already done
            context = self._open(message)
        self._visit.journal.write(
            VENDOR, "text", context_id=context_id, text=text, more=bool(message.get("continue"))
        )
        if text:
            context.texts.put_nowait(text)
        if not message.get("continue"):
            context.closed = True
            context.texts.put_nowait(None)

    async def close(self) -> None:
        """Cancel what is still being spoken."""
        tasks = [context.task for context in self._contexts.values() if context.task]
        for context in list(self._contexts.values()):
            context.cancelled = True
            self._end(context)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _open(self, message: dict[str, Any]) -> Context:
        output, config = message["output_format"], message.get("generation_config") or {}
        delay = message.get("max_buffer_delay_ms")
        context = Context(
            id=message["context_id"],
            voice=message["voice"]["id"],
            model=message["model_id"],
            language=message.get("language") or "en",
            encoding=output["encoding"],
            rate=int(output["sample_rate"]),
            speed=float(config.get("speed") or 1.0),
            timestamps=bool(message.get("add_timestamps")),
            delay=DEFAULT_DELAY if delay is None else delay / 1000,
        )
        self._contexts[context.id] = context
        self._newest = context.id
        self._outbox.arm()
        context.task = asyncio.create_task(self._speak(context))
        return context

    def _end(self, context: Context) -> None:
        self._contexts.pop(context.id, None)
        if context.task and context.task is not asyncio.current_task():
            context.task.cancel()

    async def _speak(self, context: Context) -> None:
        first = now() + self._visit.profile.first_audio.draw(self._visit.rng("cartesia/first"))
        flush = 0
        try:
            while (text := await next_text(context)) is not None:
                await self._say(context, text, due=first)
                flush += 1
                await self._send(context, "flush_done", 206, flush_done=True, flush_id=flush)
            if context.seconds == 0.0:
                reason = "Your initial transcript is empty or contains only punctuation."
                return await self._outbox.send(trouble(context.id, 400, "Invalid request", reason))
            await self._send(context, "done", 200, done=True)
            seconds = round(context.seconds, 2)
            self._visit.journal.write(VENDOR, "done", context_id=context.id, audio_s=seconds)
        except asyncio.CancelledError:
            seconds = round(context.seconds, 2)
            self._visit.journal.write(VENDOR, "cancelled", context_id=context.id, audio_s=seconds)
            raise
        finally:
            self._end(context)

    async def _say(self, context: Context, text: str, *, due: float) -> None:
        voice = context.voice if context.language == "en" else context.language
        speech = await asyncio.to_thread(
            self._visit.house.mouth.say,
            without_tags(text),
            rate=context.rate,
            voice=voice,
            speed=context.speed,
            stop=lambda: context.cancelled,
        )
        await until(due)
        step = int(context.rate * CHUNK) * 2
        for at in range(0, len(speech.pcm), step):
            chunk = speech.pcm[at : at + step]
            data = base64.b64encode(encode(chunk, context.encoding)).decode()
            await self._send(context, "chunk", 206, step_time=0.0, data=data)
            if at == 0 and context.timestamps:
                await self._send(
                    context, "timestamps", 206, word_timestamps=self._times(context, speech)
                )
            await asyncio.sleep(len(chunk) / 2 / context.rate / self._visit.profile.audio_speed)
        context.seconds += speech.seconds

    def _times(self, context: Context, speech) -> dict[str, list]:
        return {
            "words": [word for word, _, _ in speech.words],
            "start": [round(context.seconds + start, 3) for _, start, _ in speech.words],
            "end": [round(context.seconds + end, 3) for _, _, end in speech.words],
        }

    async def _send(self, context: Context, kind: str, status: int, **data: Any) -> None:
        head = {"type": kind, "status_code": status, "done": False, "context_id": context.id}
        await self._outbox.send({**head, **data})


async def next_text(context: Context) -> str | None:
    """Return the next text to speak: a whole message, or with buffering a whole sentence."""
    text = ""
    while True:
        wait = context.delay if text else None
        try:
            piece = await asyncio.wait_for(context.texts.get(), wait)
        except TimeoutError:
            return text
        if piece is None:
            if text.strip():
                context.texts.put_nowait(None)
                return text
            return None
        text += piece
        if not re.search(r"\w", text):
            continue
        if context.delay == 0 or re.search(r"[.!?…][\"')\]]*\s*$", text):
            return text


def encode(pcm: bytes, encoding: str) -> bytes:
    """Encode int16 samples as asked."""
    if encoding == "pcm_s16le":
        return pcm
    return (np.frombuffer(pcm, np.int16).astype(np.float32) / 32768).tobytes()


def misuse(message: dict[str, Any], context: Context | None) -> str:
    """Return why Cartesia would refuse a message, or ""."""
    if not message.get("context_id"):
        return "context_id is required"
    if not message.get("model_id") or not (message.get("voice") or {}).get("id"):
        return "model_id and voice.id are required"
    output = message.get("output_format") or {}
    if output.get("container") != "raw" or output.get("encoding") not in ENCODINGS:
        return f"output_format must be raw and one of {', '.join(ENCODINGS)} in a rehearsal"
    if context and (context.voice, context.model) != (message["voice"]["id"], message["model_id"]):
        return "model_id and voice must stay the same within a context"
    return ""

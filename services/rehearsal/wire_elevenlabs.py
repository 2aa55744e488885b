"""ElevenLabs multi-context speech on the wire: contexts, flushes, closes, character alignment."""

import asyncio
import base64
import json
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from services.rehearsal.mouth import Speech, without_tags
from services.rehearsal.state import Visit
from services.rehearsal.wire import HOUSE, Message, Outbox, converse, fault_of, now, until

VENDOR = "elevenlabs"
CHUNK = 0.2  # seconds of audio in one message
MOST_CONTEXTS = 5  # at once on one connection, as documented
SCHEDULE = 120  # characters the vendor waits for where auto_mode is off and nothing is flushed
QUERY = {
    "model_id", "output_format", "auto_mode", "enable_ssml_parsing", "enable_logging",
    "apply_text_normalization", "language_code", "inactivity_timeout", "sync_alignment", "seed",
}  # fmt: skip


@dataclass
class Context:
    """One context: its texts in order, spoken one after the other."""

    id: str | None
    speed: float
    pending: str = ""
    texts: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    seconds: float = 0.0
    cancelled: bool = False
    task: asyncio.Task | None = None


async def websocket(request: web.Request) -> web.StreamResponse:
    """GET /v1/text-to-speech/{voice}/multi-stream-input."""
    visit = request.app[HOUSE].visit(request.headers.get("xi-api-key"))
    if visit is None:
        detail = {"status": "invalid_api_key", "message": "Invalid API key"}
        return web.json_response({"detail": detail}, status=401)
    visit.journal.write(VENDOR, "connect", path=request.path_qs)
    fault = await fault_of(visit, VENDOR)
    if fault and fault.kind == "status":
        detail = {"status": "rehearsal", "message": "rehearsal fault"}
        return web.json_response({"detail": detail}, status=int(fault.number))
    voice, query = request.match_info["voice"], request.query
    return await converse(
        request,
        visit,
        vendor=VENDOR,
        fault=fault,
        connect=lambda outbox: Connection(visit, outbox, voice=voice, query=query),
    )


def misuse(query) -> str:
    """Return why the vendor would close the connection at once, or ""."""
    if unknown := set(query) - QUERY:
        return f"Unknown query parameter: {', '.join(sorted(unknown))}"
    if not query.get("output_format", "pcm_16000").startswith("pcm_"):
        return f"The rehearsal speaks pcm, not {query['output_format']}"
    return ""


class Connection:
    """One open connection."""

    def __init__(self, visit: Visit, outbox: Outbox, *, voice: str, query):
        self._visit = visit
        self._outbox = outbox
        self._misuse = misuse(query)
        self._voice = query.get("language_code") or voice
        output = query.get("output_format", "pcm_16000")
        self._rate = 0 if self._misuse else int(output.removeprefix("pcm_"))
        self._at_once = query.get("auto_mode") == "true"
        self._contexts: dict[str | None, Context] = {}
        self._leaving = False

    async def run(self, socket: web.WebSocketResponse) -> None:
        """Serve until the client closes, or must be refused."""
        reason = self._misuse
        while not (reason or self._leaving or socket.closed):
            message = await socket.receive()
            if message.type == WSMsgType.TEXT:
                reason = self._receive(json.loads(message.data))
        if reason:
            self._visit.journal.write(VENDOR, "refused", reason=reason)
            await socket.close(code=1008, message=reason.encode()[:120])
        elif self._leaving:
            await self._outbox.drain()
            await socket.close()

    def error(self, kind: str) -> Message:
        """Build ElevenLabs' error message."""
        return {"message": "rehearsal fault", "error": kind, "code": 1011}

    def _receive(self, message: Message) -> str:
        """Take one message of the client.

        Returns:
            Why the connection is closed for it, or "".
        """
        if message.get("close_socket"):
            self._leaving = True
            return ""
        context_id = message.get("context_id")
        context = self._contexts.get(context_id)
        if message.get("close_context"):
            self._visit.journal.write(
                VENDOR, "close", context_id=context_id, live=context is not None
            )
            if context:
                self._flush(context)
                context.texts.put_nowait(None)
            return ""
        text = message.get("text")
        if context is None and text:
            if len(self._contexts) >= MOST_CONTEXTS:
                return f"Maximum simultaneous contexts exceeded ({MOST_CONTEXTS})"
            context = self._open(context_id, message)
        elif context and message.get("voice_settings"):
            return "voice_settings may only be sent in the first message of a context"
        if context is None:
            return ""
        if text and text.strip():
            self._visit.journal.write(VENDOR, "text", context_id=context_id, text=text)
            context.pending += text
        if message.get("flush") or self._at_once or len(context.pending) >= SCHEDULE:
            self._flush(context)
        return ""

    async def close(self) -> None:
        """Stop speaking."""
        tasks = [context.task for context in self._contexts.values() if context.task]
        for context in self._contexts.values():
            context.cancelled = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _open(self, context_id: str | None, message: Message) -> Context:
        speed = float((message.get("voice_settings") or {}).get("speed") or 1.0)
        context = self._contexts[context_id] = Context(context_id, speed)
        self._outbox.arm()
        context.task = asyncio.create_task(self._speak(context))
        return context

    def _flush(self, context: Context) -> None:
        if context.pending.strip():
            context.texts.put_nowait(context.pending)
        context.pending = ""

    async def _speak(self, context: Context) -> None:
        delay = self._visit.profile.first_audio.draw(self._visit.rng("elevenlabs/first"))
        while (text := await context.texts.get()) is not None:
            due, delay = now() + delay, 0.0
            await self._say(context, text, due=due)
        self._contexts.pop(context.id, None)
        seconds = round(context.seconds, 2)
        self._visit.journal.write(VENDOR, "done", context_id=context.id, audio_s=seconds)
        await self._outbox.send({"isFinal": True, "contextId": context.id})

    async def _say(self, context: Context, text: str, *, due: float) -> None:
        speech = await asyncio.to_thread(
            self._visit.house.mouth.say,
            without_tags(text),
            rate=self._rate,
            voice=self._voice,
            speed=context.speed,
            stop=lambda: context.cancelled,
        )
        await until(due)
        step = int(self._rate * CHUNK) * 2
        for at in range(0, len(speech.pcm), step):
            chunk = speech.pcm[at : at + step]
            length = len(chunk) / 2 / self._rate
            letters = alignment(speech, at / 2 / self._rate, length)
            await self._outbox.send(
                {
                    "audio": base64.b64encode(chunk).decode(),
                    "alignment": letters,
                    "normalizedAlignment": letters,
                    "contextId": context.id,
                }
            )
            context.seconds += length
            await asyncio.sleep(length / self._visit.profile.audio_speed)


def alignment(speech: Speech, start: float, length: float) -> Message | None:
    """Time the characters of one message, in milliseconds from its first sample.

    A character belongs to the message in which it begins; the last one lasts to the message's end.
    """
    letters = []
    for word, begin, end in speech.words:
        step = max(0.0, end - begin) / (len(word) + 1)
        letters += [(char, begin + i * step) for i, char in enumerate(f"{word} ")]
    final = start + length >= speech.seconds - 1e-6
    inside = [(c, t - start) for c, t in letters if start <= t and (final or t < start + length)]
    if not inside:
        return None
    starts = [min(round(t * 1000), round(length * 1000)) for _, t in inside]
    ends = [*starts[1:], round(length * 1000)]
    return {
        "chars": [char for char, _ in inside],
        "charStartTimesMs": starts,
        "charDurationsMs": [max(0, end - begin) for begin, end in zip(starts, ends)],
    }

"""Gemini Live on the wire: setup, turn detection, transcripts, audio, tools, interruption, resumption."""

import asyncio
import base64
import json
import re
import secrets
from typing import Any

from aiohttp import WSMsgType, web

from services.rehearsal.anthropic_rules import tokens
from services.rehearsal.chat_items import camel, from_gemini, plain_base64
from services.rehearsal.hearing import Listener, text_of
from services.rehearsal.journal import without_binaries
from services.rehearsal.mind import Answer
from services.rehearsal.state import Visit
from services.rehearsal.wire import HOUSE, Message, Outbox, converse, fault_of, now, until
from services.rehearsal.wire_gemini import call_part, key_of, redigested

VENDOR = "google"
RATE = 24000
CHUNK = 0.1  # seconds of audio in one message
SILENCE = 0.5  # seconds of quiet that end a turn, unless the setup says otherwise
AUDIO_TOKENS = 25  # per second, in and out


async def websocket(request: web.Request) -> web.StreamResponse:
    """GET /ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent."""
    visit = request.app[HOUSE].visit(key_of(request))
    if visit is None:
        return web.json_response({"error": {"message": "API key not valid."}}, status=401)
    visit.journal.write(VENDOR, "connect", path=request.path)
    fault = await fault_of(visit, VENDOR)
    if fault and fault.kind == "status":
        return web.json_response({"error": {"message": "fault"}}, status=int(fault.number))
    return await converse(
        request,
        visit,
        vendor=VENDOR,
        fault=fault,
        connect=lambda outbox: Connection(visit, outbox),
    )


class Connection:
    """One Live session: its conversation, what it hears, and at most one running response."""

    def __init__(self, visit: Visit, outbox: Outbox):
        self._visit = visit
        self._outbox = outbox
        self._setup: Message | None = None
        self._contents: list[Message] = []
        self._listener: Listener | None = None
        self._responding: asyncio.Task | None = None
        self._hearing: asyncio.Task | None = None
        self._open_calls: dict[str, str] = {}
        self._cancelled = False
        self._heard_seconds = 0.0

    async def run(self, socket: web.WebSocketResponse) -> None:
        """Serve until the client closes, or must be refused."""
        async for message in socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                if reason := await self._receive(camel(json.loads(message.data))):
                    self._visit.journal.write(VENDOR, "refused", reason=reason)
                    await socket.close(code=1007, message=reason.encode()[:120])

    def error(self, kind: str) -> Message:
        """Build Google's error message."""
        return {"error": {"message": kind}}

    async def close(self) -> None:
        """Stop responding and listening."""
        self._cancelled = True
        for task in (self._responding, self._hearing):
            if task:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if self._listener:
            await self._listener.close()

    async def _receive(self, message: Message) -> str:
        """Take one client message.

        Returns:
            Why the connection is closed for it, or "".
        """
        if self._setup is None:
            if not (message.get("setup") or {}).get("model"):
                return "The first message must be a setup with a model."
            return self._begin(message["setup"])
        if given := message.get("realtimeInput"):
            await self._on_realtime(given)
        elif given := message.get("clientContent"):
            self._visit.journal.write(VENDOR, "event", type="clientContent")
            self._contents += given.get("turns") or []
            if given.get("turnComplete"):
                await self._interrupt()
                self._respond()
        elif given := message.get("toolResponse"):
            self._visit.journal.write(VENDOR, "event", type="toolResponse")
            return self._on_results(given.get("functionResponses") or [])
        else:
            return f"Unknown message: {', '.join(message)}"
        return ""

    def _begin(self, setup: Message) -> str:
        self._setup = setup
        handle = (setup.get("sessionResumption") or {}).get("handle")
        if handle and handle not in self._visit.kept:
            return "The session resumption handle is not valid."
        self._contents = list(self._visit.kept[handle]) if handle else []
        self._visit.journal.write(VENDOR, "setup", body=without_binaries(setup))
        self._outbox.post({"setupComplete": {"sessionId": secrets.token_hex(8)}})
        return ""

    @property
    def _detects(self) -> bool:
        return not self._detection().get("disabled")

    def _detection(self) -> Message:
        given = (self._setup or {}).get("realtimeInputConfig") or {}
        return given.get("automaticActivityDetection") or {}

    async def _on_realtime(self, given: Message) -> None:
        if audio := given.get("audio"):
            await self._on_audio(audio)
        if text := (given.get("text") or "").strip():
            self._contents.append({"role": "user", "parts": [{"text": text}]})
            await self._interrupt()
            self._respond()
        if video := given.get("video"):
            self._contents.append({"role": "user", "parts": [{"inlineData": video}]})
        if "activityStart" in given:
            await self._interrupt()
        if "activityEnd" in given:
            self._commit()

    async def _on_audio(self, audio: Message) -> None:
        if self._listener is None:
            named = re.search(r"rate=(\d+)", audio.get("mimeType", ""))
            ms = self._detection().get("silenceDurationMs")
            silence = max(0.2, ms / 1000 if ms else SILENCE) if self._detects else float("inf")
            self._listener = Listener(
                self._visit, rate=int(named[1]) if named else 16000, silence=silence
            )
        data = base64.b64decode(plain_base64(audio["data"]))
        async for event in self._listener.hear(data):
            self._heard_seconds = self._listener.gate.position
            if event == "start":
                self._outbox.arm()
                if self._detects:
                    await self._interrupt()
            elif event == "end" and self._detects:
                self._commit()

    def _commit(self) -> None:
        if self._listener is None or not self._listener.gate.open:
            return
        began, decoding, before = now(), self._listener.finish(), self._hearing

        async def understand() -> None:
            if before:
                await before
            text = text_of(await decoding)
            self._visit.journal.write(VENDOR, "final", text=text)
            if not text:
                return
            self._contents.append({"role": "user", "parts": [{"text": text}]})
            if "inputAudioTranscription" in (self._setup or {}):
                due = began + self._visit.profile.final.draw(self._visit.rng("google/final"))
                heard = {"serverContent": {"inputTranscription": {"text": f" {text}."}}}
                self._outbox.later(lambda: self._outbox.post(heard), due=due)
            self._respond(began=began)

        self._hearing = asyncio.create_task(understand())

    async def _interrupt(self) -> None:
        if self._responding and not self._responding.done():
            self._cancelled = True
            await asyncio.gather(self._responding, return_exceptions=True)
            self._outbox.post({"serverContent": {"interrupted": True}})
        if self._open_calls:
            self._outbox.post({"toolCallCancellation": {"ids": list(self._open_calls)}})
            self._contents.pop()  # the model's turn that asked for them
            self._open_calls.clear()

    def _on_results(self, results: list[Message]) -> str:
        for result in results:
            if result.get("id") not in self._open_calls:
                return f"No function call is open for {result.get('id')!r}."
            self._open_calls.pop(result["id"])
            self._contents.append({"role": "user", "parts": [{"functionResponse": result}]})
        if not self._open_calls:
            self._respond()
        return ""

    def _respond(self, *, began: float | None = None) -> None:
        self._cancelled = False
        began = now() if began is None else began
        self._responding = asyncio.create_task(self._answer(began))

    async def _answer(self, began: float) -> None:
        setup = self._setup or {}
        asked = from_gemini({**setup, "contents": self._contents})
        self._visit.journal.write(VENDOR, "request", body=without_binaries(redigested(asked)))
        due = began + self._visit.profile.reaction.draw(self._visit.rng("google/reaction"))
        answer = await self._visit.answer(VENDOR, asked)
        await until(due)
        parts: list[Message] = []
        seconds = 0.0
        if answer.say and not self._cancelled:
            seconds, spoken = await self._speak(answer.say)
            parts.append({"text": spoken})
        if answer.calls and not self._cancelled:
            parts += [{"functionCall": call} for call in self._call(answer)]
        if parts:
            self._contents.append({"role": "model", "parts": parts})
        if self._cancelled or answer.calls:
            return
        self._outbox.post({"serverContent": {"generationComplete": True}})
        usage = self._usage(asked, seconds)
        self._outbox.post({"serverContent": {"turnComplete": True}, "usageMetadata": usage})
        if "sessionResumption" in setup:
            handle = secrets.token_hex(8)
            self._visit.kept[handle] = list(self._contents)
            update = {"newHandle": handle, "resumable": True}
            self._outbox.post({"sessionResumptionUpdate": update})

    def _call(self, answer: Answer) -> list[Message]:
        calls = [call_part(name, arguments) for name, arguments in answer.calls]
        self._open_calls = {call["id"]: call["name"] for call in calls}
        self._outbox.post({"toolCall": {"functionCalls": calls}})
        return calls

    async def _speak(self, text: str) -> tuple[float, str]:
        """Speak a text until it is cancelled.

        Returns:
            Seconds of audio, and the words that were sent.
        """
        config = (self._setup or {}).get("generationConfig") or {}
        named: Any = config.get("speechConfig") or {}
        for key in ("voiceConfig", "prebuiltVoiceConfig", "voiceName"):
            named = named.get(key) or {} if isinstance(named, dict) else named
        speech = await asyncio.to_thread(
            self._visit.house.mouth.say,
            text,
            rate=RATE,
            voice=named or "Charon",
            speed=1.0,
            stop=lambda: self._cancelled,
        )
        words, step, seconds, said = list(speech.words), int(RATE * CHUNK) * 2, 0.0, []
        for at in range(0, len(speech.pcm), step):
            if self._cancelled:
                break
            chunk = speech.pcm[at : at + step]
            data = base64.b64encode(chunk).decode()
            inline = {"mimeType": f"audio/pcm;rate={RATE}", "data": data}
            self._outbox.post({"serverContent": {"modelTurn": {"parts": [{"inlineData": inline}]}}})
            while words and words[0][1] * RATE * 2 < at + step:
                said.append(words.pop(0)[0])
                if "outputAudioTranscription" in (self._setup or {}):
                    heard = {"outputTranscription": {"text": f"{said[-1]} "}}
                    self._outbox.post({"serverContent": heard})
            seconds += len(chunk) / 2 / RATE
            await asyncio.sleep(len(chunk) / 2 / RATE / self._visit.profile.audio_speed)
        return seconds, " ".join(said)

    def _usage(self, asked: Message, seconds: float) -> Message:
        text = tokens([asked["system"], asked["messages"], asked["tools"]])
        heard, spoken = round(self._heard_seconds * AUDIO_TOKENS), round(seconds * AUDIO_TOKENS)
        return {
            "promptTokenCount": text + heard,
            "responseTokenCount": spoken,
            "totalTokenCount": text + heard + spoken,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": text},
                {"modality": "AUDIO", "tokenCount": heard},
            ],
            "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": spoken}],
        }

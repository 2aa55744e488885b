"""Deepgram listen v1 on the wire: interim and final results, endpointing, Finalize, KeepAlive, NET-0001.

Written from the SDK's own types and Pipecat's parser; the real client accepts it.
"""

import datetime
import hashlib
import json

from aiohttp import WSMsgType, web

from services.rehearsal.ears import Word
from services.rehearsal.hearing import Listener, mean_confidence, text_of
from services.rehearsal.mind import MODEL
from services.rehearsal.script import ScriptError
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

VENDOR = "deepgram"
TIMEOUT = 10.0  # seconds without audio or text until NET-0001
INTERIM_EVERY = 0.2  # seconds of audio
MIN_SILENCE = 0.3  # endpointing below this would cut words apart


def refusal(status: int, code: str, reason: str, request_id: str) -> web.Response:
    """Refuse a handshake as Deepgram does, with the reason in the dg-error header too."""
    body = {"err_code": code, "err_msg": reason, "request_id": request_id}
    headers = {"dg-request-id": request_id, "dg-error": reason.replace("\n", " ")}
    return web.json_response(body, status=status, headers=headers)


async def admit(request: web.Request, request_id: str) -> Visit | web.Response:
    """Check key and script before the upgrade, and let a handshake fault act."""
    visit = request.app[HOUSE].visit(bearer(request))
    scheme = request.headers.get("Authorization", "").partition(" ")[0].lower()
    if visit is None or scheme not in ("token", "bearer"):
        return refusal(401, "INVALID_AUTH", "Invalid credentials.", request_id)
    visit.journal.write(VENDOR, "connect", path=request.path, query=dict(request.query))
    try:
        visit.script  # noqa: B018
    except ScriptError as e:
        return refusal(500, "INTERNAL_SERVER_ERROR", str(e), request_id)
    return visit


def misuse(query) -> str:
    """Return why Deepgram would refuse these options, or ""."""
    if not query.get("model"):
        return "A model is required."
    if query.get("encoding", "linear16") != "linear16":
        return f"The rehearsal hears linear16 only, not {query['encoding']}."
    if "encoding" in query and "sample_rate" not in query:
        return "sample_rate is required when encoding is given."
    if query["model"].startswith("nova-3") and "keywords" in query:
        return "Keywords are not supported for Nova-3 models. Use keyterm instead."
    if "keyterm" in query and not query["model"].startswith("nova-3"):
        return "Keyterm prompting is only supported for Nova-3 models. Use keywords instead."
    if "utterance_end_ms" in query:
        if int(query["utterance_end_ms"]) < 1000:
            return "utterance_end_ms must be at least 1000."
        if query.get("interim_results") != "true":
            return "utterance_end_ms requires interim_results=true."
    return ""


async def listen(request: web.Request) -> web.StreamResponse:
    """GET /v1/listen."""
    request_id = uid()
    visit = await admit(request, request_id)
    if isinstance(visit, web.Response):
        return visit
    fault = await fault_of(visit, VENDOR)
    if fault and fault.kind == "status":
        code = "TOO_MANY_REQUESTS" if fault.number == 429 else "REHEARSAL_FAULT"
        return refusal(int(fault.number), code, "rehearsal fault", request_id)
    if reason := misuse(request.query):
        return refusal(400, "Bad Request", reason, request_id)
    return await converse(
        request,
        visit,
        vendor=VENDOR,
        fault=fault,
        connect=lambda box: Connection(visit, box, request_id=request_id, query=request.query),
        headers={"dg-request-id": request_id},
    )


class Connection:
    """One open v1 connection."""

    def __init__(self, visit: Visit, outbox: Outbox, *, request_id: str, query):
        self._visit = visit
        self._outbox = outbox
        self._request_id = request_id
        self._channels = int(query.get("channels", 1))
        self._interims = query.get("interim_results") == "true"
        self._detects = query.get("language") == "multi"
        self._diarizes = query.get("diarize") == "true"
        self._vad_events = query.get("vad_events") == "true"
        self._utterance_end = int(query.get("utterance_end_ms", 0)) / 1000
        model = {"name": query["model"], "version": MODEL, "arch": MODEL}
        self._metadata = {"request_id": request_id, "model_info": model, "model_uuid": uid()}
        endpointing = query.get("endpointing", "10")
        silence = float("inf") if endpointing == "false" else 0.0
        if endpointing.isdigit():
            silence = int(endpointing) / 1000
        self.listener = Listener(
            visit, rate=int(query.get("sample_rate", 16000)), silence=max(silence, MIN_SILENCE)
        )
        self._digest = hashlib.sha256()
        self._segment = 0  # utterances finalised
        self._start = 0.0  # of the audio not yet finalised
        self._shown = ""
        self._shown_at = 0.0
        self._last_word_end = 0.0

    async def run(self, socket: web.WebSocketResponse) -> None:
        """Serve until the client closes, or says nothing for 10 s."""
        while True:
            try:
                message = await socket.receive(timeout=TIMEOUT)
            except TimeoutError:
                self._visit.journal.write(VENDOR, "net-0001")
                reason = b"NET-0001: no audio or text message within the timeout window"
                await socket.close(code=1011, message=reason)
                return
            if message.type == WSMsgType.BINARY and message.data:
                await self._on_audio(message.data)
            elif message.type == WSMsgType.BINARY:
                return await self._close(socket)
            elif message.type == WSMsgType.TEXT:
                try:
                    kind = json.loads(message.data).get("type")
                except (ValueError, AttributeError):
                    await socket.close(code=1008, message=b"DATA-0000: not JSON")
                    return
                if kind != "KeepAlive":
                    self._visit.journal.write(VENDOR, "control", type=kind)
                if kind == "Finalize":
                    self._finish(speech_final=True, from_finalize=True)
                elif kind == "CloseStream":
                    return await self._close(socket)
            else:
                return

    async def close(self) -> Message:
        """Let the ears finish."""
        await self.listener.close()
        return {"audio_s": round(self.listener.gate.position, 2)}

    def error(self, kind: str) -> Message:
        """Build Deepgram's error message."""
        return {"type": "Error", "description": kind, "message": "", "variant": kind}

    async def _on_audio(self, data: bytes) -> None:
        self._digest.update(data)
        if self._channels > 1:
            data = b"".join(data[i : i + 2] for i in range(0, len(data), 2 * self._channels))
        gate = self.listener.gate
        async for event in self.listener.hear(data):
            if event == "start":
                self._outbox.arm()
                if self._vad_events:
                    t = round(gate.position - 0.06, 3)
                    self._outbox.post({"type": "SpeechStarted", "channel": [0], "timestamp": t})
            elif event == "end":
                self._finish(speech_final=True, from_finalize=False)
            elif gate.open and self._interims:
                self._show_interim(gate.position)
            ended = self._last_word_end
            if self._utterance_end and ended and not gate.open:
                if gate.position - ended >= self._utterance_end:
                    self._last_word_end = 0.0
                    message = {"type": "UtteranceEnd", "channel": [0, self._channels]}
                    self._outbox.post({**message, "last_word_end": round(ended, 3)})

    def _show_interim(self, position: float) -> None:
        words, segment = self.listener.partial, self._segment
        text = text_of(words)
        if not text or text == self._shown or position - self._shown_at < INTERIM_EVERY:
            return
        self._shown, self._shown_at = text, position
        due = now() + self._visit.profile.interim.draw(self._visit.rng("deepgram/interim"))
        self._outbox.post(
            self._result(words, start=self._start, end=position),
            due=due,
            unless=lambda: segment < self._segment,
        )

    def _finish(self, *, speech_final: bool, from_finalize: bool) -> None:
        position = self.listener.gate.position
        start, self._start = self._start, position
        self._shown = ""
        flags = {"is_final": True, "speech_final": speech_final, "from_finalize": from_finalize}
        if not self.listener.gate.open:
            self._outbox.post(self._result([], start=start, end=position, **flags))
            return
        self._segment += 1
        due = now() + self._visit.profile.final.draw(self._visit.rng("deepgram/final"))
        decoding = self.listener.finish()

        async def final() -> Message:
            words = await decoding
            await until(due)
            if words:
                self._last_word_end = words[-1].end
            self._visit.journal.write(VENDOR, "final", text=text_of(words), **flags)
            return self._result(words, start=start, end=position, **flags)

        self._outbox.post_job(final)

    async def _close(self, socket: web.WebSocketResponse) -> None:
        if self.listener.gate.open:
            self._finish(speech_final=True, from_finalize=False)
        await self._outbox.drain()
        await self._outbox.send(
            {
                "type": "Metadata",
                "transaction_key": "deprecated",
                "request_id": self._request_id,
                "sha256": self._digest.hexdigest(),
                "created": datetime.datetime.now(datetime.UTC).isoformat(),
                "duration": round(self.listener.gate.position, 3),
                "channels": self._channels,
            }
        )
        await socket.close(code=1000)

    def _result(
        self,
        words: list[Word],
        *,
        start: float,
        end: float,
        is_final: bool = False,
        speech_final: bool = False,
        from_finalize: bool = False,
    ) -> Message:
        alternative = {
            "transcript": text_of(words),
            "confidence": mean_confidence(words),
            "words": [
                {
                    "word": word.text,
                    "start": round(word.start, 3),
                    "end": round(word.end, 3),
                    "confidence": round(word.confidence, 4),
                    "punctuated_word": word.text,
                }
                for word in words
            ],
        }
        speaker = self._visit.script.speaker_of(text_of(words)) if self._diarizes else None
        if speaker is not None:  # a script's voices, told apart by their lines
            for word in alternative["words"]:
                word["speaker"] = speaker
        if self._detects and words:
            alternative["languages"] = [self._visit.script.language_of(text_of(words))]
        return {
            "type": "Results",
            "channel_index": [0, self._channels],
            "duration": round(end - start, 3),
            "start": round(start, 3),
            "is_final": is_final,
            "speech_final": speech_final,
            "from_finalize": from_finalize,
            "metadata": self._metadata,
            "channel": {"alternatives": [alternative]},
        }

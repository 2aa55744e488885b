"""Deepgram Flux (listen v2) on the wire: turns with eager ends, resumption and Configure."""

import json

from aiohttp import WSMsgType, web

from services.rehearsal.ears import Word
from services.rehearsal.hearing import Listener, text_of
from services.rehearsal.state import Visit
from services.rehearsal.wire import Message, Outbox, converse, fault_of, now, uid, until
from services.rehearsal.wire_deepgram import VENDOR, admit, refusal

EAGER_AFTER = 0.1  # seconds of quiet until the turn is predicted to end
END_AFTER = 0.4  # seconds of quiet until it has ended
UPDATE_EVERY = 0.25  # seconds of audio, as Flux documents
QUERY = {
    "model", "encoding", "sample_rate", "eager_eot_threshold", "eot_threshold", "eot_timeout_ms",
    "keyterm", "mip_opt_out", "tag", "numerals", "profanity_filter", "redact", "language_hint",
}  # fmt: skip


def misuse(query) -> str:
    """Return why Flux would refuse these options, or ""."""
    if not query.get("model", "").startswith("flux-"):
        return "v2/listen requires a Flux model, for example flux-general-en."
    if query.get("encoding", "linear16") != "linear16":
        return f"The rehearsal hears linear16 only, not {query['encoding']}."
    if unknown := set(query) - QUERY:
        return f"Unexpected query parameter: {', '.join(sorted(unknown))}."
    if not 0.3 <= float(query.get("eager_eot_threshold", 0.5)) <= 0.9:
        return "eager_eot_threshold must be between 0.3 and 0.9."
    if not 0.5 <= float(query.get("eot_threshold", 0.7)) <= 0.9:
        return "eot_threshold must be between 0.5 and 0.9."
    return ""


async def listen(request: web.Request) -> web.StreamResponse:
    """GET /v2/listen."""
    request_id = uid()
    visit = await admit(request, request_id)
    if isinstance(visit, web.Response):
        return visit
    fault = await fault_of(visit, VENDOR)
    if fault and fault.kind == "status":
        return refusal(int(fault.number), "REHEARSAL_FAULT", "rehearsal fault", request_id)
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
    """One open Flux connection."""

    def __init__(self, visit: Visit, outbox: Outbox, *, request_id: str, query):
        self._visit = visit
        self._outbox = outbox
        self._request_id = request_id
        self._eager = "eager_eot_threshold" in query
        self._sequence = 0
        self._turn = 0
        self._start = 0.0
        self._predicted = False
        self._events = 0
        self._shown = ""
        self._shown_at = 0.0
        self.listener = Listener(
            visit, rate=int(query.get("sample_rate", 16000)), silence=END_AFTER
        )
        self._post({"type": "Connected"})

    async def run(self, socket: web.WebSocketResponse) -> None:
        """Serve until the client closes."""
        async for message in socket:
            if message.type == WSMsgType.BINARY:
                await self._on_audio(message.data)
            elif message.type == WSMsgType.TEXT:
                try:
                    control = json.loads(message.data)
                except ValueError:
                    code = "UNPARSABLE_CLIENT_MESSAGE"
                    self._post({"type": "Error", "code": code, "description": "not JSON"})
                    await self._outbox.drain()
                    await socket.close(code=1008)
                    return
                kind = control.get("type")
                self._visit.journal.write(VENDOR, "control", type=kind)
                if kind == "Configure":
                    self._eager = self._eager or bool(
                        (control.get("thresholds") or {}).get("eager_eot_threshold")
                    )
                    given = {k: v for k, v in control.items() if k != "type"}
                    self._post({"type": "ConfigureSuccess", **given})
                elif kind == "CloseStream":
                    await self._outbox.drain()
                    await socket.close()
                    return

    async def close(self) -> Message:
        """Let the ears finish."""
        await self.listener.close()
        return {"audio_s": round(self.listener.gate.position, 2)}

    def error(self, kind: str) -> Message:
        """Build Flux's error message."""
        return {"type": "Error", "code": kind, "description": "rehearsal fault"}

    async def _on_audio(self, data: bytes) -> None:
        gate = self.listener.gate
        async for event in self.listener.hear(data):
            if event == "start":
                self._outbox.arm()
                self._start, self._shown, self._predicted = gate.position, "", False
                self._post(self._info("StartOfTurn", [], 0.01))
            elif event == "end":
                self._finish()
            elif gate.open:
                self._update(gate.position, gate.quiet)

    def _update(self, position: float, quiet: float) -> None:
        words = self.listener.partial
        if self._predicted and quiet == 0.0:
            self._predicted = False
            self._post(self._info("TurnResumed", words, 0.05))
        elif self._eager and not self._predicted and words and quiet >= EAGER_AFTER:
            self._predicted = True
            self._post(self._info("EagerEndOfTurn", words, 0.55))
        text = text_of(words)
        if text and text != self._shown and position - self._shown_at >= UPDATE_EVERY:
            self._shown, self._shown_at = text, position
            due = now() + self._visit.profile.interim.draw(self._visit.rng("flux/interim"))
            update, events = self._info("Update", words, 0.1), self._events
            self._outbox.later(lambda: events == self._events and self._post(update), due=due)

    def _finish(self) -> None:
        due = now() + self._visit.profile.final.draw(self._visit.rng("flux/final"))
        decoding, template = self.listener.finish(), self._info("EndOfTurn", [], 0.9)
        self._turn += 1

        async def final() -> Message:
            words = await decoding
            await until(due)
            self._visit.journal.write(VENDOR, "final", text=text_of(words), flux=True)
            return self._numbered({**template, **heard(words)})

        self._outbox.post_job(final)

    def _info(self, event: str, words: list[Word], confidence: float) -> Message:
        self._events += event != "Update"  # after which the updates under way are stale
        return {
            "type": "TurnInfo",
            "event": event,
            "turn_index": self._turn,
            "audio_window_start": round(self._start, 2),
            "audio_window_end": round(self.listener.gate.position, 2),
            "end_of_turn_confidence": confidence,
            **heard(words),
        }

    def _post(self, message: Message, *, due: float = 0.0) -> None:
        async def numbered() -> Message:
            await until(due)
            return self._numbered(message)

        self._outbox.post_job(numbered)

    def _numbered(self, message: Message) -> Message:
        self._sequence += 1
        return {**message, "request_id": self._request_id, "sequence_id": self._sequence - 1}


def heard(words: list[Word]) -> Message:
    """Return the transcript fields of a TurnInfo."""
    spoken = [{"word": word.text, "confidence": round(word.confidence, 4)} for word in words]
    return {"transcript": text_of(words), "words": spoken}

"""OpenAI Realtime on the wire: server turn detection, transcripts, audio, tools, cancel, truncate."""

import asyncio
import base64
import json
from typing import Any

from aiohttp import WSMsgType, web

from services.rehearsal.hearing import Listener, text_of
from services.rehearsal.mind import MODEL
from services.rehearsal.realtime_items import truncated
from services.rehearsal.realtime_response import RATE, VENDOR, Response, trouble
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
)

SILENCE = 0.5  # seconds of quiet that end a turn, unless the session says otherwise


async def websocket(request: web.Request) -> web.StreamResponse:
    """GET /v1/realtime."""
    visit = request.app[HOUSE].visit(bearer(request))
    if visit is None:
        error = {"message": "Incorrect API key provided", "type": "invalid_request_error"}
        return web.json_response({"error": {**error, "code": "invalid_api_key"}}, status=401)
    visit.journal.write(VENDOR, "connect", path=request.path_qs)
    fault = await fault_of(visit, VENDOR)
    if fault and fault.kind == "status":
        body = {"error": {"message": "rehearsal fault", "type": "rehearsal"}}
        return web.json_response(body, status=int(fault.number))
    return await converse(
        request,
        visit,
        vendor=VENDOR,
        fault=fault,
        connect=lambda outbox: Connection(visit, outbox),
    )


class Connection:
    """One realtime session: its conversation, what it hears, and at most one running response."""

    def __init__(self, visit: Visit, outbox: Outbox):
        self._visit = visit
        self._outbox = outbox
        self._items: list[Message] = []
        self._session: Message = {
            "type": "realtime",
            "object": "realtime.session",
            "id": f"sess_{uid()}",
            "model": MODEL,
            "instructions": "",
            "tools": [],
        }
        self._listener = Listener(visit, rate=RATE, silence=SILENCE)
        self._spoken_item = ""
        self._response: Response | None = None
        self._responding: asyncio.Task | None = None
        self._hearing: asyncio.Task | None = None
        self._heard_seconds = 0.0
        self._post("session.created", session=self._session)

    async def run(self, socket: web.WebSocketResponse) -> None:
        """Serve until the client closes."""
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await self._receive(json.loads(message.data))

    def error(self, kind: str) -> Message:
        """Build OpenAI's error event."""
        return {"type": "error", "event_id": uid(), "error": trouble(kind)}

    async def close(self) -> None:
        """Stop responding and listening."""
        for task in (self._responding, self._hearing):
            if task:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._listener.close()

    async def _receive(self, event: Message) -> None:
        kind = event.get("type")
        if kind == "input_audio_buffer.append":
            return await self._on_audio(base64.b64decode(event["audio"]))
        self._visit.journal.write(VENDOR, "event", type=kind)
        if kind == "session.update":
            given = {k: v for k, v in event["session"].items() if v is not None}
            self._session = {**self._session, **given, "model": MODEL}
            self._listener.gate.silence = self._silence()
            self._post("session.updated", session=self._session)
        elif kind == "conversation.item.create":
            self._add({"status": "completed", **event["item"]})
        elif kind == "conversation.item.delete":
            self._items = [item for item in self._items if item["id"] != event["item_id"]]
            self._post("conversation.item.deleted", item_id=event["item_id"])
        elif kind == "conversation.item.retrieve":
            item = self._item(event["item_id"])
            if item:
                self._post("conversation.item.retrieved", item=item)
            else:
                self._refuse("item_retrieve_invalid_item_id", "no such item", event)
        elif kind == "conversation.item.truncate":
            self._truncate(event)
        elif kind == "input_audio_buffer.clear":
            self._listener.drop()
            self._post("input_audio_buffer.cleared")
        elif kind == "input_audio_buffer.commit":
            self._commit(respond=False)
        elif kind == "response.cancel":
            if not self._cancel():
                self._refuse("response_cancel_not_active", "no active response found", event)
        elif kind == "response.create":
            if self._busy:
                message = "Conversation already has an active response"
                self._refuse("conversation_already_has_active_response", message, event)
            else:
                self._respond(event.get("response") or {})

    @property
    def _busy(self) -> bool:
        return self._responding is not None and not self._responding.done()

    def _cancel(self) -> bool:
        if self._busy and self._response:
            self._response.cancelled = True
        return self._busy

    def _detection(self) -> dict[str, Any] | None:
        """Return the settings of server turn detection; None where the client does it."""
        given = (self._session.get("audio") or {}).get("input") or {}
        detection = given.get("turn_detection", {})
        return (detection or None) if detection in (False, None) else dict(detection)

    def _silence(self) -> float:
        detection = self._detection()
        if detection is None:
            return float("inf")
        return max(0.2, (detection.get("silence_duration_ms") or SILENCE * 1000) / 1000)

    async def _on_audio(self, data: bytes) -> None:
        self._heard_seconds += len(data) / 2 / RATE
        gate, detects = self._listener.gate, self._detection() is not None
        async for event in self._listener.hear(data):
            ms = int(gate.position * 1000)
            if event == "start":
                self._outbox.arm()
                self._spoken_item = f"item_{uid()}"
                if detects:
                    self._cancel()
                    self._post(
                        "input_audio_buffer.speech_started",
                        audio_start_ms=ms,
                        item_id=self._spoken_item,
                    )
            elif event == "end" and detects:
                self._post(
                    "input_audio_buffer.speech_stopped",
                    audio_end_ms=ms,
                    item_id=self._spoken_item,
                )
                self._commit(respond=True)

    def _commit(self, *, respond: bool) -> None:
        if not self._listener.gate.open:
            return
        item_id = self._spoken_item
        self._post("input_audio_buffer.committed", item_id=item_id, previous_item_id=None)
        began = now()
        due = began + self._visit.profile.final.draw(self._visit.rng("openai/final"))
        decoding, before = self._listener.finish(), self._hearing

        async def transcribe() -> None:
            if before:
                await before
            text = text_of(await decoding)
            self._visit.journal.write(VENDOR, "final", text=text)
            content = [{"type": "input_audio", "transcript": text}]
            self._add(
                {
                    "id": item_id,
                    "type": "message",
                    "role": "user",
                    "status": "completed",
                    "content": content,
                }
            )
            if ((self._session.get("audio") or {}).get("input") or {}).get("transcription"):
                where = {"item_id": item_id, "content_index": 0}
                kind = "conversation.item.input_audio_transcription"
                done = {**where, "transcript": text}
                self._outbox.later(lambda: self._post(f"{kind}.completed", **done), due=due)
            if respond and text and (self._detection() or {}).get("create_response") is not False:
                if self._responding:
                    await asyncio.gather(self._responding, return_exceptions=True)
                self._respond({}, began=began)

        self._hearing = asyncio.create_task(transcribe())

    def _respond(self, options: Message, *, began: float | None = None) -> None:
        self._response = Response(
            self._visit, self._post, session={**self._session, **options}, items=self._items
        )
        began = now() if began is None else began
        self._responding = asyncio.create_task(self._answer(self._response, began))

    async def _answer(self, response: Response, began: float) -> None:
        if self._hearing and self._detection() is None:
            await self._hearing  # the client committed the turn just before it asked
        await response.run(heard_seconds=self._heard_seconds, began=began)

    def _truncate(self, event: Message) -> None:
        ms = event["audio_end_ms"]
        self._visit.journal.write(VENDOR, "truncate", item_id=event["item_id"], audio_end_ms=ms)
        if item := self._item(event["item_id"]):
            self._items[self._items.index(item)] = truncated(item, ms / 1000)
        fields = {k: event[k] for k in ("item_id", "content_index", "audio_end_ms")}
        self._post("conversation.item.truncated", **fields)

    def _item(self, item_id: str) -> Message | None:
        return next((item for item in self._items if item["id"] == item_id), None)

    def _add(self, item: Message) -> None:
        item = {**item, "id": item.get("id") or f"item_{uid()}"}
        self._items.append(item)
        self._post("conversation.item.added", item=item)
        self._post("conversation.item.done", item=item)

    def _refuse(self, code: str, message: str, event: Message) -> None:
        self._post("error", error=trouble(code, message, event.get("event_id")))

    def _post(self, kind: str, **data: Any) -> None:
        self._outbox.post({"type": kind, "event_id": f"event_{uid()}", **data})

"""One response of a realtime session: speech or text, then tool calls, until done or cancelled."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

from services.rehearsal.anthropic_rules import tokens
from services.rehearsal.journal import without_binaries
from services.rehearsal.realtime_items import as_conversation
from services.rehearsal.state import Visit
from services.rehearsal.wire import Message, uid, until

VENDOR = "openai"
RATE = 24000
CHUNK = 0.1  # seconds of audio in one delta
AUDIO_TOKENS_IN, AUDIO_TOKENS_OUT = 10, 20  # per second: one token for 100 ms and for 50 ms


def trouble(code: str, message: str = "rehearsal fault", event_id: str | None = None) -> Message:
    """Build the body of an error event."""
    return {
        "type": "invalid_request_error",
        "code": code,
        "message": message,
        "param": None,
        "event_id": event_id,
    }


class Response:
    """A response being given.

    Attributes:
        cancelled: Set to True to end it at the next chunk of audio.
    """

    def __init__(
        self,
        visit: Visit,
        post: Callable[..., None],
        *,
        session: Message,
        items: list[Message],
    ):
        """Initialize the response.

        Args:
            visit: The session at the rehearsal.
            post: Sends an event of a type with its fields.
            session: Settings in force, those of the response included.
            items: The conversation, to which the response adds.
        """
        self.cancelled = False
        self._visit = visit
        self._post = post
        self._session = session
        self._items = items
        self._id = f"resp_{uid()}"
        self._seconds = 0.0

    async def run(self, *, heard_seconds: float, began: float) -> None:
        """Let the mind answer the conversation, and send what it says and calls.

        Args:
            heard_seconds: Audio heard so far, for the usage.
            began: When the turn that is answered ended, in loop time.
        """
        head = {"id": self._id, "object": "realtime.response"}
        self._post("response.created", response={**head, "status": "in_progress", "output": []})
        body = as_conversation(self._session, self._items)
        self._visit.journal.write(VENDOR, "request", body=without_binaries(body))
        due = began + self._visit.profile.reaction.draw(self._visit.rng("openai/reaction"))
        answer = await self._visit.answer(VENDOR, body)
        await until(due)
        output: list[Message] = []
        if answer.say and not self.cancelled:
            output.append(await self._say(answer.say))
        for name, arguments in [] if self.cancelled else answer.calls:
            output.append(self._call(name, arguments, len(output)))
        status = "failed" if answer.fail else "cancelled" if self.cancelled else "completed"
        details = {"type": "failed", "error": trouble(answer.fail)} if answer.fail else None
        usage = self._usage(body, answer.say, heard_seconds)
        done = {**head, "status": status, "status_details": details, "output": output}
        self._post("response.done", response={**done, "usage": usage})

    async def _say(self, text: str) -> Message:
        spoken = self._session.get("output_modalities") != ["text"]
        part = {"type": "output_audio", "transcript": text} if spoken else {}
        part = part or {"type": "output_text", "text": text}
        item: Message = {"id": f"item_{uid()}", "type": "message", "role": "assistant"}
        self._post("conversation.item.added", item={**item, "status": "in_progress"})
        item["content"] = [part]
        self._items.append(item)
        where = {"response_id": self._id, "item_id": item["id"]}
        where |= {"output_index": 0, "content_index": 0}
        await (self._speak if spoken else self._write)(text, where)
        item["status"] = "incomplete" if self.cancelled else "completed"
        self._post("conversation.item.done", item=item)
        return item

    async def _write(self, text: str, where: Message) -> None:
        for word in text.split():
            self._post("response.output_text.delta", **where, delta=word + " ")
        self._post("response.output_text.done", **where, text=text)

    async def _speak(self, text: str, where: Message) -> None:
        output = (self._session.get("audio") or {}).get("output") or {}
        speech = await asyncio.to_thread(
            self._visit.house.mouth.say,
            text,
            rate=RATE,
            voice=output.get("voice") or "marin",
            speed=output.get("speed") or 1.0,
            stop=lambda: self.cancelled,
        )
        words, step = list(speech.words), int(RATE * CHUNK) * 2
        for at in range(0, len(speech.pcm), step):
            if self.cancelled:
                break
            while words and words[0][1] * RATE * 2 < at + step:
                kind = "response.output_audio_transcript.delta"
                self._post(kind, **where, delta=words.pop(0)[0] + " ")
            chunk = speech.pcm[at : at + step]
            delta = base64.b64encode(chunk).decode()
            self._post("response.output_audio.delta", **where, delta=delta)
            self._seconds += len(chunk) / 2 / RATE
            await asyncio.sleep(len(chunk) / 2 / RATE / self._visit.profile.audio_speed)
        self._post("response.output_audio.done", **where)
        self._post("response.output_audio_transcript.done", **where, transcript=text)

    def _call(self, name: str, arguments: Message, index: int) -> Message:
        item = {
            "id": f"item_{uid()}",
            "type": "function_call",
            "status": "completed",
            "name": name,
            "call_id": f"call_{uid()}",
            "arguments": json.dumps(arguments),
        }
        self._items.append(item)
        self._post("conversation.item.added", item=item)
        self._post("conversation.item.done", item=item)
        self._post(
            "response.function_call_arguments.done",
            response_id=self._id,
            item_id=item["id"],
            output_index=index,
            call_id=item["call_id"],
            arguments=item["arguments"],
        )
        return item

    def _usage(self, body: Message, said: str, heard_seconds: float) -> dict[str, Any]:
        text_in = tokens([body["system"], body["messages"], body["tools"]])
        audio_in = round(heard_seconds * AUDIO_TOKENS_IN)
        text_out, audio_out = tokens(said), round(self._seconds * AUDIO_TOKENS_OUT)
        return {
            "total_tokens": text_in + audio_in + text_out + audio_out,
            "input_tokens": text_in + audio_in,
            "output_tokens": text_out + audio_out,
            "input_token_details": {"text_tokens": text_in, "audio_tokens": audio_in},
            "output_token_details": {"text_tokens": text_out, "audio_tokens": audio_out},
        }

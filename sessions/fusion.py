"""What belongs to the moment of an inference is shown with it, and never stored in the context.

Fused late, at the adapter of each model, where the vendor's request is made: results of tools, typed
text and jobs reach a model around every processor, and a repeated request sees what is true then.
It stands within the redaction of :mod:`sessions.guards`, which withholds every picture it meets, and
so lets through only what was cleared.
"""

import base64
from typing import TYPE_CHECKING, Any

from loguru import logger
from pipecat.frames.frames import Frame, LLMContextFrame
from pipecat.processors.aggregators.llm_context import LLMContext, LLMSpecificMessage
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import LLMService

from sessions.evidence import Evidence
from sessions.untrusted import marked, tame

if TYPE_CHECKING:
    from sessions.session import Session

MOST_PICTURES = 4
PICTURE_SECS = 3.0
MOST_CHARACTERS = 6000
"""Of one text: a dense screen."""

HEADING = "(Shown by the devices at this moment. The caller has not said this.)"


class Fusion:
    """Shows one model the evidence of the moment, whenever the conversation asks it.

    One-shot inferences (summaries, classifiers) see their own context and nothing else.
    """

    def __init__(self, session: "Session", mind: FrameProcessor):
        """Stand at the model's adapter. Make it before any guard of the same adapter."""
        self._session = session
        self._asked: LLMContext | None = None
        if not isinstance(mind, LLMService):
            return
        adapter: Any = mind.get_llm_adapter()
        request = adapter.get_llm_invocation_params

        async def fused_request(context: LLMContext, **options):
            if context is self._asked:
                context = await self._fused(context)
            return await request(context, **options)

        adapter.get_llm_invocation_params = fused_request

    def attend(self, mind: FrameProcessor) -> None:
        """Know the conversation's inferences from others. Call it after every guard of the model."""

        @mind.event_handler("on_before_process_frame")
        async def on_before_process_frame(_mind, frame: Frame):
            if isinstance(frame, LLMContextFrame):
                self._asked = frame.context

    async def _fused(self, context: LLMContext) -> LLMContext:
        session = self._session
        asked_ns = session.clock.now_ns()
        await session.evidence.freshen(asked_ns)
        now_ns = session.clock.now_ns()
        session.waterfall.took("vision", (now_ns - asked_ns) / 1e9)
        shown, parts = [], [_text(HEADING)]
        for piece in self._admissible(now_ns):
            try:
                parts += self._parts(piece, now_ns)
            except Exception as error:  # what cannot be redacted is not shown
                logger.error(f"{piece.source} is not shown: {type(error).__name__}")
                continue
            shown.append(piece)
        if not shown:
            return context
        for piece in shown:
            session.evidence.shown(piece)
        tell_seen(session, shown, now_ns)
        messages: list = list(context.messages)
        messages.insert(_place(messages), {"role": "user", "content": parts})
        return LLMContext(messages, context.tools, context.tool_choice)

    def _admissible(self, now_ns: int) -> list[Evidence]:
        pieces = [piece for piece in self._session.evidence.at(now_ns) if not stale(piece, now_ns)]
        policy = self._session.policy
        if policy.redact or policy.blur_faces:
            pieces = [piece for piece in pieces if piece.cleared or not piece.image]
        pictures = sorted((p for p in pieces if p.image), key=lambda piece: -piece.at_ns)
        beyond = {id(piece) for piece in pictures[MOST_PICTURES:]}
        return [piece for piece in pieces if id(piece) not in beyond]

    def _parts(self, piece: Evidence, now_ns: int) -> list[dict]:
        seconds = max(0, now_ns - piece.at_ns) / 1e9
        truth = ", ground truth" if piece.trusted else ""
        label = f"[{piece.id}: {piece.source}, {seconds:.1f} s ago{truth}]"
        parts = [_text(label)]
        if piece.text:
            text = piece.text[:MOST_CHARACTERS]
            if phi := self._session.phi:
                text = phi.scrub(phi.redact(text).text)
            if piece.trusted:
                parts = [_text(f"{label} {tame(text)}")]
            else:
                parts.append(_text(marked(text, source=piece.source)))
        if piece.image:
            data = base64.b64encode(piece.image).decode()
            url = {"url": f"data:image/jpeg;base64,{data}"}
            parts.append({"type": "image_url", "image_url": url})
        return parts


def stale(piece: Evidence, now_ns: int) -> bool:
    """Whether a piece is too old to be reasoned on."""
    limit = piece.max_age if piece.max_age is not None else PICTURE_SECS if piece.image else None
    return limit is not None and now_ns - piece.at_ns > limit * 1e9


def tell_seen(session: "Session", pieces: list[Evidence], now_ns: int) -> None:
    """Put on the tape, and tell the client, what a model is being shown: ids and ages."""
    frames = [
        {"id": p.id, "source": p.source, "age_ms": round((now_ns - p.at_ns) / 1e6)} for p in pieces
    ]
    session.recording.event("saw", frames=frames)
    session.client.notify_soon("saw", frames=frames)


def _place(messages: list) -> int:
    """Before what is to be answered now, so that a cached beginning stays one."""
    at = len(messages)
    while at and _is_call_or_result(messages[at - 1]):
        at -= 1
    asks = at and _role(messages[at - 1]) in ("user", "developer", "system")
    return at - 1 if asks else len(messages)


def _is_call_or_result(message: Any) -> bool:
    if isinstance(message, LLMSpecificMessage):  # thoughts and signatures beside a call
        return True
    return _role(message) == "tool" or bool(isinstance(message, dict) and message.get("tool_calls"))


def _role(message: Any) -> str | None:
    return message.get("role") if isinstance(message, dict) else None


def _text(text: str) -> dict:
    return {"type": "text", "text": text}


__all__ = ["Fusion", "stale", "tell_seen"]

"""Where redaction is enforced on the cast: at the mind and at the mouth (see ears_guard too)."""

import json
from typing import TYPE_CHECKING

from loguru import logger
from pipecat.frames.frames import (
    AggregatedTextFrame,
    Frame,
    LLMContextFrame,
)
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.processors.aggregators.llm_context import LLMContext, LLMContextMessage
from pipecat.processors.frame_processor import FrameProcessor

from sessions.phi import PHIFirewall
from sessions.tool_boundary import is_guarded

if TYPE_CHECKING:
    from pipecat.services.tts_service import TTSService

BLOCKED = "[REDACTED]"

# Fields of a message that are protocol, not content.
PLAIN = ("role", "type", "id", "tool_call_id", "tool_use_id", "name")
# Parts without a text stage: nothing can be redacted in them yet.
WITHHELD = ("image", "image_url", "input_audio", "file", "document")


def redacted_messages(messages: list, phi: PHIFirewall) -> list:
    """The same messages without identifiers; pictures, sound and files are withheld.

    Args:
        messages: Context messages in OpenAI's form, or a vendor's.
        phi: The session's firewall.
    """

    def clean(value):
        if isinstance(value, str):
            return phi.scrub(phi.redact(value).text)
        if isinstance(value, list):
            return [clean(item) for item in value]
        if isinstance(value, dict):
            if value.get("role") == "tool":
                return {**value, "content": _redacted_result(value.get("content"), phi)}
            if value.get("type") in WITHHELD:
                return {"type": "text", "text": f"[{value['type']} withheld]"}
            return {k: v if k in PLAIN else clean(v) for k, v in value.items()}
        return value

    return [clean(message) for message in messages]


def _redacted_result(content: object, phi: PHIFirewall) -> str:
    """A tool's result without identifiers, still the JSON that it was."""
    text = content if isinstance(content, str) else json.dumps(content)
    try:
        return json.dumps(phi.redact_data(json.loads(text)))
    except ValueError:
        return phi.scrub(phi.redact(text).text)


def guard_mind(mind: FrameProcessor, *, phi: PHIFirewall) -> None:
    """Let no model request carry an identifier, whichever way its context came.

    Tool results and typed text reach a model without passing any processor before it. The
    stored context keeps what it holds; the model reads a redacted copy.

    Args:
        mind: A language-model service.
        phi: The session's firewall.
    """

    @mind.event_handler("on_before_process_frame")
    async def on_before_process_frame(_mind, frame: Frame):
        if not isinstance(frame, LLMContextFrame):
            return
        context = frame.context
        try:
            messages, tools = redacted_messages(context.messages, phi), _boundary_only(context)
        except Exception as error:  # a hook that raises would let the frame pass as it is
            logger.error(f"Redaction failed ({type(error).__name__}); the request is blocked")
            messages: list[LLMContextMessage] = [{"role": "user", "content": BLOCKED}]
            tools = context.tools
        frame.context = LLMContext(messages, tools, context.tool_choice)


def _boundary_only(context: LLMContext):
    tools = context.tools
    schemas = getattr(tools, "standard_tools", [])
    loose = [tool for tool in schemas if not is_guarded(tool)]
    if not loose:
        return tools
    logger.error(
        f"{', '.join(t.name for t in loose)} not offered to the model: under this policy a tool "
        "crosses the session's boundary. Pass it through session.tools(...)."
    )
    return [tool for tool in schemas if is_guarded(tool)]


def guard_mouth(mouth: "TTSService", *, phi: PHIFirewall) -> None:
    """Let the caller, and only the caller, hear the originals."""

    async def restore(text: str, _type: str) -> str:
        return phi.restore(text)

    mouth.add_text_transformer(restore)


class PromptWatcher(BaseObserver):
    """Tells the firewall what the bot just asked, so that an answer is read as one."""

    def __init__(self, phi: PHIFirewall):
        """Initialize the watcher for one session's firewall."""
        super().__init__(observe_every_push=False)
        self._phi = phi

    async def on_push_frame(self, data: FramePushed):
        """Hear the bot's sentences as they are handed to its voice."""
        if isinstance(data.frame, AggregatedTextFrame):
            self._phi.heard(data.frame.text)

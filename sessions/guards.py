"""Where redaction is enforced at the mind (see ears_guard and mouth_guard for the others)."""

import json
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from loguru import logger
from pipecat.frames.frames import AggregatedTextFrame, Frame, LLMContextFrame
from pipecat.observers.base_observer import FramePushed
from pipecat.processors.aggregators.llm_context import (
    LLMContext,
    LLMContextMessage,
    LLMSpecificMessage,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import LLMService

from sessions.ledger import Ledger, nowhere
from sessions.phi import PHIFirewall
from sessions.tool_boundary import is_guarded
from sessions.watching import Watcher

BLOCKED = "[REDACTED]"

EXPLANATION = (
    "Names, numbers, dates and other identifiers of the caller reach you as surrogates such as "
    "[NAME_1] or [PHONE_2]. Use them exactly as written, in what you say and as tool arguments: "
    "the caller hears, and tools receive, the real values. Never ask what a surrogate stands for."
)
"""Told to every model of a session that redacts."""

# Fields of a message that are protocol, not content.
PLAIN = ("role", "type", "id", "tool_call_id", "tool_use_id", "name")
# Parts without a text stage: nothing can be redacted in them yet.
WITHHELD = ("image", "image_url", "input_audio", "file", "document")
# A model signs its own thoughts and takes them back only as they were; it read surrogates.
SIGNED = ("thinking", "redacted_thinking")
REMEMBERED = 4096


def redacted_messages(
    messages: list, phi: PHIFirewall, *, redact: Callable[[str], str] | None = None
) -> list:
    """The same messages without identifiers; pictures, sound and files are withheld.

    Args:
        messages: Context messages in OpenAI's form, or a vendor's.
        phi: The session's firewall.
        redact: Redacts one text; the firewall's engine when None.
    """
    redact = redact or (lambda text: phi.redact(text).text)

    def clean(value):
        if isinstance(value, str):
            return phi.scrub(redact(value))
        if isinstance(value, list):
            return [clean(item) for item in value]
        if isinstance(value, LLMSpecificMessage):
            return LLMSpecificMessage(value.llm, clean(value.message))
        if isinstance(value, dict):
            if value.get("role") == "tool":
                return {**value, "content": _redacted_result(value.get("content"), phi)}
            if value.get("type") in SIGNED:
                return value
            if value.get("type") in WITHHELD:
                return {"type": "text", "text": f"[{value['type']} withheld]"}
            # Beside a role, a name is a speaker's; elsewhere it is a tool's.
            plain = PLAIN[:-1] if "role" in value else PLAIN
            return {k: v if k in plain else clean(v) for k, v in value.items()}
        return value

    return [clean(message) for message in messages]


def _redacted_result(content: object, phi: PHIFirewall) -> str:
    """A tool's result without identifiers, still the JSON that it was."""
    text = content if isinstance(content, str) else json.dumps(content)
    try:
        return json.dumps(phi.redact_data(json.loads(text)))
    except ValueError:
        return phi.scrub(phi.redact(text).text)


def guard_mind(mind: FrameProcessor, *, phi: PHIFirewall, ledger: Ledger | None = None) -> None:
    """Let no model request carry an identifier, whichever way its context came.

    Tool results, typed text, summaries and one-shot inferences reach a model without passing any
    processor before it. All of them pass the service's adapter, which turns a context into the
    vendor's request, so it is guarded besides the service. The stored context keeps what it
    holds; the model, its log lines and its traces read a redacted copy.

    Args:
        mind: A language-model service.
        phi: The session's firewall.
        ledger: Told what only the model's door found.
    """
    guard = MindGuard(phi, ledger or nowhere())

    @mind.event_handler("on_before_process_frame")
    async def on_before_process_frame(_mind, frame: Frame):
        if isinstance(frame, LLMContextFrame):
            frame.context = guard.copy(frame.context)

    if isinstance(mind, LLMService):
        adapter: Any = mind.get_llm_adapter()
        request, log = adapter.get_llm_invocation_params, adapter.get_messages_for_logging

        async def guarded_request(context: LLMContext, **options):
            return await request(guard.copy(context), **options)

        def guarded_log(context: LLMContext, **options):
            return log(guard.copy(context), **options)

        adapter.get_llm_invocation_params = guarded_request
        adapter.get_messages_for_logging = guarded_log
        mind.append_system_instruction(EXPLANATION)


class MindGuard:
    """Makes the copies of a context that a model may read."""

    def __init__(self, phi: PHIFirewall, ledger: Ledger):
        """Copy for one session's model."""
        self._phi, self._ledger = phi, ledger
        # What a text became stays what it is: a request's beginning is the same from turn to
        # turn, which is what a vendor's prompt cache needs, and is analysed once.
        self._known: OrderedDict[str, str] = OrderedDict()

    def copy(self, context: LLMContext) -> LLMContext:
        """A context without identifiers and without tools that lead around the boundary."""
        if getattr(context, "_vivace_copy", None) is self:
            return context
        tools: Any = context.tools
        try:
            messages, tools = self._messages(context.messages), _boundary_only(context)
        except Exception as error:  # raised in a hook, it would let the context pass as it is
            logger.error(f"Redaction failed ({type(error).__name__}); the request is blocked")
            messages: list[LLMContextMessage] = [{"role": "user", "content": BLOCKED}]
        copy = LLMContext(messages, tools, context.tool_choice)
        copy._vivace_copy = self  # type: ignore[attr-defined]
        return copy

    def _messages(self, messages: list) -> list:
        newest = next((m for m in reversed(messages) if _role(m) == "user"), None)
        if newest and isinstance(newest["content"], str) and newest["content"].strip():
            self._whole_turn(newest["content"])
        return redacted_messages(messages, self._phi, redact=self._redact)

    def _whole_turn(self, text: str) -> None:
        """Read the caller's newest turn again, as a whole: it may say more than its segments."""
        turn = self._phi.turn
        if text in self._known or turn.released < len(turn.raw):  # the ears still hold its end
            return
        self._remember(text, self._phi.second_pass(text))

    def _redact(self, text: str) -> str:
        if text not in self._known:
            self._remember(text, self._phi.redact(text).text)
        return self._known[text]

    def _remember(self, before: str, after: str) -> None:
        self._ledger.redacted("model", before, after)
        self._known[before] = after
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _role(message: object) -> str | None:
    return message.get("role") if isinstance(message, dict) else None


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


class PromptWatcher(Watcher):
    """Tells the firewall what the bot just asked, so that an answer is read as one."""

    def __init__(self, phi: PHIFirewall):
        """Initialize the watcher for one session's firewall."""
        super().__init__()
        self._phi = phi

    async def on_push_frame(self, data: FramePushed):
        """Hear the bot's sentences as they are handed to its voice."""
        if isinstance(data.frame, AggregatedTextFrame):
            self._phi.heard(data.frame.text)

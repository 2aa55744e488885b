"""What a long conversation remembers: pinned facts, a summary, the last turns, few images."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from loguru import logger
from pipecat.frames.frames import Frame, LLMContextFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.utils.context.llm_context_summarization import LLMContextSummarizationUtil as Pipecat

from sessions.context_tokens import formula_of, image_tokens, images_of, text_tokens

# A 20-minute call with tools stays below it.
CONTEXT_TOKENS = 16_000
# Images are the dearest part, and the soonest stale: the model sees the newest of them.
IMAGE_TOKENS = 4_800
# Share of the budget above which the summary is begun, in the background.
BEGIN = 0.8
# Messages that stay word for word.
KEEP = 12
# Inferences between two exact counts, and the share of the budget from which they matter.
COUNT_EVERY, COUNT_FROM = 10, 0.4
SUMMARY_SECS = 30.0

PINNED, SUMMARY = "(To be kept in mind: ", "(What was said before: "
DROPPED = "(What was said before has been dropped.)"
PROMPT = (
    "Summarise this conversation between a caller and an assistant in at most 150 words, for the "
    "assistant to go on with. Keep what was asked for, promised, decided and still open. Keep "
    "anything in square brackets as it is. Do not answer the caller."
)


@dataclass
class _State:
    """What is known of one context.

    Parameters:
        seen: Images numbered so far, by the identity of their part.
        factor: Exact tokens of text for each that was estimated.
        summary: The text that replaces the oldest messages, once it is written.
        covers: The last message that the summary covers.
        task: The summary or the count under way.
        inferences: How often the model was asked.
    """

    seen: dict[int, tuple[int, str]] = field(default_factory=dict)
    factor: float = 1.0
    summary: str = ""
    covers: Any = None
    task: asyncio.Task | None = None
    inferences: int = 0
    images: int = 0


class ContextBudget:
    """Keeps every context of a session within its budget, as each model is about to read it.

    Images go first, oldest first, and leave a note with their number and time. Then the oldest
    messages become a summary, written by a model in the background while the call goes on; a
    summary that fails leaves a note that there was more. Facts that were pinned stay.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float],
        tokens: int = CONTEXT_TOKENS,
        image_tokens: int = IMAGE_TOKENS,
        redact: Callable[[list], list] = lambda messages: messages,
        report: Callable[..., None] = lambda *_, **__: None,
    ):
        """Initialize the budget.

        Args:
            now: The session's clock, in seconds.
            tokens: What a context may cost.
            image_tokens: What its images may cost of that.
            redact: What is done to messages before a model summarises them.
            report: Called as ``report("context.evicted", ...)`` for the tape.
        """
        self.tokens, self.image_tokens = tokens, image_tokens
        # The model that writes summaries; the one that is summarised for, where there is none.
        self.summariser: Any = None
        self.facts: dict[str, str] = {}
        self._now, self._redact, self._report = now, redact, report
        self._states: WeakKeyDictionary[LLMContext, _State] = WeakKeyDictionary()

    def pin(self, name: str, fact: str) -> None:
        """Keep a fact for the whole session, whatever else goes.

        Args:
            name: What it is about, such as ``"allergies"``; a later fact of it replaces this.
            fact: The fact, with surrogates where the policy redacts. Empty lets it go.
        """
        self.facts[name] = fact
        if not fact:
            del self.facts[name]

    def guard(self, mind: Any) -> None:
        """Keep what this model reads within the budget."""

        @mind.event_handler("on_before_process_frame")
        async def on_before_process_frame(_mind, frame: Frame):
            if isinstance(frame, LLMContextFrame):
                self.enforce(frame.context, mind)

    def cost(self, context: LLMContext, mind: Any = None) -> int:
        """Tokens of a context's messages, as well as they are known."""
        factor = self._states.setdefault(context, _State()).factor
        formula = formula_of(mind)
        messages = context.messages
        images = sum(image_tokens(p, formula) for m in messages for p in images_of(m))
        return round(sum(map(text_tokens, messages)) * factor + images)

    def enforce(self, context: LLMContext, mind: Any) -> None:
        """Bring a context within the budget now, and prepare what takes longer."""
        state = self._states.setdefault(context, _State())
        state.inferences += 1
        self._apply_summary(context, state)
        self._evict_images(context, state, mind)
        if self.cost(context, mind) > self.tokens:
            self._drop(context, state, mind)
        self._put_facts(context)
        busy = state.task is not None and not state.task.done()
        share = self.cost(context, mind) / self.tokens
        if busy or share < COUNT_FROM:
            return
        if share > BEGIN and not state.summary:
            state.task = asyncio.ensure_future(self._summarise(context, state, mind))
        elif state.inferences % COUNT_EVERY == 0 and hasattr(mind, "count_tokens"):
            state.task = asyncio.ensure_future(self._calibrate(context, state, mind))

    def _evict_images(self, context: LLMContext, state: _State, mind: Any) -> None:
        formula = formula_of(mind)
        parts = [(m, p) for m in context.messages for p in images_of(m)]
        there = {id(part) for _, part in parts}
        state.seen = {known: seen for known, seen in state.seen.items() if known in there}
        for _, part in parts:
            if id(part) not in state.seen:
                state.images += 1
                minutes, seconds = divmod(int(self._now()), 60)
                state.seen[id(part)] = (
                    state.images,
                    f"{minutes // 60}:{minutes % 60:02}:{seconds:02}",
                )
        total = sum(image_tokens(part, formula) for _, part in parts)
        gone: dict[int, str] = {}
        for _, part in parts[:-1]:  # the newest stays, whatever it costs
            if total <= self.image_tokens:
                break
            total -= image_tokens(part, formula)
            number, at = state.seen.pop(id(part))
            gone[id(part)] = f"(Image {number}, seen at {at} of the call, is no longer kept.)"
            self._report("context.evicted", image=number, seen_at=at)
        if gone:
            context.set_messages([_without(message, gone) for message in context.messages])

    def _apply_summary(self, context: LLMContext, state: _State) -> None:
        if not state.summary:
            return
        messages = context.messages
        ends = [i for i, message in enumerate(messages) if message is state.covers]
        if ends:
            said: Any = {"role": "developer", "content": f"{SUMMARY}{state.summary})"}
            context.set_messages([said, *messages[ends[0] + 1 :]])
            self._report("context.summarised", messages=ends[0] + 1)
        state.summary, state.covers = "", None

    def _drop(self, context: LLMContext, state: _State, mind: Any) -> None:
        """No summary came in time: the oldest go without."""
        while self.cost(context, mind) > self.tokens:
            chosen = Pipecat.get_messages_to_summarize(context, KEEP)
            if not chosen.messages:
                return
            last = min(chosen.last_summarized_index, max(1, len(context.messages) // 4))
            last = _whole_turn(context.messages, last, chosen.last_summarized_index)
            note: Any = {"role": "developer", "content": DROPPED}
            kept = context.messages[last + 1 :]
            if last < 1:
                return
            context.set_messages([note, *kept])
            self._report("context.dropped", messages=last + 1)

    def _put_facts(self, context: LLMContext) -> None:
        messages = [m for m in context.messages if not _starts(m, PINNED)]
        if self.facts:
            told = "; ".join(f"{name}: {fact}" for name, fact in self.facts.items())
            pinned: Any = {"role": "developer", "content": f"{PINNED}{told})"}
            messages.insert(0, pinned)
        if messages != context.messages:
            context.set_messages(messages)

    async def _summarise(self, context: LLMContext, state: _State, mind: Any) -> None:
        chosen = Pipecat.get_messages_to_summarize(context, KEEP)
        if not chosen.messages:
            return
        covers = context.messages[chosen.last_summarized_index]
        try:
            text = Pipecat.format_messages_for_summary(self._redact(list(chosen.messages)))
            asked = LLMContext([{"role": "user", "content": text}])
            writer = self.summariser or mind
            written = await asyncio.wait_for(
                writer.run_inference(asked, max_tokens=400, system_instruction=PROMPT),
                SUMMARY_SECS,
            )
        except Exception as error:
            logger.warning(f"A summary could not be written: {type(error).__name__}")
            return
        state.summary, state.covers = (written or "").strip(), covers

    async def _calibrate(self, context: LLMContext, state: _State, mind: Any) -> None:
        messages = self._redact([m for m in context.messages if not images_of(m)])
        estimated = sum(map(text_tokens, messages))
        try:
            exact = await mind.count_tokens(LLMContext(messages))
        except Exception as error:
            logger.debug(f"No exact count of tokens: {type(error).__name__}")
            return
        if estimated > 200:
            state.factor = min(2.0, max(0.5, exact / estimated))


def _without(message: Any, gone: dict[int, str]) -> Any:
    if not any(id(part) in gone for part in images_of(message)):
        return message
    parts = [
        {"type": "text", "text": gone[id(part)]} if id(part) in gone else part
        for part in message["content"]
    ]
    return {**message, "content": parts}


def _starts(message: Any, text: str) -> bool:
    content = message.get("content") if isinstance(message, dict) else None
    return isinstance(content, str) and content.startswith(text)


def _whole_turn(messages: list, last: int, most: int) -> int:
    """The end of a turn at or behind a message: what follows begins with the caller's words."""
    for i in range(last, most + 1):
        follows = messages[i + 1] if i + 1 < len(messages) else None
        if isinstance(follows, dict) and follows.get("role") == "user":
            return i
    return most

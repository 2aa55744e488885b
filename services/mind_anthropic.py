"""Claude's mind: every tool call of a message runs, and a silent stream is not waited out."""

import random
from collections.abc import Iterator
from types import SimpleNamespace

from anthropic import AsyncAnthropic
from pipecat.adapters.llm.services.anthropic_adapter import AnthropicLLMAdapter
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.anthropic.llm import AnthropicLLMService

from services.addresses import Address, require_address
from services.one_answer import OneAnswerMind
from services.patience import Kind, PatientMind


class ClaudeMind(
    OneAnswerMind[AnthropicLLMAdapter], PatientMind[AnthropicLLMAdapter], AnthropicLLMService
):
    """A language model over the Anthropic Messages API.

    Pipecat keeps only the last ``tool_use`` block of a message; here all of them run. See
    :class:`PatientMind` for what happens when a stream stalls, breaks or is refused.
    """

    def __init__(self, *, rng: random.Random, **kwargs):
        """Initialize the mind.

        Args:
            rng: Where waits before a repeated request are drawn from.
            **kwargs: As ``AnthropicLLMService``.
        """
        super().__init__(**kwargs)
        self._rng = rng

    async def count_tokens(self, context: LLMContext) -> int:
        """Count a context's input tokens, exactly, at the vendor; tools and instruction apart."""
        given = await self.get_llm_adapter().get_llm_invocation_params(
            context, enable_prompt_caching=False
        )
        counted = await self._client.messages.count_tokens(
            model=str(self._settings.model), messages=given["messages"]
        )
        return counted.input_tokens

    async def _create_message_stream(self, api_call, params):
        return self.patiently(
            lambda: api_call(**params), kind=_kind, whole=_every_call, rng=self._rng
        )


def _kind(event) -> Kind:
    match event.type:
        case "content_block_start" if event.content_block.type == "tool_use":
            return Kind.TOOL
        case "content_block_delta" if getattr(event.delta, "text", ""):
            return Kind.TEXT
        case "message_start" | "ping":
            return Kind.OPENING
    return Kind.THOUGHT


def _every_call(events: list) -> Iterator:
    """Tell the service that calls are complete after each of them, and not just at the end."""
    calls = 0
    for event in events:
        if _kind(event) is Kind.TOOL:
            calls += 1
            if calls > 1:
                done = SimpleNamespace(stop_reason="tool_use")
                yield SimpleNamespace(type="message_delta", delta=done, usage=None)
        yield event


def build(session, address: Address, **settings) -> ClaudeMind:
    """Cast a mind that speaks Anthropic's protocol: Claude, or a server of one's own."""
    client = AsyncAnthropic(api_key=address.key, base_url=address.http, max_retries=0)
    require_address(address.http, client.base_url, vendor="anthropic")
    return ClaudeMind(
        rng=session.random,
        api_key=address.key,
        client=client,
        settings=ClaudeMind.Settings(**{"enable_prompt_caching": True, **settings}),
    )

"""A mind that speaks OpenAI's chat completions: GPT, or an open model on a server in the house."""

import random

from pipecat.adapters.llm.services.open_ai_adapter import OpenAILLMAdapter
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.openai.llm import OpenAILLMService

from services.addresses import VENDORS, Address, require_address
from services.one_answer import OneAnswerMind
from services.patience import Kind, PatientMind


class ChatMind(OneAnswerMind[OpenAILLMAdapter], PatientMind[OpenAILLMAdapter], OpenAILLMService):
    """A language model over chat completions: OpenAI, vLLM, llama.cpp, Ollama, a gateway."""

    def __init__(self, *, rng: random.Random, **kwargs):
        """Initialize the mind.

        Args:
            rng: Where waits before a repeated request are drawn from.
            **kwargs: As ``OpenAILLMService``.
        """
        super().__init__(**kwargs)
        self._rng = rng
        self._client = self._client.with_options(max_retries=0)

    async def get_chat_completions(self, context: LLMContext):
        """Ask for an answer, patiently."""
        ask = super().get_chat_completions
        return self.patiently(lambda: ask(context), kind=_kind, rng=self._rng)


class HouseMind(ChatMind):
    """An open model, such as Qwen3-VL or GLM-4.5V, whose server knows no developer role."""

    supports_developer_role = False


def _kind(chunk) -> Kind:
    delta = chunk.choices[0].delta if chunk.choices else None
    if not delta:
        return Kind.OPENING
    if delta.tool_calls:
        return Kind.TOOL
    if delta.content:
        return Kind.TEXT
    # Servers of reasoning models send their thoughts in a field OpenAI does not have.
    return Kind.THOUGHT if getattr(delta, "reasoning_content", None) else Kind.OPENING


def build(session, address: Address, **settings) -> ChatMind:
    """Cast a mind that speaks OpenAI's protocol."""
    mind = ChatMind if address.vendor in VENDORS else HouseMind
    service = mind(
        rng=session.random,
        api_key=address.key,
        base_url=address.http,
        settings=mind.Settings(**settings),
    )
    require_address(address.http, service._client.base_url, vendor=address.vendor)
    return service

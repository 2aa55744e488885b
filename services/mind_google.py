"""Gemini's mind."""

import random

from google.genai.types import HttpOptions
from pipecat.adapters.llm.services.gemini_adapter import GeminiLLMAdapter
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.google.llm import GoogleLLMService

from services.addresses import Address, require_address
from services.one_answer import OneAnswerMind
from services.patience import Kind, PatientMind


class GeminiMind(OneAnswerMind[GeminiLLMAdapter], PatientMind[GeminiLLMAdapter], GoogleLLMService):
    """A language model over the Gemini API."""

    def __init__(self, *, rng: random.Random, **kwargs):
        """Initialize the mind.

        Args:
            rng: Where waits before a repeated request are drawn from.
            **kwargs: As ``GoogleLLMService``.
        """
        super().__init__(**kwargs)
        self._rng = rng

    async def _stream_response(self, context: LLMContext):
        async for chunk in self.patiently(
            lambda: self._stream_content(context), kind=_kind, rng=self._rng
        ):
            yield chunk


def _kind(chunk) -> Kind:
    content = chunk.candidates[0].content if chunk.candidates else None
    parts = (content and content.parts) or []
    if any(part.function_call for part in parts):
        return Kind.TOOL
    if any(part.text and not part.thought for part in parts):
        return Kind.TEXT
    return Kind.THOUGHT if parts else Kind.OPENING


def build(session, address: Address, **settings) -> GeminiMind:
    """Cast a Gemini model."""
    service = GeminiMind(
        rng=session.random,
        api_key=address.key,
        http_options=HttpOptions(base_url=address.http),
        settings=GeminiMind.Settings(**settings),
    )
    assert service._client is not None
    base = service._client._api_client._http_options.base_url
    require_address(address.http, base, vendor="google")
    return service

"""Gemini Live: Google's realtime core, which hears, sees and speaks."""

from google.genai.types import HttpOptions
from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService

from services.addresses import Address, require_address


def build(session, address: Address, **settings) -> GeminiLiveLLMService:
    """Cast a Gemini Live model.

    The model's name goes out as ``models/<name>``, which is how this API spells it.
    """
    model = settings.pop("model")
    service = GeminiLiveLLMService(
        api_key=address.key,
        http_options=HttpOptions(base_url=address.http),
        settings=GeminiLiveLLMService.Settings(
            model=model if model.startswith("models/") else f"models/{model}", **settings
        ),
    )
    base = service._client._api_client._http_options.base_url
    require_address(address.http, base, vendor="google")
    return service

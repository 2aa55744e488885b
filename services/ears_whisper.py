"""Whisper-class ears: one transcript an utterance, from OpenAI or a server of one's own."""

from pipecat.services.openai.stt import OpenAISTTService

from services.addresses import Address, require_address


def build(session, address: Address, model: str, **settings) -> OpenAISTTService:
    """Cast a transcription endpoint that speaks OpenAI's ``/audio/transcriptions``.

    Each utterance that the VAD finds is sent whole, so there are no interim transcripts.

    Args:
        session: The session that will be heard.
        address: Where the endpoint is.
        model: Such as ``whisper-1``, ``gpt-4o-transcribe``, ``Systran/faster-whisper-large-v3``.
        **settings: Fields of ``OpenAISTTService.Settings``.
    """
    service = OpenAISTTService(
        api_key=address.key,
        base_url=address.http,
        settings=OpenAISTTService.Settings(model=model, **settings),
    )
    require_address(address.http, service._client.base_url, vendor="openai")
    return service

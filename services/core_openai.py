"""OpenAI's realtime core: one model that hears and speaks."""

from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

from services.addresses import Address, require_address


def build(session, address: Address, **settings) -> OpenAIRealtimeLLMService:
    """Cast a realtime model; the vendor's server takes the turns and writes down both sides."""
    heard = events.AudioInput(
        transcription=events.InputAudioTranscription(), turn_detection=events.TurnDetection()
    )
    properties = events.SessionProperties(audio=events.AudioConfiguration(input=heard))
    service = OpenAIRealtimeLLMService(
        api_key=address.key,
        base_url=f"{address.ws}/realtime",
        settings=OpenAIRealtimeLLMService.Settings(
            **{"session_properties": properties, **settings}
        ),
    )
    require_address(f"{address.ws}/realtime", service.base_url.split("?")[0], vendor="openai")
    return service

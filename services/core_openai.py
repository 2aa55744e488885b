"""OpenAI's realtime core: one model that hears and speaks."""

from pipecat.adapters.llm.services.open_ai_realtime_adapter import OpenAIRealtimeLLMAdapter
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

from services.addresses import Address, require_address
from services.own_voice import OwnVoice


class RealtimeCore(OwnVoice[OpenAIRealtimeLLMAdapter], OpenAIRealtimeLLMService):
    """GPT Realtime."""


def build(session, address: Address, **settings) -> RealtimeCore:
    """Cast a realtime model; the vendor's server takes the turns and writes down both sides."""
    heard = events.AudioInput(
        transcription=events.InputAudioTranscription(), turn_detection=events.TurnDetection()
    )
    properties = events.SessionProperties(audio=events.AudioConfiguration(input=heard))
    service = RealtimeCore(
        api_key=address.key,
        base_url=f"{address.ws}/realtime",
        settings=RealtimeCore.Settings(**{"session_properties": properties, **settings}),
    )
    require_address(f"{address.ws}/realtime", service.base_url.split("?")[0], vendor="openai")
    return service

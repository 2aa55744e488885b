"""OpenAI's realtime core: one model that hears and speaks."""

from pipecat.adapters.llm.services.open_ai_realtime_adapter import OpenAIRealtimeLLMAdapter
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

from services.addresses import Address, require_address
from services.own_voice import OwnVoice


class RealtimeCore(OwnVoice[OpenAIRealtimeLLMAdapter], OpenAIRealtimeLLMService):
    """GPT Realtime, which can be given its context and tools without being asked to speak."""

    _cut = ""

    async def _handle_interruption(self):
        # The house hears the caller before the vendor does, whose words meanwhile are on their way.
        if self._current_audio_response:
            self._cut = self._current_audio_response.item_id
        await super()._handle_interruption()

    async def _handle_evt_audio_delta(self, evt):
        if evt.item_id != self._cut:
            await super()._handle_evt_audio_delta(evt)

    async def _create_response(self):
        if self.greets or not self._api_session_ready or self._context is None:
            await super()._create_response()
            return
        self.greets, self._llm_needs_conversation_setup = True, False
        given = await self.get_llm_adapter().get_llm_invocation_params(self._context)
        for item in given["messages"]:
            await self.send_client_event(events.ConversationItemCreateEvent(item=item))
        await self._send_session_update()


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

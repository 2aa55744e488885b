"""OpenAI's realtime core: one model that hears, sees and speaks."""

import base64

from pipecat.adapters.llm.services.open_ai_realtime_adapter import OpenAIRealtimeLLMAdapter
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

from services.addresses import Address, require_address
from services.own_voice import OwnVoice

KEPT_PICTURES = 3
"""Older ones are taken out of the vendor's conversation, which keeps and charges everything."""


class RealtimeCore(OwnVoice[OpenAIRealtimeLLMAdapter], OpenAIRealtimeLLMService):
    """GPT Realtime, which can be given its context and tools without being asked to speak."""

    _cut = ""
    _pictures: tuple[str, ...] = ()

    async def _send_user_video(self, frame):
        # A JPEG is a picture of the sampler's, which has its own pace; Pipecat's is one a second.
        if frame.format != "JPEG":
            await super()._send_user_video(frame)
            return
        if self._video_input_paused or self._disconnecting or not self._websocket:
            return
        url = f"data:image/jpeg;base64,{base64.b64encode(frame.image).decode()}"
        content = events.ItemContent(
            type="input_image", image_url=url, detail=self._video_frame_detail
        )
        item = events.ConversationItem(type="message", role="user", content=[content])
        await self.send_client_event(events.ConversationItemCreateEvent(item=item))
        self._pictures += (item.id,)
        for old in self._pictures[:-KEPT_PICTURES]:
            await self.send_client_event(events.ConversationItemDeleteEvent(item_id=old))
        self._pictures = self._pictures[-KEPT_PICTURES:]

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

"""Gemini Live: Google's realtime core, which hears, sees and speaks."""

from typing import Any

from google.genai.types import Blob, HttpOptions
from pipecat.adapters.llm.services.gemini_live_adapter import GeminiLiveLLMAdapter
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService

from services.addresses import Address, require_address
from services.own_voice import OwnVoice


class GeminiCore(OwnVoice[GeminiLiveLLMAdapter], GeminiLiveLLMService):
    """Gemini Live, at any address: the vendor's SDK knows no unencrypted socket."""

    def __init__(self, *, address: Address, **kwargs):
        """Initialize the core.

        Args:
            address: Where it is.
            **kwargs: As ``GeminiLiveLLMService``.
        """
        self._address = address
        super().__init__(
            api_key=address.key, http_options=HttpOptions(base_url=address.http), **kwargs
        )

    async def _send_user_video(self, frame):
        # A JPEG is a picture of the sampler's, which has its own pace; Pipecat's is one a second.
        if frame.format != "JPEG":
            await super()._send_user_video(frame)
            return
        session = None if self._video_input_paused or self._disconnecting else self._session
        if not session or not self._ready_for_realtime_input:
            return
        try:
            picture = Blob(data=frame.image, mime_type="image/jpeg")
            await session.send_realtime_input(video=picture)
        except Exception as error:
            await self._handle_send_error(error)

    async def _handle_context(self, context, direction=FrameDirection.DOWNSTREAM):
        self._inference_on_context_initialization = self.greets
        await super()._handle_context(context, direction)

    def create_client(self):
        """Create the client; a plain address, such as the rehearsal's, is left plain."""
        super().create_client()
        base = self._client._api_client._http_options.base_url
        require_address(self._address.http, base, vendor="google")
        if self._address.ws.startswith("ws://"):
            client: Any = self._client._api_client
            client._websocket_base_url = lambda *_: self._address.ws
            client._websocket_ssl_ctx = {}


def build(session, address: Address, **settings) -> GeminiCore:
    """Cast a Gemini Live model.

    The model's name goes out as ``models/<name>``, which is how this API spells it.
    """
    model = settings.pop("model")
    return GeminiCore(
        address=address,
        settings=GeminiCore.Settings(
            model=model if model.startswith("models/") else f"models/{model}", **settings
        ),
    )

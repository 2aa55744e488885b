"""ElevenLabs' mouth."""

from pipecat.services.elevenlabs.tts import ElevenLabsTTSService

from services.addresses import Address, require_address
from services.spoken import SparedMouth


class ElevenLabsMouth(SparedMouth, ElevenLabsTTSService):
    """Text to speech by ElevenLabs."""


def build(session, address: Address, voice: str, **settings) -> ElevenLabsMouth:
    """Cast an ElevenLabs voice by its id.

    Silent answers are reported without ever writing the service off: a vendor's bad
    minute does not end the session's voice.
    """
    service = ElevenLabsMouth(
        api_key=address.key,
        url=address.ws,
        # Their zero-retention mode: what is said is not kept by the vendor.
        enable_logging=False if session.policy.redact else None,
        max_consecutive_zero_audio_contexts=0,
        settings=ElevenLabsMouth.Settings(voice=voice, **settings),
    )
    require_address(address.ws, service._url, vendor="elevenlabs")
    return service

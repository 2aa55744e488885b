"""ElevenLabs' mouth."""

from pipecat.services.elevenlabs.tts import ElevenLabsTTSService

from services.addresses import Address, require_address


def build(session, address: Address, voice: str, **settings) -> ElevenLabsTTSService:
    """Cast an ElevenLabs voice by its id.

    Silent answers are reported without ever writing the service off: a vendor's bad
    minute does not end the session's voice.
    """
    service = ElevenLabsTTSService(
        api_key=address.key,
        url=address.ws,
        # Their zero-retention mode: what is said is not kept by the vendor.
        enable_logging=False if session.policy.redact else None,
        max_consecutive_zero_audio_contexts=0,
        settings=ElevenLabsTTSService.Settings(voice=voice, **settings),
    )
    require_address(address.ws, service._url, vendor="elevenlabs")
    return service

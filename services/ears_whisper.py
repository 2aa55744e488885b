"""Whisper-class ears: one transcript an utterance, from OpenAI or a server of one's own."""

import asyncio
from collections.abc import AsyncGenerator

from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.openai.stt import OpenAISTTService

from services.addresses import Address, require_address
from services.spare import Duty

# A streaming vendor's final comes within 0.3 s of the last word (p95); ears that owe one for
# longer than this have failed the utterance.
OWED_SECS = 1.2


class UtteranceEars(OpenAISTTService):
    """Speech to text over OpenAI's ``/audio/transcriptions``, an utterance at a time.

    As a spare it keeps each utterance until the ears before it have understood it, and hears what
    they did not.
    """

    # Of the ears it is a spare for; what they say while they rest is dropped.
    duty: Duty | None = None
    _understood: asyncio.Event | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Follow what the ears before it have understood."""
        if self.duty:
            if isinstance(frame, VADUserStartedSpeakingFrame) or self._understood is None:
                self._understood = asyncio.Event()
            if isinstance(frame, (TranscriptionFrame, InterimTranscriptionFrame)):
                if self.duty.is_resting:
                    return
                if isinstance(frame, TranscriptionFrame) and frame.text.strip():
                    self._understood.set()
        await super().process_frame(frame, direction)

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Transcribe an utterance, unless it was understood without."""
        if self.duty and not await self._is_needed(self.duty):
            yield None
            return
        async for frame in super().run_stt(audio):
            yield frame

    async def _is_needed(self, duty: Duty) -> bool:
        if duty.is_resting or self._understood is None:
            return True
        try:
            await asyncio.wait_for(self._understood.wait(), OWED_SECS)
        except TimeoutError:
            duty.hand_over()
            return True
        return False


def build(session, address: Address, model: str, **settings) -> UtteranceEars:
    """Cast a transcription endpoint that speaks OpenAI's ``/audio/transcriptions``.

    Each utterance that the VAD finds is sent whole, so there are no interim transcripts.

    Args:
        session: The session that will be heard.
        address: Where the endpoint is.
        model: Such as ``whisper-1``, ``gpt-4o-transcribe``, ``Systran/faster-whisper-large-v3``.
        **settings: Fields of ``UtteranceEars.Settings``.
    """
    service = UtteranceEars(
        api_key=address.key,
        base_url=address.http,
        settings=UtteranceEars.Settings(model=model, **settings),
    )
    require_address(address.http, service._client.base_url, vendor="openai")
    return service

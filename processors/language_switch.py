"""Go on in the language that the caller speaks, where a bot allows it."""

from collections.abc import Mapping

from loguru import logger
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    LLMMessagesAppendFrame,
    STTUpdateSettingsFrame,
    TranscriptionFrame,
    TTSUpdateSettingsFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContextMessage
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.transcriptions.language import Language

# A word or two may be a name or a greeting; so many are a language.
SURE_WORDS = 3


class LanguageSwitch(FrameProcessor):
    """Switches ears, model and voice when a final transcript is in another language.

    Stands behind ears that detect languages, such as
    ``stt(session, "deepgram/nova-3", language="multi")``.

    Frame input/output::

        TranscriptionFrame (another language)
            -> EagerEndOfTurnCancelFrame, TTSUpdateSettingsFrame(its voice),
               LLMMessagesAppendFrame(a note), itself
            -> STTUpdateSettingsFrame upstream, if the ears are to follow
    """

    def __init__(
        self, voices: Mapping[str, str], *, first: str, ears_follow: bool = False, **kwargs
    ):
        """Initialize the switch.

        Args:
            voices: The voice of each language that is allowed, by its code, such as
                ``{"en": "<voice-id>", "de": "<voice-id>"}``.
            first: The language the call begins in.
            ears_follow: Whether the ears listen for that language alone from then on. Not for
                ears that are to notice when it changes back.
            **kwargs: Additional arguments passed to the parent FrameProcessor.
        """
        super().__init__(**kwargs)
        self._voices = voices
        self._ears_follow = ears_follow
        self.language = first

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Switch before the words that gave it away are answered."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame) and frame.language:
            code = str(frame.language).partition("-")[0].lower()
            sure = len(frame.text.split()) >= SURE_WORDS
            if code != self.language and code in self._voices and sure:
                await self._switch(code)
        await self.push_frame(frame, direction)

    async def _switch(self, code: str) -> None:
        logger.info(f"The caller speaks {code} now")
        self.language = code
        language = Language(code)
        # An answer that was begun early was begun in the other language.
        await self.push_frame(EagerEndOfTurnCancelFrame())
        voice = TTSSettings(language=language, voice=self._voices[code])
        await self.push_frame(TTSUpdateSettingsFrame(delta=voice))
        note: LLMContextMessage = {
            "role": "developer",
            "content": f"(The caller now speaks the language {code!r}. Answer in it from here on.)",
        }
        await self.push_frame(LLMMessagesAppendFrame([note], run_llm=False))
        if self._ears_follow:
            await self.push_frame(
                STTUpdateSettingsFrame(delta=STTSettings(language=language)),
                FrameDirection.UPSTREAM,
            )

"""Keep identifiers from the language model."""

import asyncio

from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import (
    Frame,
    InputDTMFFrame,
    LLMMessagesAppendFrame,
    LLMMessagesUpdateFrame,
    TranscriptionFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.utils.time import time_now_iso8601

from sessions import Session
from sessions.ears_guard import redacted
from sessions.guards import redacted_messages

# Pipecat's own keypad aggregator waits as long for the next key, and ends with the same one.
KEYPAD_SECS = 2.0
LAST_KEY = KeypadEntry.POUND
# A choice from a menu names nobody.
MENU_KEYS = 2
# What keyed digits are by their number, when the bot's question does not say.
BY_LENGTH = {9: "SSN", 10: "PHONE", 11: "PHONE"}


class PHIRedactor(FrameProcessor):
    """Replaces identifiers in what the caller says, types and keys in with surrogates.

    Stands between the ears and the user aggregator. Transcripts come redacted from the ears
    already, where observers see them first; they pass here again because other processors may
    have made some. Typed text enters the context here, and so becomes clean in storage too. Keys
    are collected until a pause or ``#``, and reach the model as one surrogate.

    Frame input/output::

        LLMMessagesAppendFrame("my name is Jordan") -> LLMMessagesAppendFrame("my name is [NAME_1]")
        TranscriptionFrame("my name is Jordan")     -> TranscriptionFrame("my name is [NAME_1]")
        InputDTMFFrame(5), InputDTMFFrame(5), ...   -> TranscriptionFrame("Keyed in: [PHONE_1]")
    """

    def __init__(self, session: Session, **kwargs):
        """Initialize the redactor.

        Args:
            session: Its policy must redact; its surrogates are used.
            **kwargs: Additional arguments passed to the parent FrameProcessor.

        Raises:
            ValueError: If the session's policy does not redact.
        """
        super().__init__(**kwargs)
        if session.phi is None:
            raise ValueError(
                f"Policy {session.policy.name} does not redact, so there is nothing for "
                "PHIRedactor to do. Take it out of the list, or open the session under HIPAA."
            )
        self._phi = session.phi
        self._ledger = session.ledger
        self._heard = session.gate.heard
        self._keys = ""
        self._timer: asyncio.Task | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Redact text on its way to the context; pass everything else through."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputDTMFFrame):
            await self._keyed(frame)
            return
        if isinstance(frame, TranscriptionFrame):
            text = self._phi.redact(frame.text).text
            if text != frame.text:  # a new frame is news to observers; the same words are not
                frame = redacted(frame, text)
        elif isinstance(frame, (LLMMessagesAppendFrame, LLMMessagesUpdateFrame)):
            clean = redacted_messages(frame.messages, self._phi)
            frame = type(frame)(messages=clean, run_llm=frame.run_llm)
        await self.push_frame(frame, direction)

    async def cleanup(self):
        """Forget keys that nobody will read."""
        await super().cleanup()
        await self._stop_timer()

    async def _keyed(self, frame: InputDTMFFrame):
        await self._stop_timer()
        if not self._keys:
            await self.broadcast_interruption()
        if frame.button != LAST_KEY:
            self._keys += str(frame.button.value)
            self._timer = self.create_task(self._pause())
        elif self._keys:
            await self._release()

    async def _pause(self):
        await asyncio.sleep(KEYPAD_SECS)
        self._timer = None
        await self._release()

    async def _release(self):
        keys, self._keys = self._keys, ""
        text = f"Keyed in: {keys}"
        if len(keys) > MENU_KEYS:
            asked = self._phi.redact(keys).spans  # read in the light of what the bot asked
            label = asked[0].label if asked else BY_LENGTH.get(len(keys), "ID")
            text = f"Keyed in: {self._phi.vault.put(keys, label)}"
            self._ledger.redacted("keypad", "", text)
        self._heard(text)
        await self.push_frame(
            TranscriptionFrame(text, user_id="", timestamp=time_now_iso8601(), finalized=True)
        )

    async def _stop_timer(self):
        if self._timer:
            timer, self._timer = self._timer, None
            await self.cancel_task(timer)

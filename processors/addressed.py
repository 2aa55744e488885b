"""Speak in company only when spoken to."""

import re
from dataclasses import dataclass

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InterimTranscriptionFrame,
    LLMMessagesAppendFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.meeting.tracks import SegmentFrame
from sessions.transcript import LINE


@dataclass(frozen=True)
class Address:
    """How one speaks to the bot. A name in passing ("I asked Vivace yesterday") is no address.

    Parameters:
        names: What it answers to, at the beginning of a sentence; lower case.
        before: Words that may stand before its name there.
        requests: Words a sentence begins with that may end with its name.
        follow_up_secs: So long after its answer, whoever it answered need not say the name.
        yields_to_words: So many words of anybody over its voice, and it is silent.
    """

    names: tuple[str, ...] = ("vivace",)
    before: frozenset[str] = frozenset("hey hi hello ok okay so and well thanks please".split())
    requests: frozenset[str] = frozenset(
        "what when where who why how which can could would will do does did is are please".split()
    )
    follow_up_secs: float = 6.0
    yields_to_words: int = 3

    def fits(self, text: str) -> bool:
        """Whether a sentence is spoken to the bot."""
        sentences = re.split(r"[.!?]+\s*", text.lower())
        return any(self._fits(re.findall(r"[\w']+", sentence)) for sentence in sentences)

    def _fits(self, words: list[str]) -> bool:
        while words and words[0] in self.before:
            words = words[1:]
        for name in (name.split() for name in self.names):
            if words[: len(name)] == name:
                return True
            if words[-len(name) :] == name and words[0] in self.requests:
                return True
        return False


class Addressed(FrameProcessor):
    """Lets the model follow everything that is said, and answer what is said to it.

    Frame input/output::

        SegmentFrame               -> itself, LLMMessagesAppendFrame("Ana: ...", run_llm=addressed)
        InterimTranscriptionFrame  -> nothing; over the bot's voice, an interruption
    """

    def __init__(self, session, address: Address = Address(), **kwargs):
        """Initialize the processor.

        Args:
            session: The session that is held.
            address: How the bot is spoken to.
            **kwargs: Additional arguments passed to the parent FrameProcessor.
        """
        super().__init__(**kwargs)
        self._session = session
        self._address = address
        self._partner = ""
        self._speaking = False
        self._spoke_at = float("-inf")

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Follow, and yield to whoever speaks."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InterimTranscriptionFrame):
            long = len(frame.text.split()) >= self._address.yields_to_words
            if self._speaking and long and self._session.disclosed:
                self._speaking = False
                await self.broadcast_interruption()
            return
        if isinstance(frame, BotStartedSpeakingFrame):
            self._speaking = True
        elif isinstance(frame, BotStoppedSpeakingFrame):
            self._speaking, self._spoke_at = False, self._session.clock.now()
        await self.push_frame(frame, direction)
        if isinstance(frame, SegmentFrame):
            await self._follow(frame)

    async def _follow(self, frame: SegmentFrame) -> None:
        segment = frame.segment
        since = segment.start_ms / 1000 - self._spoke_at
        follows = (
            segment.participant == self._partner
            and segment.track != LINE  # there it may be anybody
            and 0 <= since < self._address.follow_up_secs
        )
        addressed = self._session.disclosed and (self._address.fits(segment.text) or follows)
        if addressed:
            self._partner = segment.participant
            self._session.recording.event("meeting.addressed", segment=segment.id)
        text = f"{segment.who}: {segment.text}"
        await self.push_frame(
            LLMMessagesAppendFrame([{"role": "user", "content": text}], run_llm=addressed)
        )

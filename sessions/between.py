"""Between the caller, the bot and the people on the line: who hears whom, and what the bot tells whom."""

import asyncio
from dataclasses import replace
from typing import Any

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InputImageRawFrame,
    OutputAudioRawFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_transport import BaseTransport

from sessions.leg import Blend, Leg

# Marks what the bot says while a person has the call, with whom it is for.
MARK, CALLER, PERSON = "vivace.transfer", "caller", "person"
BRIEF_SECS = 20.0
DOWN = FrameDirection.DOWNSTREAM


class Between:
    """Stands at the caller's door and at the bot's voice.

    While :attr:`away`, the bot gets silence instead of the caller, no pictures and no keys, and what
    it says goes nowhere, but for what is marked with whom it is for.
    """

    def __init__(self):
        """Begin with nobody but caller and bot."""
        self.away = False
        self.legs: list[Leg] = []
        self.talker: Leg | None = None
        self.told = asyncio.Event()
        self._to_caller: Blend | None = None
        self._for: dict[str, str] = {}  # whom the contexts of a voice are for
        self._output: Any = None
        self._tasks: set[asyncio.Task] = set()

    def adopt(self, mouth: TTSService) -> None:
        """Let a voice speak to a person alone, and not at all while one has the call."""
        push, process, create = mouth.push_frame, mouth.process_frame, mouth.create_context_id
        whom = ""

        async def processed(frame: Frame, direction: FrameDirection):
            nonlocal whom
            if isinstance(frame, TTSSpeakFrame):
                whom = frame.metadata.get(MARK, "")
            await process(frame, direction)

        def created() -> str:
            nonlocal whom
            context_id = create()
            if whom:
                self._for[context_id], whom = whom, ""
            return context_id

        async def pushed(frame: Frame, direction: FrameDirection = DOWN):
            whom = self._for.get(getattr(frame, "context_id", None) or "")
            if whom == PERSON:
                await self._to_person(mouth, frame)
            elif whom or not (self.away and isinstance(frame, (TTSAudioRawFrame, TTSTextFrame))):
                await push(frame, direction)

        mouth.process_frame = processed  # type: ignore[method-assign]
        mouth.create_context_id = created  # type: ignore[method-assign]
        mouth.push_frame = pushed  # type: ignore[method-assign]

    def attach(self, transport: BaseTransport) -> None:
        """Stand at the caller's door from now on."""
        source: Any = transport.input()
        self._output = output = transport.output()
        push, write = source.push_frame, output.write_audio_frame  # type: ignore[attr-defined]

        async def pushed(frame: Frame, direction: FrameDirection = DOWN):
            if isinstance(frame, InputAudioRawFrame):
                for leg in self.legs:
                    if leg is not self.talker or self._to_caller:
                        who = getattr(frame, "user_id", "") or "caller"
                        await leg.hear(who, frame.audio, frame.sample_rate)
                if self.away:
                    frame = replace(frame, audio=bytes(len(frame.audio)))
            elif self.away and isinstance(frame, (InputDTMFFrame, InputImageRawFrame)):
                return
            await push(frame, direction)

        async def written(frame: OutputAudioRawFrame) -> bool:
            for leg in self.legs:
                if leg is not self.talker:
                    await leg.hear("bot", frame.audio, frame.sample_rate)
            return await write(frame)

        source.push_frame = pushed
        output.write_audio_frame = written  # type: ignore[attr-defined]

    @property
    def rate(self) -> int:
        """Samples a second of what is played to the caller."""
        return self._output.sample_rate

    async def play(self, sound: bytes) -> None:
        """Play 16-bit mono to the caller, past the bot's voice and the tape."""
        await self._output.write_audio_frame(OutputAudioRawFrame(sound, self.rate, 1))

    async def tell(self, mouth: TTSService, words: str, *, whom: str) -> None:
        """Say something while a person has the call; nothing cuts it.

        Args:
            mouth: One that was adopted.
            words: What is said.
            whom: ``PERSON``: to the talker alone, and :attr:`told` is set when they have heard it.
                ``CALLER``: as the bot speaks else.
        """
        speech = TTSSpeakFrame(words, append_to_context=False)
        speech.metadata[MARK] = whom
        speech.interruptible = False
        await mouth.queue_frame(speech)

    async def person_says(self, leg: Leg, sound: bytes, rate: int) -> None:
        """Let the caller hear a person, if it is the one who has the call."""
        if self._to_caller and leg is self.talker:
            await self._to_caller.hear("person", sound, rate)

    async def together(self) -> None:
        """Let talker and caller hear each other until it is cancelled."""
        self._to_caller = Blend(rate=self.rate)
        try:
            await self._to_caller.play(self.play)
        finally:
            self._to_caller = None

    async def _to_person(self, mouth: Any, frame: Frame) -> None:
        if isinstance(frame, TTSAudioRawFrame):
            if self.talker and not self.told.is_set():
                sound, rate = frame.audio, frame.sample_rate
                await self.talker.hear("brief", sound, rate, patient=True)
        elif isinstance(frame, TTSStoppedFrame):
            await mouth._finish_tts_context(frame)
            task = asyncio.create_task(self._when_heard())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _when_heard(self) -> None:
        if self.talker:
            await self.talker.told("brief", within=BRIEF_SECS)
        self.told.set()

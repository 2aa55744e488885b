"""Read what the caller shares."""

import asyncio

from loguru import logger
from pipecat.frames.frames import Frame, StartFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.frame_sampler import AGED_NS, MAX_AGE, FrameSampler
from sessions import Session
from sessions.evidence import Evidence
from sessions.vision.eye import Sample
from sessions.vision.ocr import CURE, ScreenText, available, prepare, read_raw
from sessions.vision.pool import reading_pool


class ScreenReader(FrameProcessor):
    """Shows models the text of the shared screen, beside its picture and with its age.

    Reads each picture that the sampler takes of a screen, where it differs from the one before;
    under a policy that redacts, it tells what image privacy has read, with surrogates. What it
    reads is evidence like any other: data, never an instruction. The tape keeps it, and a replay
    reads nothing. Stands anywhere in the pipeline.

    Frame input/output::

        everything -> as it is

    Event handlers available:

    - on_read(reader, participant, at_ns, text): what stands on whose screen; the same, at the same
      time, in a replay
    """

    def __init__(self, session: Session, *, eyes: FrameSampler, **kwargs):
        """Initialize the reader.

        Args:
            session: Whose screen it is.
            eyes: Who looks at it.
            **kwargs: Additional arguments passed to the parent FrameProcessor.
        """
        super().__init__(**kwargs)
        self._session, self._clock = session, session.clock
        self._register_event_handler("on_read", sync=True)
        self._told: dict[str, Evidence] = {}
        self._waiting: dict[str, Sample] = {}
        self._reading: set[str] = set()
        self._screens: dict[str, ScreenText] = {}
        self._heeding: dict[str, asyncio.Event] = {}
        session.evidence.add(self._now_read, freshen=self._freshen)
        session.recording.retold["screen.read"] = self._tell
        # Under a policy that redacts, image privacy reads; in a replay, the tape tells.
        replayed = session.recording.replayed
        self._reads = available() and not replayed and not session.policy.redact
        if not available() and not replayed:
            logger.warning(f"Screens are not read in this session. {CURE}")
        if not replayed:
            eyes.add_event_handler("on_sampled", self._on_sampled)

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Pass everything through."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame) and self._reads:
            self.create_task(reading_pool().run(prepare))

    async def _on_sampled(self, _eyes: FrameSampler, sample: Sample) -> None:
        source = sample.evidence.source
        if not source.startswith("screen"):
            return
        if sample.memory and sample.memory.screen:
            if phi := self._session.phi:
                await self._note(sample, sample.memory.text(phi.vault.put))
        elif sample.raw and self._reads:
            self._waiting[source] = sample
            if source not in self._reading:
                self._reading.add(source)
                self.create_task(self._read(source), f"{self.name}::{source}")

    async def _read(self, source: str) -> None:
        """Read the newest picture until there is none; at most half of the time."""
        try:
            while sample := self._waiting.pop(source, None):
                assert sample.raw
                began_ns, at_ns = self._clock.now_ns(), sample.evidence.at_ns
                try:
                    before = self._screens.pop(source, None)
                    screen = await reading_pool().run(read_raw, *sample.raw, before, at_ns)
                except Exception as error:
                    logger.error(f"The {source} could not be read: {type(error).__name__}")
                    await self._note(sample, "")
                else:
                    self._screens[source] = screen
                    await self._note(sample, screen.text)
                await asyncio.sleep((self._clock.now_ns() - began_ns) / 1e9)
        finally:
            self._reading.discard(source)

    async def _note(self, sample: Sample, text: str) -> None:
        seen = sample.evidence
        read = {"id": seen.id, "source": seen.source, "at_ns": seen.at_ns, "text": text}
        await self._tell(**read, participant=sample.participant)

    async def _tell(
        self, *, id: str, source: str, at_ns: int, text: str, participant: str = ""
    ) -> None:
        """What stands on a screen, as the picture of this id shows it; nothing if ``text`` is."""
        read = {"id": id, "source": source, "at_ns": at_ns, "text": text}
        self._session.recording.event("screen.read", **read, participant=participant)
        self._told[source] = Evidence(
            f"{id}-text", f"{source} text", at_ns, text=text, max_age=MAX_AGE
        )
        if heeding := self._heeding.pop(source, None):
            heeding.set()
        await self._call_event_handler("on_read", participant, at_ns, text)

    def _now_read(self, _now_ns: int) -> list[Evidence]:
        return [told for told in self._told.values() if told.text]

    async def _freshen(self, now_ns: int) -> None:
        """Wait for the text of the picture that is now taken of a screen, once if none comes."""
        aged = [s for s, told in self._told.items() if told.text and now_ns - told.at_ns > AGED_NS]
        waits = [
            self._heeding.setdefault(s, asyncio.Event()) for s in aged if s not in self._heeding
        ]
        await asyncio.gather(*(wait.wait() for wait in waits))

"""Hear each participant with ears of their own, so that no two identities can mix."""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pipecat.frames.frames import (
    CancelFrame,
    DataFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    MetricsFrame,
    StartFrame,
    TranscriptionFrame,
)
from pipecat.pipeline.pipeline import Pipeline, PipelineSink, PipelineSource
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor, FrameProcessorSetup
from pipecat.services.stt_service import STTService

from processors.meeting.voices import Floor, Voice
from sessions.attendance import mute_at_door, watch_attendance
from sessions.policy import PolicyError
from sessions.transcript import LINE, Segment, Transcript

ENDPOINTING_MS = 300
"""Each track is cut by its own ears: a voice detector over several would mix them."""

NEWCOMERS_SECS = 1.0
"""Those who come in together are told together."""

LAST_WORDS_SECS = 3.0
"""Words of somebody who left may still be on their way so long."""

GONE_SILENT_MS = 1000
"""Who has not been loud for so long is not speaking any more, whatever their track does."""

SHOWN_LETTERS = 1000
"""Of a screen's new words, so many go into the transcript."""

MOST = 16
"""Tracks that are heard at once; each is a connection to the vendor."""


@dataclass
class SegmentFrame(DataFrame):
    """Something that one participant has said.

    Parameters:
        segment: What, whose and when.
    """

    segment: Segment


class Tracks(FrameProcessor):
    """Hears every participant with ears of their own, and says whose words they are.

    A track whose sound names nobody (one browser, one phone) may hold several people: its words
    carry the vendor's speaker labels if it gives any, and never a name.

    Frame input/output::

        UserAudioRawFrame, InputAudioRawFrame   -> the ears of that participant, and no further
        TranscriptionFrame (of those ears)      -> SegmentFrame, one for each speaker label
        InterimTranscriptionFrame               -> itself, with the participant as user_id
    """

    def __init__(self, session, ears: Callable[[], STTService], **kwargs):
        """Initialize the tracks, and cast the first ears.

        Args:
            session: The session that is heard.
            ears: Casts ears; called once for each participant, when they are first heard.
            **kwargs: Additional arguments passed to the parent FrameProcessor.

        Raises:
            PolicyError: When the policy redacts: ears that are cast in a running call are not
                behind all of its guards.
        """
        super().__init__(**kwargs)
        if session.policy.redact:
            raise PolicyError(
                f"Policy {session.policy.name} redacts, and a meeting casts ears while it runs. "
                "Use a policy that does not redact, such as EU."
            )
        session.recording.own_tracks()
        watch_attendance(session.transport, joined=self.join, left=self.leave)
        self.transcript = Transcript(session.recording.event)
        self.floor = Floor()
        self.muted: set[str] = set()
        self._session = session
        self._cast = ears
        self._spare: STTService | None = ears()  # so that the cast is known before the call
        self._voices: dict[str, Voice] = {}
        self._branches: dict[str, Pipeline] = {}
        self._early: dict[str, list[Frame]] = {}  # what is said while the ears are being opened
        self._setup: FrameProcessorSetup | None = None
        self._started: StartFrame | None = None
        self._telling = False
        self._speaking = ""
        self._on_screen: dict[str, set[str]] = {}

    async def setup(self, setup: FrameProcessorSetup):
        """Keep what the ears of those who come later are set up with."""
        await super().setup(setup)
        self._setup = setup

    async def cleanup(self):
        """Clean up all ears."""
        await super().cleanup()
        for branch in self._branches.values():
            await branch.cleanup()

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Hand sound to whom it belongs, and the start and end of the call to everybody."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            await self._hear(frame)
            return
        if isinstance(frame, StartFrame):
            self._started = frame
        elif isinstance(frame, (EndFrame, CancelFrame)):
            for branch in self._branches.values():
                await branch.queue_frame(frame)
        await self.push_frame(frame, direction)

    def join(self, participant: str, name: str | None) -> None:
        """Note that somebody has come in at the door; who comes late is told what the others were."""
        self._note(participant, name)
        if participant == LINE or self._telling or not self._session.opening.begun:
            return
        self._telling = True
        if self._session.disclosed:
            self._tell_soon()
        else:  # they have missed its beginning
            self._session.on_disclosed(self._tell_soon)

    def _note(self, participant: str, name: str | None) -> None:
        self.transcript.join(participant, name, at_ms=self._now_ms())
        self._show_attendance()

    def _tell_soon(self) -> None:
        self.create_task(self._tell(), f"{self}::newcomers")

    def _show_attendance(self) -> None:
        self._session.client.notify_soon(
            "attendance",
            people=[
                {"participant": one.participant, "name": one.name}
                for one in self.transcript.attendees.values()
                if one.left_ms is None
            ],
        )

    def _show_speaker(self) -> None:
        who = self.floor.holder or ""
        voice = self._voices.get(who)
        # Sound that stops coming, of a line that is cut, has no silence that ends it.
        lately = voice and voice.speaking and self._now_ms() - voice.last_ms < GONE_SILENT_MS
        speaking = who if lately else ""
        if speaking != self._speaking:
            self._speaking = speaking
            self._session.client.notify_soon(
                "speaking", participant=speaking, name=self.name_of(speaking)
            )

    async def _tell(self) -> None:
        await asyncio.sleep(NEWCOMERS_SECS)
        self._telling = False
        await self._session.say(self._session.disclosure)

    def leave(self, participant: str) -> None:
        """Note that somebody has left; their ears go with them, once they have told the rest."""
        self.transcript.leave(participant, at_ms=self._now_ms())
        self._show_attendance()
        if participant in self._branches:
            self.create_task(self._close(participant), f"{self}::gone")

    async def _close(self, who: str) -> None:
        await asyncio.sleep(LAST_WORDS_SECS)
        attendee = self.transcript.attendees.get(who)
        branch = self._branches.get(who)
        if branch and attendee and attendee.left_ms is not None:
            del self._branches[who], self._voices[who]
            await branch.cleanup()

    async def show(self, _reader, participant: str, at_ns: int, text: str) -> None:
        """Note what has come to stand on a participant's screen since it was last read.

        Args:
            _reader: Who has read it: this handles ``on_read`` of a ScreenReader.
            participant: Whose screen it is.
            at_ns: When the picture came that shows it, on the session's clock.
            text: What stands there, line by line. Nothing in it is an instruction.
        """
        who, lines = participant or LINE, [line for line in text.splitlines() if line.strip()]
        before = self._on_screen.get(who, set())
        new = re.sub(r"[\[\]]", "", " / ".join(line for line in lines if line not in before))
        self._on_screen[who] = set(lines)
        if new and who not in self.muted:
            at_ms = at_ns // 1_000_000
            self.transcript.add(who, new[:SHOWN_LETTERS], start_ms=at_ms, end_ms=at_ms, shown=True)

    def name_of(self, participant: str) -> str | None:
        """The name of a participant, if the door has told one."""
        attendee = self.transcript.attendees.get(participant)
        return attendee and attendee.name

    async def mute(self, participant: str) -> None:
        """Hear somebody no more; where the door can, nobody else does either."""
        self.muted.add(participant)
        everywhere = await mute_at_door(self._session.transport, participant)
        self._session.recording.event(
            "meeting.muted", participant=participant, for_everybody=everywhere
        )

    async def _hear(self, frame: InputAudioRawFrame) -> None:
        who = getattr(frame, "user_id", "") or LINE
        if who in self.muted or not self._started:
            return
        voice = self._voices.get(who)
        if voice is None:
            if len(self._voices) >= MOST:
                return
            voice = self._voices[who] = Voice()
            self._note(who, None)
            self._early[who] = []
            self.create_task(self._open(who), f"{self}::ears")
        voice.hear(frame.audio, now_ms=self._now_ms(), sample_rate=frame.sample_rate)
        if self.floor.update(self._voices):
            self._session.recording.event("meeting.floor", participant=self.floor.holder)
        self._show_speaker()
        if who in self._early:
            self._early[who].append(frame)
        elif who in self._branches:
            await self._branches[who].queue_frame(frame)

    async def _open(self, who: str) -> None:
        assert self._setup and self._started
        ears, self._spare = self._spare or self._cast(), None

        async def up(frame: Frame, direction: FrameDirection):
            if isinstance(frame, ErrorFrame):
                await self.push_frame(frame, direction)

        async def down(frame: Frame, direction: FrameDirection):
            await self._heard(who, frame)

        branch = Pipeline([ears], source=PipelineSource(up), sink=PipelineSink(down))
        await branch.setup(self._setup)
        self._branches[who] = branch
        await branch.queue_frame(self._started)
        while self._early[who]:
            await branch.queue_frame(self._early[who].pop(0))
        del self._early[who]

    async def _heard(self, who: str, frame: Frame) -> None:
        if who not in self._voices:
            return
        if isinstance(frame, InterimTranscriptionFrame):
            frame.user_id = who
            await self.push_frame(frame)
        elif isinstance(frame, TranscriptionFrame):
            start, end = self._voices[who].take(self._now_ms())
            language = str(frame.language or "").partition("-")[0].lower()
            for label, text in by_speaker(frame) if who == LINE else [("", frame.text)]:
                participant = f"{who}/{label}" if label else who
                segment = self.transcript.add(
                    participant, text, start_ms=start, end_ms=end, language=language
                )
                await self.push_frame(SegmentFrame(segment))
        elif isinstance(frame, MetricsFrame):
            await self.push_frame(frame)

    def _now_ms(self) -> int:
        return self._session.clock.now_ns() // 1_000_000


def by_speaker(frame: TranscriptionFrame) -> Iterator[tuple[str, str]]:
    """Split a transcript where the vendor hears another speaker (Deepgram's ``diarize``).

    Yields:
        A label, ``"1"`` for the first voice and empty where the vendor names none, and the text.
    """
    words: list[Any] = []
    if frame.result is not None:
        words = list(frame.result.channel.alternatives[0].words or [])
    labels: list[Any] = [getattr(word, "speaker", None) for word in words]
    if not words or None in labels:
        yield "", frame.text
        return
    run: list[str] = []
    for i, word in enumerate(words):
        run.append(getattr(word, "punctuated_word", None) or word.word)
        if i + 1 == len(words) or labels[i + 1] != labels[i]:
            yield str(int(labels[i]) + 1), " ".join(run)
            run = []

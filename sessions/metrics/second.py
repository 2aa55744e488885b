"""A second recogniser on a sample of turns: word errors counted instead of estimated."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from loguru import logger
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    TranscriptionFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.observers.base_observer import FramePushed
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_input import BaseInputTransport

from sessions.watching import Watcher

if TYPE_CHECKING:
    from sessions.session import Session

BEFORE_SECS, LONGEST_SECS = 0.6, 30.0

Transcribe = Callable[[bytes, int], Awaitable[str]]
"""Given int16 mono sound and its rate: what was said in it."""


class SecondRecogniser(Watcher):
    """Lets another recogniser hear every so-many-th turn, and counts where the session's differ.

    A bot that wants it appends one to ``session.observers``, before it runs.
    """

    streams = (InputAudioRawFrame,)

    def __init__(
        self, session: "Session", transcribe: Transcribe, *, vendor: str, share: float = 0.1
    ):
        """Initialize the second recogniser.

        Args:
            session: Whose turns are sampled.
            transcribe: Asks it. What it returns is compared, and kept nowhere.
            vendor: Who runs it; the caller's voice goes there.
            share: Of the turns, 0 to 1.

        Raises:
            PolicyError: The session's policy does not allow the vendor.
        """
        session.policy.require_vendor(vendor)
        super().__init__()
        self._session, self._transcribe, self._share = session, transcribe, share
        self._sound: deque[InputAudioRawFrame] = deque()
        self._words: list[str] = []
        self._secs = 0.0
        self._keep = BEFORE_SECS
        session.ears_heard.append(self._heard)

    def _heard(self, frame: Frame) -> None:
        if isinstance(frame, TranscriptionFrame):
            self._words.append(frame.text)

    async def on_push_frame(self, data: FramePushed):
        """Gather the sound of a turn."""
        frame = data.frame
        if isinstance(frame, InputAudioRawFrame):
            if isinstance(data.source, BaseInputTransport):
                self._take(frame)
        elif frame.broadcast_sibling_id is not None and data.direction != FrameDirection.DOWNSTREAM:
            return
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            self._keep = LONGEST_SECS
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._keep = max(self._secs, BEFORE_SECS)
        elif isinstance(frame, UserStoppedSpeakingFrame):
            self._turn_is_over()

    def _take(self, frame: InputAudioRawFrame) -> None:
        self._sound.append(frame)
        self._secs += _secs(frame)
        while self._secs > self._keep:
            self._secs -= _secs(self._sound.popleft())

    def _turn_is_over(self) -> None:
        frames, heard = [*self._sound], " ".join(self._words)
        self._words, self._keep = [], BEFORE_SECS
        if frames and heard and self._session.random.random() < self._share:
            pcm = b"".join(frame.audio for frame in frames)
            self._session.client.soon(self._compare(heard, pcm, frames[0].sample_rate))

    async def _compare(self, heard: str, pcm: bytes, rate: int) -> None:
        try:
            said = await self._transcribe(pcm, rate)
        except Exception as error:
            logger.warning(f"The second recogniser failed: {type(error).__name__}")
            return
        self._session.meter.second_opinion(heard, said)


def _secs(frame: InputAudioRawFrame) -> float:
    return len(frame.audio) / (2 * frame.num_channels * frame.sample_rate)

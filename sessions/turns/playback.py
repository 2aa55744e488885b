"""What the bot is saying, as something that can be held and goes on where it was held."""

import asyncio
from collections.abc import Callable

from loguru import logger
from pipecat.audio.filters.base_audio_filter import BaseAudioFilter
from pipecat.clocks.base_clock import BaseClock
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EndFrame,
    FilterControlFrame,
    Frame,
    InterruptionFrame,
)
from pipecat.processors.frame_processor import FrameProcessor

from sessions.clock import Clock

# Nothing may hold the bot's voice for longer, whatever happened to who held it.
LONGEST_HOLD_SECS = 1.0

# What had left for the caller when the voice was held, and a page that mutes at once never
# played: the depth of a browser's jitter buffer on a quiet line (70 to 110 ms measured).
REWIND_SECS = 0.08


class Playback(BaseAudioFilter):
    """Holds the bot's voice without losing any of it.

    It is the output transport's audio filter: while :attr:`held`, the chunk about to be written
    waits in :meth:`filter` and everything queues up behind it. :meth:`resume` lets it go on from
    the very sample, after a short rewind; an interruption drops it together with the queue. The
    words that Pipecat times by the output's clock are held with the sound, so that the context
    keeps what was heard.
    """

    def __init__(self, clock: Clock, *, rewind_secs: float = REWIND_SECS):
        """Initialize the playback. It does nothing before :meth:`attach`.

        Args:
            clock: The session's.
            rewind_secs: How much of what was already sent is said again after a hold.
        """
        self._clock = clock
        self.attached = False
        self.speaking = False
        self.listeners: list[Callable[[bytes, int, float], None]] = []
        self.holds = 0
        self.on_hold: Callable[[bool], None] | None = None
        self._rewind_secs = rewind_secs
        self._rate = 0
        self._recent = bytearray()
        self._gate: asyncio.Event | None = None
        self._held_at_ns = 0
        self._late_ns = 0
        self._drop = False
        self._timer: asyncio.TimerHandle | None = None

    def attach(self, output: FrameProcessor) -> None:
        """Stand in an output transport's way to the caller. Call it before the pipeline runs.

        Args:
            output: A transport's output. One that is not Pipecat's own base keeps its voice to
                itself: nothing is ever held there.
        """
        params = getattr(output, "_params", None)
        if params is None or getattr(params, "audio_out_filter", self) is not None:
            logger.debug(f"{output} has no place for a filter: its voice is cut, never held")
            return
        params.audio_out_filter = self
        base = output.get_clock
        output.get_clock = lambda: _LateClock(base(), self)  # type: ignore[method-assign]
        output.add_event_handler("on_before_push_frame", self._on_push)
        output.add_event_handler("on_after_process_frame", self._on_processed)
        output.add_event_handler("on_before_process_frame", self._on_process)
        self.attached = True

    @property
    def held(self) -> bool:
        """Whether the voice is held right now."""
        return self._gate is not None

    def late_ns(self) -> int:
        """Nanoseconds that what is being said now is behind its plan."""
        now = self._clock.now_ns() - self._held_at_ns if self.held else 0
        return self._late_ns + now

    def hold(self) -> bool:
        """Fall silent after the chunk being played.

        Returns:
            Whether there was a voice to hold.
        """
        if not (self.attached and self.speaking) or self.held:
            return False
        self.holds += 1
        self._gate = asyncio.Event()
        self._held_at_ns = self._clock.now_ns()
        self._drop = False
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(LONGEST_HOLD_SECS, self.resume)
        if self.on_hold:
            self.on_hold(True)
        return True

    def resume(self) -> None:
        """Go on where the voice was held."""
        self._release(drop=False)

    def _release(self, *, drop: bool) -> None:
        if self._gate is None:
            return
        self._late_ns = self.late_ns() + (0 if drop else int(self._rewind_secs * 1e9))
        gate, self._gate = self._gate, None
        self._drop = drop
        if self._timer:
            self._timer.cancel()
            self._timer = None
        gate.set()
        if self.on_hold:
            self.on_hold(False)

    async def start(self, sample_rate: int):
        """Learn the rate of what is played.

        Args:
            sample_rate: Samples per second, 16-bit mono.
        """
        self._rate = sample_rate

    async def stop(self):
        """Let go."""
        self._release(drop=True)

    async def process_frame(self, frame: FilterControlFrame):
        """Nothing to control."""

    async def filter(self, audio: bytes) -> bytes:
        """Pass a chunk on, once the voice is not held.

        Args:
            audio: 16-bit mono.

        Returns:
            The chunk, after a rewind if it waited; nothing if it was dropped.
        """
        if gate := self._gate:
            await gate.wait()
            if self._drop:
                return b""
            whole = int(self._rewind_secs * 100) * (self._rate // 100) * 2
            rewind = bytes(self._recent[-whole:]) if whole else b""
            self._remember(rewind)
            self._remember(audio)
            return rewind + audio
        self._remember(audio)
        return audio

    def _remember(self, audio: bytes) -> None:
        at = self._clock.now()
        for listener in self.listeners:
            listener(audio, self._rate, at)
        self._recent += audio
        del self._recent[: -int(self._rate * self._rewind_secs) * 2 - 2]

    def _on_push(self, _output, frame: Frame):
        if isinstance(frame, BotStartedSpeakingFrame):
            self.speaking = True
        elif isinstance(frame, BotStoppedSpeakingFrame):
            self.speaking = False
            self._recent.clear()
            if not self.held:
                self._late_ns = 0

    def _on_processed(self, _output, frame: Frame):
        if isinstance(frame, InterruptionFrame):
            # The output goes on speaking when what it says may not be interrupted.
            self._release(drop=not self.speaking)
            if not self.speaking:
                self._late_ns = 0

    def _on_process(self, _output, frame: Frame):
        if isinstance(frame, (EndFrame, CancelFrame)):
            self.resume()


class _LateClock(BaseClock):
    """The output's clock, late by as much as the voice is."""

    def __init__(self, base: BaseClock, playback: Playback):
        self._base, self._playback = base, playback

    def get_time(self) -> int:
        return self._base.get_time() - self._playback.late_ns()

    def start(self):
        self._base.start()

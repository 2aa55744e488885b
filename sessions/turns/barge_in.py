"""Barge-in: silence at the first sound, then yield to the caller or go on."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from loguru import logger
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_start import BaseUserTurnStartStrategy

from sessions.turns.gist import GistFrame
from sessions.turns.hearing import Hearing, Window
from sessions.turns.playback import Playback
from sessions.turns.verdict import FAR_DB, Sound, Verdict, judge, takes_the_turn

# One window as sure as this, or two that are speech, silence the bot.
SURE = 0.7

# The bot's own voice counts as audible for so long after it was heard.
ECHOING_WINDOWS = 16

# A first syllable grows: it may be this much below the level that counts as near.
GROWING_DB = 7.0

# Silence that separates one sound from the next.
APART_SECS = 0.4

# A sound that was let pass and goes on as loud speech for so long is the caller after all.
INSISTS_WINDOWS = 14

# Somebody far away who has spoken for 3 s means the bot: the caller may have stepped back.
FAR_INSISTS_WINDOWS = 94

# No more of one sound is looked at: a room may babble for minutes.
LONGEST_WINDOWS = 256

# A short answer given while the bot's last word still sounds is an answer, no backchannel.
ANSWER_SECS = 1.0

# A transcript is of a sound no older than this.
TRANSCRIBED_SECS = 2.0


@dataclass
class Decision:
    """One sound over the bot's voice, for figures and logs.

    Parameters:
        at: When the voice was held, seconds on the session's clock.
        verdict: What was decided.
        sound: What was known by then.
        late: Whether it overturned an earlier ``RESUME`` of the same sound.
    """

    at: float
    verdict: Verdict
    sound: Sound
    late: bool = False


@dataclass
class _Passing:
    """A sound over the bot's voice, from its first window to the silence after it."""

    since: float
    windows: list[Window] = field(default_factory=list)
    finals: list[TranscriptionFrame] = field(default_factory=list)
    interim: str = ""
    verdict: Verdict | None = None
    since_verdict: int = 0
    ended_at: float | None = None

    @property
    def words(self) -> str:
        return " ".join([*(frame.text for frame in self.finals), self.interim]).strip()


class BargeInUserTurnStartStrategy(BaseUserTurnStartStrategy):
    """Starts the caller's turn at once while the bot is silent, and with judgement while it speaks.

    At the first sound over the bot's voice, the voice is held. Within 0.4 s it is dropped, and the
    caller has the turn; or it goes on where it was held: that was a backchannel, a cough, a
    door, somebody else, or the bot's own voice.

    Transcripts of what was let pass are kept out of the context.
    """

    def __init__(
        self,
        hearing: Hearing,
        playback: Playback,
        *,
        proposed: bool = False,
        realtime: bool = False,
        **kwargs,
    ):
        """Initialize the strategy.

        Args:
            hearing: The session's voice detector.
            playback: The bot's voice.
            proposed: Whether ears or a core propose when a turn begins: while the bot is silent,
                no voice begins one without them.
            realtime: Whether a core hears the caller itself: what it takes for a turn is one, and
                transcripts, which it makes afterwards, begin none and are never kept out.
            **kwargs: Passed on to Pipecat's base.
        """
        super().__init__(**kwargs)
        self.decisions: deque[Decision] = deque(maxlen=256)
        self._hearing, self._playback = hearing, playback
        self._now = hearing.clock.now
        self._proposed, self._realtime = proposed, realtime
        self._speaking = False
        self._bot = False
        self._turn = False
        self._held_at: float | None = None
        self._passing: _Passing | None = None
        self._let_pass: deque[tuple[float, TranscriptionFrame]] = deque(maxlen=8)
        hearing.listener = self._hear
        playback.listeners.append(hearing.played)

    @property
    def resolves_proposed_turn_start_frames(self) -> bool:
        """It decides about what ears that hear turns propose, too."""
        return True

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Follow who is speaking, and read what was said.

        Args:
            frame: Any frame the user aggregator sees.

        Returns:
            ``STOP`` if the caller's turn has started with it.
        """
        if isinstance(frame, BotStartedSpeakingFrame):
            self._bot = True
        elif isinstance(frame, BotStoppedSpeakingFrame):
            self._bot = False
            return await self._after_the_bot()
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            self._speaking = True
            if not self._bot and not self._proposed:
                return await self._start()
        elif isinstance(frame, ProposedUserStartedSpeakingFrame):
            if self._realtime or not self._bot:
                return await self._start()
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._speaking = False
        elif isinstance(frame, (TranscriptionFrame, InterimTranscriptionFrame)):
            if frame.text.strip() and not self._realtime:
                return await self._read(frame)
        elif isinstance(frame, GistFrame) and self._passing:
            return await self._read(frame)
        return ProcessFrameResult.CONTINUE

    async def handle_user_turn_started(self):
        """A turn has started, for whatever reason: nothing is let pass any more."""
        self._turn = True
        self._passing = self._held_at = None
        self._let_pass.clear()

    async def handle_user_turn_stopped(self):
        """The turn is over: from here on the bot may be talked over again."""
        self._turn = False

    async def _hear(self, windows: list[Window]) -> None:
        for window in windows:
            if self._bot and not self._turn:
                await self._follow(window)
            elif self._speaking and not self._bot:
                self._hearing.caller.learn(window)

    async def _follow(self, window: Window) -> None:
        passing = self._passing
        if passing is None:
            if self._is_onset(window):
                await self._hold(window)
            return
        passing.windows.append(window)
        del passing.windows[:-LONGEST_WINDOWS]
        if window.voiced:
            passing.ended_at = None
        elif passing.ended_at is None:
            passing.ended_at = window.at
        if passing.verdict is None:
            await self._decide(passing)
        elif passing.verdict is Verdict.RESUME:
            await self._watch(passing, window)

    def _is_onset(self, window: Window) -> bool:
        caller = self._hearing.caller.loudness
        before = self._hearing.windows
        earlier = before[-2] if len(before) > 1 else None
        if any(w.echo for w in list(before)[-ECHOING_WINDOWS:]):
            # The bot can be heard: one window that does not sound like it may still be it.
            return len(before) > 2 and all(w.voiced for w in list(before)[-3:])
        if caller is not None and window.level_db < caller.level_db - FAR_DB - GROWING_DB:
            return False
        return window.confidence >= SURE or bool(
            window.voiced and earlier and earlier.voiced and window.at - earlier.at < 0.1
        )

    async def _hold(self, window: Window) -> None:
        if not self._playback.hold():
            if self._playback.attached:
                return  # between two sentences: there is nothing to silence, and no voice to judge
        self._held_at = self._now()
        self._passing = _Passing(self._held_at, [window])

    async def _decide(self, passing: _Passing) -> None:
        if self._held_at is None:
            return
        sound = self._sound(passing)
        verdict = judge(sound)
        if verdict is None:
            return
        self._note(verdict, sound)
        if verdict is Verdict.YIELD:
            await self._start()
        else:
            passing.verdict = verdict
            if sound.near:
                self._keep(*passing.finals)
            self._playback.resume()
            if not self._realtime:
                await self.trigger_reset_aggregation()

    async def _watch(self, passing: _Passing, window: Window) -> None:
        passing.since_verdict += window.voiced
        sound = self._sound(passing)
        if passing.since_verdict >= INSISTS_WINDOWS and sound.near and not sound.hummed:
            await self._yield_late(passing)
        elif passing.ended_at is not None and window.at - passing.ended_at > APART_SECS:
            self._passing = None

    async def _yield_late(self, passing: _Passing) -> ProcessFrameResult:
        self._note(Verdict.YIELD, self._sound(passing), late=True)
        words = [frame for at, frame in self._let_pass if at >= passing.since]
        started = await self._start()
        for frame in words:
            # They were taken back when the sound was let pass.
            await self.push_frame(frame)
        return started

    async def _read(self, frame: TranscriptionFrame | InterimTranscriptionFrame | GistFrame):
        passing = self._passing
        if self._turn:
            return ProcessFrameResult.CONTINUE
        if passing is None and not self._bot:
            return await self._start()
        if passing is None:
            # A transcript of something let pass, later than the silence after it; or of the bot.
            since = self._now() - TRANSCRIBED_SECS
            lately = [w for w in self._hearing.windows if w.at > since]
            if any(w.echo for w in lately):
                return await self._drop(frame)
            final = isinstance(frame, TranscriptionFrame)
            if takes_the_turn(frame.text, final=final) and self._is_near(lately):
                return await self._start()
            return await self._drop(frame)
        final = frame if isinstance(frame, TranscriptionFrame) else None
        if final:
            passing.finals.append(final)
            passing.interim = ""
        else:
            passing.interim = frame.text
        if passing.verdict is None:
            await self._decide(passing)
            return ProcessFrameResult.CONTINUE
        sound = self._sound(passing)
        insists = sound.voiced_windows >= FAR_INSISTS_WINDOWS
        if takes_the_turn(passing.words, final=bool(final)) and (sound.near or insists):
            return await self._yield_late(passing)
        if final and sound.near:
            self._keep(final)
        return await self._drop(frame)

    def _keep(self, *frames: TranscriptionFrame) -> None:
        """Remember words that were let pass, in case they turn out to be for the bot."""
        self._let_pass.extend((self._now(), frame) for frame in frames)

    async def _drop(self, frame: TranscriptionFrame | InterimTranscriptionFrame | GistFrame):
        if isinstance(frame, TranscriptionFrame):
            await self.trigger_reset_aggregation()
        return ProcessFrameResult.CONTINUE

    async def _after_the_bot(self) -> ProcessFrameResult:
        """The bot has finished: what overlapped its last word was an answer."""
        passing, self._passing = self._passing, None
        self._held_at = None
        self._playback.resume()
        if self._turn:
            return ProcessFrameResult.CONTINUE
        if self._speaking and passing and self._is_near(passing.windows):
            return await self._start()
        since = self._now() - ANSWER_SECS
        answers = [frame for at, frame in self._let_pass if at > since]
        self._let_pass.clear()
        for frame in answers:
            await self.push_frame(frame)
        return ProcessFrameResult.CONTINUE

    def _is_near(self, windows: Sequence[Window]) -> bool:
        return Sound(0, windows, caller=self._hearing.caller.loudness).near

    async def _start(self) -> ProcessFrameResult:
        await self.trigger_user_turn_started()
        return ProcessFrameResult.STOP

    def _sound(self, passing: _Passing) -> Sound:
        held = self._now() - self._held_at if self._held_at is not None else 0.0
        return Sound(held, passing.windows, passing.words, self._hearing.caller.loudness)

    def _note(self, verdict: Verdict, sound: Sound, *, late: bool = False) -> None:
        at = self._now() - sound.held_secs
        self.decisions.append(
            Decision(at, verdict, replace(sound, windows=list(sound.windows)), late)
        )
        logger.debug(
            f"{self}: {verdict.value}{' late' if late else ''} after {sound.held_secs:.3f} s"
        )

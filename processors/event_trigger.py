"""Open a turn when something happens."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from loguru import logger
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    LLMContextAssistantTurnFrame,
    LLMMessagesAppendFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.frame_sampler import FrameSampler
from processors.watches import ORDER, Happening, Motion, Present, Threshold, Watch
from sessions import Session
from sessions.evidence import Evidence
from sessions.readings import Reading
from sessions.vision.detect import Box, Foreground, bounds, detected, mask_of, stands_in
from sessions.vision.eye import Sample
from sessions.vision.pool import vision_pool

# News older than this when it could be told is told no more; what is critical always is.
STALE_SECS = 15.0
MOST_WAITING = 8
# An answer that is owed and has not begun by then is given up.
ANSWER_SECS = 8.0
# Milliseconds on, off, on.
SHAKES = (200, 100, 200)


@dataclass(eq=False)
class _State:
    on: bool = False
    told_ns: int | None = None
    busy: bool = False
    zone: np.ndarray | None = field(default=None, repr=False)


class EventTrigger(FrameProcessor):
    """Lets the bot speak up by itself when something is seen or measured.

    Tells the model what has happened and has it answer, with the evidence of that moment before
    it. Never during the disclosure or while the caller speaks; over the bot's own voice only what
    is critical. Each watch has a cool-down, and must be over before it counts again. Stands before
    the user aggregator.

    Frame input/output::

        (a picture, a reading)   -> LLMMessagesAppendFrame(a note, run_llm=True)
        everything else          -> as it is

    Event handlers available:

    - on_event(trigger, happening): a :class:`Happening`, at once, whether it can be told yet or
      not. The place for an alert.
    """

    def __init__(
        self,
        session: Session,
        watches: Sequence[Watch],
        *,
        eyes: FrameSampler | None = None,
        speaks: bool = True,
        **kwargs,
    ):
        """Initialize the trigger.

        Args:
            session: Whose readings are watched.
            watches: What to watch for.
            eyes: Whose pictures are watched; needed for :class:`Motion` and :class:`Present`.
            speaks: Whether an event opens a turn, besides being told to the handlers.
            **kwargs: Additional arguments passed to the parent FrameProcessor.

        Raises:
            ValueError: A watch has a zone that is none, a threshold without a bound, or no eyes.
        """
        super().__init__(**kwargs)
        self._session, self._clock, self._speaks = session, session.clock, speaks
        self._states = {watch: _State() for watch in watches}
        for watch, state in self._states.items():
            if isinstance(watch, (Motion, Present)):
                state.zone = mask_of(watch.zone)
                if eyes is None:
                    raise ValueError(f"{watch.name!r} is to be seen: give the trigger its eyes.")
            elif isinstance(watch, Threshold) and watch.above is None and watch.below is None:
                raise ValueError(f"{watch.name!r} has no bound: say above what, or below.")
        self._scenes: dict[str, Foreground] = {}
        self._waiting: list[Happening] = []
        self._caller_speaks = self._bot_speaks = False
        self._owed: asyncio.Task | None = None
        self._register_event_handler("on_event")
        if eyes:
            eyes.add_event_handler("on_sampled", self._on_sampled)
        session.readings.watchers.append(self._on_reading)
        session.on_disclosed(lambda: self._waiting and self.create_task(self._tell()))

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Follow who speaks, to tell what waits when nobody does."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        match frame:
            case VADUserStartedSpeakingFrame() | UserStartedSpeakingFrame():
                self._caller_speaks = True
            case VADUserStoppedSpeakingFrame():
                self._caller_speaks = False
            case UserStoppedSpeakingFrame():
                self._caller_speaks = False
                await self._owe()
            case BotStartedSpeakingFrame():
                self._bot_speaks = True
            case LLMContextAssistantTurnFrame():  # and not a word of excuse
                await self._owe(False)
            case BotStoppedSpeakingFrame():
                self._bot_speaks = False
            case _:
                return
        await self._tell()

    async def cleanup(self):
        """Wait for no answer any more."""
        await super().cleanup()
        await self._owe(False)

    async def _on_sampled(self, _eyes, sample: Sample) -> None:
        picture = sample.evidence
        scene = self._scenes.setdefault(picture.source, Foreground())
        news = scene.of(sample.gray, picture.at_ns)
        for watch, state in self._states.items():
            if isinstance(watch, Motion) and watch.source == picture.source and news is not None:
                share = float(news[state.zone].mean())
                over = share < watch.share / 2
                region = bounds(news & state.zone)
                await self._judge(watch, share >= watch.share, over, picture.at_ns, picture, region)
            elif isinstance(watch, Present) and watch.source == picture.source and picture.image:
                if not state.busy:  # a detector that is slower than the eyes skips pictures
                    state.busy = True
                    self.create_task(self._look(watch, state, picture))

    async def _look(self, watch: Present, state: _State, picture: Evidence) -> None:
        try:
            boxes = await vision_pool().run(detected, picture.image, watch.detector)
        except Exception as error:
            logger.error(f"The detector of {watch.name!r} failed: {type(error).__name__}")
            return
        finally:
            state.busy = False
        assert state.zone is not None
        found = [box for box in boxes if stands_in(state.zone, box)]
        enough = len(found) >= watch.at_least
        region = found[0] if found else None
        await self._judge(watch, enough, not enough, picture.at_ns, picture, region)

    def _on_reading(self, reading: Reading) -> None:
        for watch in self._states:
            if isinstance(watch, Threshold) and watch.reading == reading.name:
                if type(reading.value) in (int, float):
                    self.create_task(self._measure(watch, float(reading.value), reading))

    async def _measure(self, watch: Threshold, value: float, reading: Reading) -> None:
        high = watch.above is not None and value > watch.above
        low = watch.below is not None and value < watch.below
        over = (watch.above is None or value <= watch.above - watch.slack) and (
            watch.below is None or value >= watch.below + watch.slack
        )
        words = reading.words(self._clock.now_ns())
        await self._judge(watch, high or low, over, reading.at_ns, words=words)

    async def _judge(
        self,
        watch: Watch,
        happens: bool,
        over: bool,
        at_ns: int,
        picture: Evidence | None = None,
        region: Box | None = None,
        words: str = "",
    ) -> None:
        state = self._states[watch]
        if over:
            state.on = False
        if not happens or state.on:
            return
        if state.told_ns is not None and at_ns - state.told_ns < watch.cooldown * 1e9:
            return
        state.on, state.told_ns = True, at_ns
        text = f"{watch.name}{words and ': ' + words}"
        happening = Happening(watch, text, at_ns, picture, region)
        self._session.recording.event("happening", what=watch.name, severity=watch.severity)
        await self._call_event_handler("on_event", happening)
        if self._speaks:
            self._waiting = [*self._waiting, happening][-MOST_WAITING:]
            await self._tell()

    async def _tell(self) -> None:
        """Tell what waits, if it can be told now."""
        if not self._waiting or not self._session.disclosed or self._caller_speaks:
            return
        critical = any(h.watch.severity == "critical" for h in self._waiting)
        if self._owed or (self._bot_speaks and not critical):
            return
        now_ns = self._clock.now_ns()
        news = [
            happening
            for happening in self._waiting
            if happening.watch.severity == "critical"
            or now_ns - happening.at_ns <= STALE_SECS * 1e9
        ]
        self._waiting = []
        if not news:
            return
        news.sort(key=lambda happening: -ORDER.index(happening.watch.severity))
        told = "; ".join(
            f"{h.watch.severity}, {(now_ns - h.at_ns) / 1e9:.1f} s ago: {h.text}" for h in news
        )
        if self._bot_speaks:
            await self.broadcast_interruption()
        await self._owe()
        self._cue(news[0])
        note = (
            f"(This has just happened: {told}. Nobody asked. Say in one sentence what it is, from "
            "what you are shown now, and what to do.)"
        )
        frame = LLMMessagesAppendFrame([{"role": "developer", "content": note}], run_llm=True)
        await self.push_frame(frame)

    def _cue(self, happening: Happening) -> None:
        """Have the page frame what is spoken of, and the phone shake if it is critical."""
        if not happening.region or not happening.evidence:
            return
        x0, y0, x1, y1 = happening.region
        self._session.client.notify_soon(
            "cue",
            source=happening.evidence.source,
            region={"x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0},
            vibrate=SHAKES if happening.watch.severity == "critical" else None,
            text=happening.watch.name,
        )

    async def _owe(self, owes: bool = True) -> None:
        """Note that the bot owes an answer, or that it has begun one."""
        if self._owed:
            await self.cancel_task(self._owed)
        self._owed = self.create_task(self._give_up()) if owes else None

    async def _give_up(self) -> None:
        await asyncio.sleep(ANSWER_SECS)
        self._owed = None
        await self._tell()

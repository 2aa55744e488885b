"""Keep a meeting civil while it runs: rules as data, a classifier if there is one, four actions."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from loguru import logger
from pipecat.frames.frames import Frame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.meeting.tracks import SegmentFrame, Tracks
from sessions.transcript import LINE, Segment

Action = Literal["note", "warn", "mute", "escalate"]
SEVERITY: tuple[Action, ...] = ("note", "warn", "mute", "escalate")


@dataclass(frozen=True)
class Rule:
    """What is not to be said here, and what follows from it.

    Parameters:
        name: In a few words; it is told to the room, what was said is not.
        action: ``note`` puts it on the tape, ``warn`` says :attr:`say` aloud, ``mute`` lets the
            person be heard no more, ``escalate`` calls a person.
        pattern: Regular expression, any case; empty for a rule that only a classifier applies.
        after: From the so-manyth time on that the same person broke it.
        say: The warning, spoken.
    """

    name: str
    action: Action
    pattern: str = ""
    after: int = 1
    say: str = "Please let us stay polite."


Classifier = Callable[[Segment], Awaitable[str | None]]
"""Given a segment: the name of the rule it breaks, or None. It may take its time."""

HOUSE_RULES = (
    Rule("insult", "note", r"\b(idiot|stupid|shut up|moron)\b"),
    Rule("insult", "warn", r"\b(idiot|stupid|shut up|moron)\b"),
    Rule("insult", "mute", r"\b(idiot|stupid|shut up|moron)\b", after=3),
    Rule("threat", "escalate", r"\bi (will|am going to) (hurt|hit|kill) (you|him|her|them)\b"),
)


class Moderation(FrameProcessor):
    """Holds what is said against the rules, and does the severest thing they ask for.

    A rule that comes true for one person never touches another: it is counted by track. On a
    track that several people share nobody is muted, as that would silence the others.

    Frame input/output::

        SegmentFrame  -> itself; the consequences are on the tape, at the client and in the room
    """

    def __init__(
        self,
        session,
        tracks: Tracks,
        rules: tuple[Rule, ...] = HOUSE_RULES,
        *,
        classify: Classifier | None = None,
        escalate: Callable[[Segment, Rule], Awaitable[None]] | None = None,
        **kwargs,
    ):
        """Initialize the moderation.

        Args:
            session: The session it keeps.
            tracks: Who can be muted.
            rules: What is not to be said.
            classify: Finds what no pattern does; asked beside the call, never in its way.
            escalate: Calls a person.
            **kwargs: Additional arguments passed to the parent FrameProcessor.
        """
        super().__init__(**kwargs)
        self._session, self._tracks, self._rules = session, tracks, rules
        self._classify, self._escalate = classify, escalate
        self._broken: Counter[tuple[str, str]] = Counter()

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        """Look at a segment, and let it pass."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, SegmentFrame):
            segment = frame.segment
            names = {
                rule.name
                for rule in self._rules
                if rule.pattern and re.search(rule.pattern, segment.text, re.IGNORECASE)
            }
            for name in sorted(names):
                self.create_task(self._apply(segment, name), f"{self}::{name}")
            if self._classify and not names:
                self.create_task(self._ask(segment), f"{self}::classify")

    async def _ask(self, segment: Segment) -> None:
        assert self._classify
        try:
            name = await self._classify(segment)
        except Exception as error:  # somebody else's code
            logger.warning(f"The meeting's classifier failed: {type(error).__name__}")
            return
        if name:
            await self._apply(segment, name)

    async def _apply(self, segment: Segment, name: str) -> None:
        self._broken[segment.participant, name] += 1
        times = self._broken[segment.participant, name]
        due = [rule for rule in self._rules if rule.name == name and times >= rule.after]
        if not due:
            return
        rule = max(due, key=lambda rule: SEVERITY.index(rule.action))
        action = rule.action
        if action == "mute" and segment.track == LINE:
            action = "warn"
        self._session.recording.event(
            "meeting.moderation", segment=segment.id, rule=name, action=action, times=times
        )
        await self._session.notify(
            "moderation", rule=name, action=action, participant=segment.participant
        )
        if action == "warn":
            await self._session.say(rule.say)
        elif action == "mute":
            await self._tracks.mute(segment.track)
        elif action == "escalate" and self._escalate:
            await self._escalate(segment, rule)

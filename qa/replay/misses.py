"""What the code under replay asked and the tape has no answer for."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class OnMiss(StrEnum):
    """What to do when the tape has no answer.

    Parameters:
        FAIL: End the replay and say what differs.
        RECORDED: Answer with what was answered at that point of the tape.
        LIVE: Ask the real other end.
    """

    FAIL = "fail"
    RECORDED = "recorded"
    LIVE = "live"


@dataclass(frozen=True)
class Miss:
    """A question the tape has no answer for.

    Parameters:
        turn: The caller's turn it was asked in; 0 is before the first.
        at: Session-clock seconds.
        stage: Whom it was asked: stt, llm, tts, speech, tools or a host.
        what: What differs from what the tape has, in words.
    """

    turn: int
    at: float
    stage: str
    what: str

    def __str__(self):
        return f"turn {self.turn} ({self.at:.1f} s), {self.stage}: {self.what}"


class Misses:
    """Collects misses and decides what follows.

    Attributes:
        found: The misses so far.
    """

    def __init__(self, policy: OnMiss, *, now: Callable[[], tuple[int, float]]):
        """Initialize.

        Args:
            policy: What to do.
            now: The present turn and session-clock seconds.
        """
        self.policy = policy
        self.found: list[Miss] = []
        self.stop: Callable[[], None] = lambda: None
        self._now = now

    @property
    def turn(self) -> int:
        """The present turn."""
        return self._now()[0]

    def note(self, stage: str, what: str) -> OnMiss:
        """Note a miss; the answer is what to do about it. FAIL has ended the replay."""
        turn, at = self._now()
        self.found.append(Miss(turn, round(at, 3), stage, what))
        if self.policy is OnMiss.FAIL:
            self.stop()
        return self.policy

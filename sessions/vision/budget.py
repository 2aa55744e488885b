"""What pictures may cost: so many a minute, so much money a session."""

from dataclasses import dataclass, field

BURST = 0.2
"""Share of a minute's pictures that may come at once; the rest flows evenly."""
RESERVE = 0.25
"""Share of the burst that routine pictures leave for those that are asked for or tell news."""
PICTURE_DOLLARS = 0.0024
"""A 1024 x 576 picture to a model at 3 dollars a million tokens (width x height / 750 tokens)."""


@dataclass
class Budget:
    """Never exceeded, in any minute.

    Parameters:
        per_minute: Pictures of all sources together.
        dollars: What the pictures shown to models may cost in the session; None is no limit.
        picture_dollars: What one costs each time it is shown.
        spent: Dollars spent so far.
    """

    per_minute: int = 200
    dollars: float | None = None
    picture_dollars: float = PICTURE_DOLLARS
    spent: float = 0.0
    _left: float = field(init=False, repr=False)
    _at_ns: int = field(default=0, init=False, repr=False)

    def __post_init__(self):
        if self.per_minute < 5:
            raise ValueError(
                f"A budget of {self.per_minute} pictures a minute cannot show anything in time. "
                "Allow at least 5, or leave the eyes out of the pipeline."
            )
        self._left = self._burst

    @property
    def affordable(self) -> int | None:
        """Pictures that may still be shown; None is no limit."""
        if self.dollars is None:
            return None
        return max(0, int((self.dollars - self.spent) / self.picture_dollars + 1e-9))

    def take(self, at_ns: int, *, routine: bool = False) -> bool:
        """Whether one more picture may be made now; if so it counts.

        Args:
            at_ns: The session's clock.
            routine: It is only due.
        """
        elapsed = max(0, at_ns - self._at_ns)
        self._at_ns = max(at_ns, self._at_ns)
        flow = self.per_minute - self._burst
        self._left = min(self._burst, self._left + flow * elapsed / 60e9)
        if self._left < (1 + RESERVE * self._burst if routine else 1) or self.affordable == 0:
            return False
        self._left -= 1
        return True

    def save(self) -> None:
        """Make a quarter of the pictures from now on."""
        self.per_minute = max(5, self.per_minute // 4)
        self._left = min(self._left, self._burst)

    def shown(self) -> None:
        """A picture was shown to a model."""
        self.spent += self.picture_dollars

    @property
    def _burst(self) -> float:
        return max(1.0, BURST * self.per_minute)

"""How old a frame already is when it arrives: a burst after a stall brings old frames first."""

LEAK_NS_PER_S = 500_000
"""A sender's clock that is slow by up to 0.5 ms a second does not make its frames look old."""

RESET_NS, STEADY_NS = 5_000_000_000, 500_000_000
"""A lateness that neither shrinks nor ends while frames come steadily for so long is a sender's clock
that was set anew. A stall ends in a burst."""


class Stamps:
    """Stamps the frames of one source on the session's clock.

    The quickest frame there was is taken as not late at all; every other is as late as it is
    later than that, by its sender's own time.

    Attributes:
        mended_ns: By how much frames came to look later as quicker ones followed: what was stamped
            when this was less is older by the difference. A call may begin with a burst.
    """

    def __init__(self):
        """Begin with no frame."""
        self.mended_ns = 0
        self._quickest_ns: int | None = None
        self._seen_ns = 0
        self._least_late_ns = 0
        self._late_since_ns: int | None = None

    def of(self, arrived_ns: int, sent_ns: int | None) -> int:
        """When a frame would have arrived had it not been held up.

        Args:
            arrived_ns: The session's clock now.
            sent_ns: The sender's time of the frame, on any scale; None where it has none.
        """
        if sent_ns is None:
            return arrived_ns
        took = arrived_ns - sent_ns
        if self._quickest_ns is None:
            self._quickest_ns = took
        elif took < self._quickest_ns:
            self.mended_ns += self._quickest_ns - took
            self._quickest_ns = took
        else:
            leak = (arrived_ns - self._seen_ns) * LEAK_NS_PER_S // 10**9
            self._quickest_ns = min(took, self._quickest_ns + leak)
        if arrived_ns - self._seen_ns > STEADY_NS:
            self._late_since_ns = None
        self._seen_ns = arrived_ns
        late = took - self._quickest_ns
        if late < RESET_NS // 10 or late < self._least_late_ns * 9 // 10:
            self._late_since_ns, self._least_late_ns = None, late
        elif self._late_since_ns is None:
            self._late_since_ns, self._least_late_ns = arrived_ns, late
        elif arrived_ns - self._late_since_ns > RESET_NS:
            self._quickest_ns, self._late_since_ns, late = took, None, 0
        return arrived_ns - late

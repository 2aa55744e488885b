"""Whether a connection is tried again, and how long to wait before."""

import random

from pipecat.utils.errors import ErrorCategory, extract_http_status_code


class Backoff:
    """Waits that double, with jitter, up to a bound in length and number.

    With the defaults: 0.25, 0.5, 1, 2, 4, 8, 8 and 8 s on average, half a minute in all.

    Args:
        rng: Where the jitter comes from; the session's, so that a replay draws the same.
        first_secs: The first wait, before jitter.
        longest_secs: The longest wait, before jitter.
        most: How many waits there are before giving up.
    """

    def __init__(
        self,
        rng: random.Random,
        *,
        first_secs: float = 0.25,
        longest_secs: float = 8.0,
        most: int = 8,
    ):
        self._rng = rng
        self._first = first_secs
        self._longest = longest_secs
        self._most = most
        self.attempts = 0

    @property
    def exhausted(self) -> bool:
        """Whether every wait has been used up."""
        return self.attempts >= self._most

    def next_secs(self) -> float:
        """The next wait in seconds, 20 % up or down at random."""
        wait = min(self._first * 2**self.attempts, self._longest)
        self.attempts += 1
        return wait * self._rng.uniform(0.8, 1.2)

    def reset(self) -> None:
        """Forget earlier failures, after a connection has held."""
        self.attempts = 0


def passing_refusal(exception: Exception) -> ErrorCategory | None:
    """How to class a refused handshake that may be granted a moment later.

    Pipecat takes most of 4xx as final. Of these only 401 and 403, where the vendor knows
    the key and does not want it, cannot pass by themselves.

    Returns:
        A category that is worth another attempt, or None where Pipecat's own holds.
    """
    status = extract_http_status_code(exception)
    if status is not None and 400 <= status < 500 and status not in (401, 403):
        return ErrorCategory.RATE_LIMIT
    return None

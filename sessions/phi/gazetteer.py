"""Places of the word lists that begin at a word."""

from sessions.phi import vocabulary as v
from sessions.phi.lexicon import HEAD, STATE, city, lexicon
from sessions.phi.tokens import Words

STATE_CODES = v.words(
    "al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd "
    "oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy dc"
)


def place_at(words: Words, i: int) -> tuple[int, int]:
    """Longest known place at word ``i``: ``(index after it, tier)``; ``(i, 0)`` when none."""
    n, look = len(words), lexicon()
    longest = (
        min(look.longest_place, n - i, 4)
        if words.flags[i : i + 1] and words.flags[i] & HEAD
        else min(1, n - i)
    )
    for size in range(longest, 0, -1):
        tier = (
            city(words.flags[i])
            if size == 1
            else city(look.flags(" ".join(words.bare[i : i + size])))
        )
        if tier and not any(words.breaks(k) for k in range(i, i + size - 1)):
            return i + size, tier
    return i, 0


def state_at(words: Words, i: int) -> int:
    """Index after a state or country at ``i``; ``i`` when none."""
    n, look = len(words), lexicon()
    if i >= n:
        return i
    for size in (3, 2, 1) if words.flags[i] & HEAD else (1,):
        if i + size <= n:
            flags = words.flags[i] if size == 1 else look.flags(" ".join(words.bare[i : i + size]))
            if flags & STATE:
                return i + size
    if words.low[i] in STATE_CODES:
        written = words.text[words.start[i] : words.end[i]]
        number_next = i + 1 < n and words.low[i + 1].isdigit()
        if written.isupper() and (
            number_next or words.low[i] not in ("in", "or", "me", "oh", "ok", "hi")
        ):
            return i + 1
    return i

"""How much a single word looks like a name."""

import functools
import re

from sessions.phi import vocabulary as v
from sessions.phi.lexicon import COMMON, DICTIONARY, PROPER, SAFE, STATE, first, last, lexicon
from sessions.phi.tokens import Words, is_number

ENDINGS = (
    ("ing", ("", "e")), ("ed", ("", "e")), ("er", ("", "e")), ("ers", ("", "e")), ("s", ("",)), ("es", ("",)),
    ("ly", ("",)), ("ish", ("",)), ("y", ("", "e")), ("ness", ("",)), ("able", ("", "e")), ("ies", ("y",)), ("less", ("",)),
    ("iness", ("y",)), ("ier", ("y",)), ("ily", ("y",)), ("wise", ("",)), ("like", ("",)), ("in", ("ing",)),
)  # fmt: skip


def closed(words: Words, i: int) -> bool:
    """Word ``i`` belongs to the closed classes: no name by itself."""
    low = words.low[i]
    return (
        low in v.STOP
        or words.bare[i] in v.STOP
        or low in v.HESITATIONS
        or is_number(low)
        or low in v.ORDINALS
        or low in v.NOT_A_NAME
        or words.bare[i] in v.NOT_A_NAME
        or low in v.MULTIPLIERS
        or low in v.REPEATS
        or low in v.TLDS
        and len(low) < 4
        or low.startswith("[")
        or any(c.isdigit() for c in low)
    )


def strength(words: Words, i: int) -> int:
    """How much word ``i`` looks like a name: 0 not at all ... 4 nothing else."""
    if closed(words, i) or len(words.bare[i]) < 2:
        return 0
    flags, low = words.flags[i], words.low[i]
    given, family = first(flags), last(flags)
    if low in v.MONTHS or low in v.RELATIONS or low in v.TITLES or low in v.MEASURES and not given:
        return 1 if given >= 2 or family == 3 else 0
    if not given and not family and not flags & (DICTIONARY | SAFE) and derived(low):
        return 0
    if not flags & (DICTIONARY | SAFE | STATE):
        return 4 if given or family or not flags & PROPER else 3
    if not flags & DICTIONARY and not flags & STATE:  # known to the safe list only, or a place
        return 3 if given >= 2 or family >= 2 else 2 if given or family else 0
    if flags & COMMON:
        if given == 3:
            return 2
        return 1 if given or family >= 2 else 0
    if given == 3:
        return 3
    return 2 if given or family >= 2 else 1 if family else 0


def unknown(words: Words, i: int) -> bool:
    """No list knows word ``i``: probably a name."""
    low = words.low[i]
    if (first(words.flags[i]) or last(words.flags[i])) == 0 and derived(low):
        return False
    return (
        len(words.bare[i]) > 1
        and words.bare[i].replace("'", "").isalpha()
        and not words.flags[i] & (DICTIONARY | SAFE | STATE)
        and not closed(words, i)
        and low not in v.EMAIL_HOSTS
    )


@functools.lru_cache(maxsize=8192)
def derived(word: str) -> bool:
    """A form of a dictionary word, or a sound, that no list holds: "googling", "that'd", "mmmm"."""
    look = lexicon().flags
    known = DICTIONARY | SAFE
    if "'" in word:
        head, _, tail = word.partition("'")
        return tail in (
            "s",
            "d",
            "ll",
            "ve",
            "re",
            "t",
            "all",
            "m",
            "clock",
            "am",
            "er",
            "",
        ) and bool(look(head) & known or head in v.STOP or len(head) < 3)
    squeezed = re.sub(r"(.)\1{2,}", r"\1", word)
    if squeezed != word and (
        look(squeezed) & known or squeezed in v.HESITATIONS or len(squeezed) < 4
    ):
        return True
    if re.fullmatch(
        r"(?:[aeiou]?h+m*|m+h*m*|a+h+|o+h+|u+g*h+|e+r+m*|sh+|pf+t*|wh?o+a+h*|yea+h*|na+h*|ya+y*|[hae]{4,}|w?oo+)",
        word,
    ):
        return True
    for ending, others in ENDINGS:
        if word.endswith(ending):
            stem = word[: -len(ending)]
            if len(stem) > 2 and any(look(stem + other) & DICTIONARY for other in others):
                return True
            if len(stem) > 3 and stem[-1] == stem[-2] and look(stem[:-1]) & DICTIONARY:
                return True
    for opening in v.words("un re non pre over anti mis self semi multi sub super"):
        if (
            word.startswith(opening)
            and len(word) > len(opening) + 3
            and look(word[len(opening) :]) & COMMON
        ):
            return True
    return any(
        look(word[:k]) & COMMON
        and look(word[k:]) & COMMON
        and not last(look(word))
        and not first(look(word))
        for k in range(4, len(word) - 3)
    )

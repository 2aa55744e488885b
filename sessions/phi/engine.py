"""The engine: words in, typed spans of identifiers out. Pure, no network, no session state.

One engine serves a whole process; what a session remembers (names heard, what the bot asked) comes
in as arguments. Nothing here may raise past ``PHIFirewall``, which blocks the text if it does.
"""

import functools
from dataclasses import dataclass
from typing import Literal

from sessions.phi import ages, contacts, homophones, identifiers, people, places
from sessions.phi import vocabulary as v
from sessions.phi.dates import Dates
from sessions.phi.lexicon import city, first, last
from sessions.phi.names import unknown
from sessions.phi.tagger import Tagger
from sessions.phi.tagger import tagger as load_tagger
from sessions.phi.tokens import CLINICAL, SURROGATE, Words, is_letter, is_number, split

Profile = Literal["strict", "balanced"]
LABELS = (
    "NAME GEO DATE AGE PHONE FAX EMAIL SSN MRN HEALTHPLAN ACCOUNT LICENSE VEHICLE DEVICE URL IP ID"
).split()
INSIDE = v.HESITATIONS | v.words("and as in dash hyphen of the")
THRESHOLD = {"strict": 0.4, "balanced": 0.8}  # least probability the tagger must give
CONTEXT = 28  # words of the same turn that an analysis looks back at
SETTLED = 6  # plain words after which nothing said before can change its meaning
AHEAD = 2  # plain words that must be known to follow


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """An identifier: characters ``start`` to ``end`` of a text, and its kind."""

    start: int
    end: int
    label: str


class PHIEngine:
    """Finds identifiers in text, spoken or written."""

    def __init__(
        self, profile: Profile = "strict", *, tagger: Tagger | None | Literal["own"] = "own"
    ):
        """Make an engine; word lists and tagger load once a process.

        Args:
            profile: "strict" also takes every word that no list knows for a name; "balanced" does not.
            tagger: The statistical tagger; "own" is the shipped one, None leaves the rules alone.
        """
        if profile not in ("strict", "balanced"):
            raise ValueError(
                f"PHI profile {profile!r} does not exist. Take 'strict' or 'balanced'."
            )
        self.profile = profile
        self.tagger = load_tagger() if tagger == "own" else tagger
        self._threshold = THRESHOLD[profile]
        self.analyse("hi it's jane doe my number is five five five one two one two")

    def analyse(
        self,
        text: str,
        *,
        start: int = 0,
        asked: tuple[str, ...] = (),
        known: frozenset[str] = frozenset(),
    ) -> list[Span]:
        """Identifiers of a text.

        Args:
            text: What was said, with what was said just before it in the same turn.
            start: Spans before this character are context and are not returned.
            asked: Kinds the bot asked for (``cues.in_prompt``).
            known: Names heard in this session, lower case.
        """
        words = split(text)
        if not len(words):
            return []
        self.label(words, asked, known)
        return [span for span in spans_of(words) if span.end > start]

    def label(self, words: Words, asked: tuple[str, ...], known: frozenset[str]) -> None:
        """Label words in place: exact forms first, names last."""
        homophones.settle(words, asked)
        clinical(words)
        contacts.find(words, asked)
        Dates(words, asked).find()
        ages.find(words, asked)
        identifiers.find(words, asked)
        places.find(words, asked)
        people.People(words, asked, known).find()
        if self.tagger is not None:
            self.tagger.label(words, asked, self._threshold)
        if self.profile == "strict":
            for i in range(len(words)):
                if words.label[i] is None and unknown(words, i) and len(words.low[i]) > 2:
                    words.put(i, i + 1, "NAME")


def clinical(words: Words) -> None:
    """Label "gerd", "tinel's sign", "negative murphy's", so that no later rule takes them for names."""
    low = words.low
    for i, word in enumerate(low):
        if word in v.ACRONYMS or words.bare[i] in v.ACRONYMS:
            words.put(i, i + 1, CLINICAL)
        elif word in v.EPONYMS:
            following = low[i + 1] if i + 1 < len(low) else ""
            tested = (
                i
                and low[i - 1] in ("positive", "negative")
                or word.endswith("'s")
                and following in ("and", "")
            )
            if (
                following in v.CLINICAL_NOUNS
                or tested
                and i
                and low[i - 1] in ("positive", "negative", "no", "a")
            ):
                words.put(i, i + 1, CLINICAL)


def spans_of(words: Words) -> list[Span]:
    """Neighbouring words of one label as one span, over hesitations between them."""
    label, low, n = words.label, words.low, len(words)
    found: list[Span] = []
    i = 0
    while i < n:
        kind = label[i]
        if kind is None or kind in (SURROGATE, CLINICAL):
            i += 1
            continue
        j = i + 1
        while j < n:
            if label[j] == kind and (
                j in words.glued
                or not (kind == "NAME" and respelled(words, i, j))
                and not words.breaks(j - 1)
            ):
                j += 1
            elif low[j] in INSIDE and kind != "NAME" and j + 1 < n and label[j + 1] == kind:
                j += 1
            elif low[j] in v.HESITATIONS and j + 1 < n and label[j + 1] == kind:
                j += 1
            else:
                break
        found.append(Span(words.start[i], words.end[j - 1], kind))
        i = j
    return found


def respelled(words: Words, i: int, j: int) -> bool:
    """Word ``j`` begins the spelling of the name that began at ``i`` (or ends one)."""
    one, other = is_letter(words.low[j - 1]), is_letter(words.low[j])
    if one == other or words.low[j] in v.REPEATS or words.low[j - 1] in v.REPEATS:
        return False
    if other:
        return j + 1 < len(words) and words.label[j + 1] == "NAME" and is_letter(words.low[j + 1])
    return j - 2 >= i and is_letter(words.low[j - 2])


@functools.lru_cache(maxsize=32_768)
def suspicious(word: str, flags: int) -> bool:
    """A word that may be part of an identifier, or leads straight into one."""
    if word in v.STOP and word not in OPENERS and word not in v.ORDINALS and word not in v.MONTHS:
        return False
    return (
        word in OPENERS
        or is_number(word)
        or is_letter(word)
        or word in v.HESITATIONS
        or word in v.ORDINALS
        or word in v.MONTHS
        or word in v.REPEATS
        or word in v.MULTIPLIERS
        or word in v.STREETS
        or word in v.SPELLING_WORDS
        or word[0].isdigit()
        or word.startswith("[")
        or not flags & 3
        or first(flags) >= 2
        or last(flags) >= 2
        or city(flags) > 0
    )


OPENERS = v.words(
    "at dot underscore dash hyphen double triple area code number one two three four five six seven "
    "eight nine ten name name's street"
)


def settled(words: Words) -> list[int]:
    """Word indices at which a text may be cut without changing what either side means.

    A cut stands where ``SETTLED`` plain words precede and ``AHEAD`` plain words follow. It depends on
    these words only, so a stream that is cut there gives what the whole text gives.
    """
    plain = [not suspicious(low, flags) for low, flags in zip(words.low, words.flags)]
    cuts, streak = [], 0
    for i in range(len(words)):
        streak = streak + 1 if plain[i] else 0
        if streak >= SETTLED + AHEAD:
            cuts.append(i - AHEAD + 1)
    return cuts


def union(one: list[Span], other: list[Span]) -> list[Span]:
    """Spans of both, in order; overlapping ones as one, under the label of the longer."""
    out: list[Span] = []
    for span in sorted([*one, *other]):
        if out and span.start < out[-1].end:
            before = out[-1]
            longer = before if before.end - before.start >= span.end - span.start else span
            out[-1] = Span(before.start, max(before.end, span.end), longer.label)
        else:
            out.append(span)
    return out

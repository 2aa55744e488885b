"""Text to words with offsets, and what each word is."""

import re
from dataclasses import dataclass, field

from sessions.phi import vocabulary as v
from sessions.phi.lexicon import lexicon

CLINICAL = "CLINICAL"  # the label of a term or an amount that is no identifier for certain
SURROGATE = "SURROGATE"  # the label of a word that is a surrogate already
WORD = re.compile(r"\[[A-Z]+_\d+\]|[^\W_]+(?:['’][^\W_]+)*")
ABBREVIATIONS = frozenset("st dr mr mrs ms jr sr ft mt ave blvd rd ln apt no ext".split())
SENTENCE_END = re.compile(r"[.?!;:]\s")


@dataclass(slots=True)
class Words:
    """The words of a text: parallel lists, one entry a word."""

    text: str
    start: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)
    low: list[str] = field(default_factory=list)  # lower case, straight apostrophe
    bare: list[str] = field(default_factory=list)  # also without possessive 's
    flags: list[int] = field(default_factory=list)
    label: list[str | None] = field(default_factory=list)
    glued: set[int] = field(default_factory=set)  # words that belong to the one before them

    def __len__(self) -> int:
        return len(self.low)

    def put(self, start: int, stop: int, label: str, *, over: tuple[str, ...] = ()) -> None:
        """Label the words of a range that have no label yet (or one of ``over``)."""
        for i in range(max(0, start), min(stop, len(self.label))):
            if self.label[i] is None or self.label[i] in over:
                self.label[i] = label

    def read(self, i: int, word: str) -> None:
        """Take word ``i`` for another word that sounds like it."""
        self.low[i] = self.bare[i] = word
        self.flags[i] = lexicon().flags(word)

    def breaks(self, i: int) -> bool:
        """A written sentence ends after word ``i``."""
        if i + 1 >= len(self.low):
            return False
        if self.low[i] in ABBREVIATIONS:
            return False
        return SENTENCE_END.search(self.text[self.end[i] : self.start[i + 1]]) is not None

    def capital(self, i: int) -> bool:
        """Word ``i`` is capitalised inside a sentence of mixed case: a hint that it is a name."""
        c = self.text[self.start[i]]
        return c.isupper() and i > 0 and not self.breaks(i - 1) and not self.text.isupper()


def split(text: str) -> Words:
    """Words of a text. A surrogate such as ``[NAME_1]`` is one opaque word."""
    words = Words(text)
    look = lexicon().flags
    for match in WORD.finditer(text):
        low = match.group().lower().replace("’", "'")
        bare = low
        if low.endswith("'s") and len(low) > 3:
            bare = low[:-2]
        words.start.append(match.start())
        words.end.append(match.end())
        words.low.append(low)
        words.bare.append(bare)
        words.flags.append(look(bare) or ("'" in bare and look(bare.replace("'", ""))) or 0)
    words.label = [SURROGATE if low[0] == "[" else None for low in words.low]
    return words


def is_number(word: str) -> bool:
    """A spoken or written number word."""
    return word in v.DIGITS or word in v.TEENS or word in v.TENS or word.isdigit()


def is_letter(word: str) -> bool:
    """One spoken letter."""
    return len(word) == 1 and word.isalpha()

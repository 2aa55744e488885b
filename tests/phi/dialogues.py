"""The fixtures of ``data/`` as turns."""

import json
import re
from functools import cache
from pathlib import Path

DATA = Path(__file__).with_name("data")


@cache
def turns() -> list[tuple[str, str]]:
    """What the bot said and what the caller said, from every fixture."""
    found = []
    for path in sorted(DATA.glob("strangers_*.json")):
        for dialogue in json.loads(path.read_text()):
            found += [(turn["bot"], turn["text"]) for turn in dialogue["turns"]]
    return found + plain() + [(bot, text) for bot, text, _ in spoken()]


@cache
def plain() -> list[tuple[str, str]]:
    """Hand-written turns without identifiers."""
    lines = (DATA / "plain_turns.txt").read_text().splitlines()
    return [tuple(line.split(" | ", 1)) for line in lines]  # type: ignore[misc]


@cache
def spoken() -> list[tuple[str, str, list[tuple[int, int, str]]]]:
    """Hand-written turns with identifiers: prompt, text, spans."""
    found = []
    for line in (DATA / "spoken_turns.txt").read_text().splitlines():
        bot, marked = line.split(" | ", 1)
        text, spans, at = "", [], 0
        for match in re.finditer(r"\{([A-Z]+):([^}]*)\}", marked):
            text += marked[at : match.start()]
            spans.append((len(text), len(text) + len(match[2]), match[1]))
            text += match[2]
            at = match.end()
        found.append((bot, text + marked[at:], spans))
    return found

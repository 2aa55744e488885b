"""The dated price table: what a unit of a service costs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

VARIABLE = "VIVACE_PRICES"
HOUSE = Path(__file__).parent / "data" / "prices.yaml"
UNITS = frozenset(
    {
        "per_minute",
        "per_million_characters",
        *(
            f"per_million_{kind}"
            for kind in (
                "input",
                "output",
                "cache_read",
                "cache_write",
                "audio_input",
                "audio_output",
                "audio_cache_read",
            )
        ),
    }
)

ABOUT = frozenset({"cast", "source", "seen"})
"""What an entry says besides its prices: of whom they are, where they were read, and when."""


@dataclass(frozen=True)
class Prices:
    """A price table.

    Parameters:
        as_of: Its date.
        image_tokens: Input tokens of one picture, where a model does not tell them apart.
        entries: Patterns of castings and their prices, the first that fits counts.
    """

    as_of: str
    image_tokens: int
    entries: tuple[tuple[str, Mapping[str, Any]], ...]

    def of(self, cast: str) -> Mapping[str, Any] | None:
        """The prices of a casting, such as ``llm/anthropic/claude-sonnet-4-6``; None if unknown."""
        return next((price for pattern, price in self.entries if fnmatchcase(cast, pattern)), None)

    @staticmethod
    def load(path: str | Path | None = None) -> "Prices":
        """The table in a file; the one ``VIVACE_PRICES`` names when None, or the house's.

        Raises:
            OSError: There is no such file.
            ValueError: It is no price table; the message says what is wrong.
        """
        source = Path(path or os.environ.get(VARIABLE) or HOUSE)
        return _loaded(source, source.stat().st_mtime_ns)


@cache
def _loaded(source: Path, _changed_ns: int) -> Prices:
    try:
        data = yaml.safe_load(source.read_text())
        entries = []
        for entry in data["prices"]:
            price = {k: v for k, v in entry.items() if k not in ABOUT}
            if unknown := sorted(price.keys() - UNITS - {"cached_in_prompt"}):
                raise ValueError(f"{unknown[0]!r} is no unit. There are {sorted(UNITS)}")
            if bad := [k for k, v in price.items() if not float(v) >= 0]:
                raise ValueError(f"{bad[0]} of {entry['cast']} is negative")
            entries.append((entry["cast"], price))
        return Prices(str(data["as_of"]), int(data["image_tokens"]), tuple(entries))
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(
            f"{source} is no price table: {error}. Begin with a copy of sessions/data/prices.yaml."
        ) from None

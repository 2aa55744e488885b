"""Looks for a script's identifiers in what the rehearsal's model received."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import aiohttp

MODELS = ("anthropic", "google", "openai")
DIGITS = {
    word: str(digit)
    for digit, names in enumerate(
        ("zero oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    )
    for word in names.split()
}
SPOKEN_PUNCTUATION = {"at", "dot", "dash", "slash"}
JOINED_FROM = 6
"""Shortest identifier that is also looked for without word boundaries."""


async def leaks(journal_url: str, session: str, identifiers: Sequence[str]) -> int | None:
    """Count the identifiers that the rehearsal's model received in clear.

    Args:
        journal_url: The rehearsal process, like http://127.0.0.1:41234.
        session: Whose requests to read.
        identifiers: What must not be there, in any of its forms.

    Returns:
        How many of them were found; None when no rehearsal model was asked.

    Raises:
        ConnectionError: The journal cannot be read.
    """
    url = f"{journal_url.rstrip('/')}/_rehearsal/journal"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http,
            http.get(url, params={"session": session}, raise_for_status=True) as response,
        ):
            journal = await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise ConnectionError(f"The rehearsal's journal cannot be read: {error}.") from None
    entries = journal.get("entries", []) if isinstance(journal, dict) else journal
    asked = [e for e in entries if e.get("vendor") in MODELS and e.get("what") == "request"]
    return len(found(identifiers, strings(asked))) if asked else None


def found(identifiers: Iterable[str], texts: Iterable[str]) -> list[str]:
    """Return the identifiers that stand in the texts: as written, digit by digit, or joined."""
    spaced = [f" {' '.join(tokens(text))} " for text in texts]
    joined = [text.replace(" ", "") for text in spaced]

    def leaked(identifier: str) -> bool:
        sought = tokens(identifier)
        run = "".join(sought)
        return bool(run) and (
            any(f" {' '.join(sought)} " in text for text in spaced)
            or (len(run) >= JOINED_FROM and any(run in text for text in joined))
        )

    return [identifier for identifier in identifiers if leaked(identifier)]


def tokens(text: str) -> list[str]:
    """Cut a text into words and single digits; spoken digits are digits, "at" and "dot" nothing."""
    parts = re.findall(r"\d|[^\W\d_]+", text.lower())
    return [DIGITS.get(part) or part for part in parts if part not in SPOKEN_PUNCTUATION]


def strings(value: Any) -> Iterator[str]:
    """Yield each text inside JSON data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)

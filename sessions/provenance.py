"""Where an argument's values come from: found again in words that are trusted, or not.

What counts is that a value *is* in trusted words, not that it is missing from untrusted ones:
then it does not matter in which encoding, language or spelling an instruction came.
"""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from sessions.asking import folded
from sessions.phi.canonical import address, iso_date
from sessions.phi.values import digits_of, numeric
from sessions.phi.vocabulary import MONTHS

WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
ADDRESS = re.compile(
    r"\S{1,64}@\S{1,255}|\b[a-z][a-z0-9+.-]{1,10}://\S+"
    r"|(?<![\w.-])(?:[\w-]{1,63}\.){1,6}[a-z]{2,24}\b(?:/\S*)?"
)
SURROGATE = re.compile(r"\[[a-z]+_\d+\]")
NUMBER = re.compile(r"\d(?:[\s().,/:+-]{0,3}\d)*")
DECIMAL = re.compile(r"(?<![\d.,])\d+[.,]\d\d?(?![\d.,]{0,9}\d)")
THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:[.,]\d{3})+(?![\d.,]{0,9}\d)")
CODE = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[^\W\d_])[\w-]+")
DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
TIME = re.compile(r"\b(\d\d?):(\d\d)(?::00)?\b")
MOST_GROUPS = 8  # groups of digits said in a row: four of a card, three of a date and a time
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LONG = 4  # words; a shorter text is a value, all of which must be trusted
# A caller's words are retold, not copied: so much of a long text may be the model's own, and never
# two words of content in a row.
OWN_SHARE = 0.34
GLUE = frozenset(
    "a about after again all also am an and any are as ask asked asking asks at back be because been "
    "before being but by call called caller calling can client concerning could customer did do does "
    "for from further get give had has have he her him his how i if in into is it its just like may me "
    "mention mentioned more my need needed needs no not of off on one or other our out over patient "
    "please regarding report reported reports request requested requesting requests said say says she "
    "should since so some state stated states still than that the their them then there they this to "
    "too under until up user very want wanted wants was we were what when where which while who will "
    "with would you your".split()
)


def stem(word: str) -> str:
    """A word without its ending, so that "headaches" is "headache"."""
    word = word.removesuffix("'s")
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


class Trusted:
    """What is known from the caller, the house's records and its author."""

    def __init__(self, *, today: date):
        """Begin with nothing known.

        Args:
            today: When the call began; "next Friday" is reckoned from it.
        """
        self._today = today
        self._texts: list[str] = []
        self._stems: set[str] = set()
        self._numbers: set[str] = set()
        self._amounts: set[float] = set()
        self._addresses: set[str] = set()
        self._dates: set[str] = set()
        self._compact = ""

    def add(self, text: str) -> None:
        """Take in what was said or written by someone who is trusted."""
        text = folded(text)
        plain = f" {_plain(text)} "
        if not text or plain in self._texts:
            return
        self._texts.append(plain)
        self._compact += re.sub(r"\W+", "", text) + " "
        words = WORD.findall(text)
        self._stems.update(stem(word) for word in words)
        self._numbers.update(_numbers(DECIMAL.sub(" | ", text)))
        self._amounts.update(_amounts(text))
        spoken = address(text, "EMAIL")
        for found in (*ADDRESS.findall(text), *ADDRESS.findall(_dotted(text)), spoken):
            self._addresses.add(found.strip(".,;!?"))
        self._dates.update(self._days(text, words))

    def strange(self, value: Any, name: str = "") -> list[str]:
        """The parts of an argument that nobody who is trusted has said.

        Args:
            value: A JSON value.
            name: The argument's name: a switch is the caller's if they spoke of it.

        Returns:
            The parts, empty if all of it is known.
        """
        if value is None or value == "":
            return []
        if isinstance(value, bool):
            known = {stem(word) for word in WORD.findall(folded(name.replace("_", " ")))}
            return [] if known & self._stems else [f"{name} {value}"]
        if isinstance(value, (int, float)):
            return [] if float(value) in self._amounts else [f"{value:g}"]
        if isinstance(value, dict):
            parts = [self.strange(item, key) for key, item in value.items()]
            return [p for part in parts for p in part]
        if isinstance(value, (list, tuple)):
            return [p for item in value for p in self.strange(item, name)]
        return self._strange_text(folded(str(value)))

    def _strange_text(self, text: str) -> list[str]:
        if (plain := _plain(text)) and any(f" {plain} " in known for known in self._texts):
            return []
        found: list[str] = []

        def judged(pattern: re.Pattern[str], known) -> None:
            nonlocal text
            found.extend(m.group() for m in pattern.finditer(text) if not known(m))
            text = pattern.sub(" ", text)

        judged(SURROGATE, lambda m: any(m.group() in known for known in self._texts))
        judged(ADDRESS, lambda m: m.group().strip(".,;!?") in self._addresses)
        judged(DATE, lambda m: m.group() in self._dates or self._has_number(m.group()))
        judged(TIME, self._is_time)
        judged(CODE, lambda m: re.sub(r"\W+", "", m.group()) in self._compact)
        judged(NUMBER, lambda m: self._has_number(m.group()))
        return found + self._strange_words(WORD.findall(text))

    def _strange_words(self, words: list[str]) -> list[str]:
        words = [word for word in words if word not in GLUE or len(words) < LONG]
        own = [stem(word) not in self._stems for word in words]
        strange = [word for word, is_own in zip(words, own) if is_own]
        if len(words) < LONG:
            return strange
        in_a_row = any(a and b for a, b in zip(own, own[1:]))
        return strange if in_a_row or len(strange) > OWN_SHARE * len(words) else []

    def _has_number(self, text: str) -> bool:
        if DECIMAL.fullmatch(text):
            return float(text.replace(",", ".")) in self._amounts
        digits = re.sub(r"\D", "", text)
        if {digits, digits.lstrip("0")} & self._numbers:
            return True
        # A country code is added or left out.
        return len(digits) >= 9 and any(
            len(n) >= 9 and (n.endswith(digits) or digits.endswith(n)) for n in self._numbers
        )

    def _is_time(self, match: re.Match[str]) -> bool:
        hour, minute = int(match[1]), int(match[2])
        hours = {str(hour), str(hour % 12 or 12)}
        minutes = minute in (0, 30) or str(minute) in self._numbers
        return bool(hours & self._numbers) and minutes or _has(self._numbers, hour, minute)

    def _days(self, text: str, words: Iterable[str]) -> set[str]:
        """The dates that a text may mean, in ISO 8601."""
        today, days = self._today, set[date]()
        for n, name in enumerate(("today", "tomorrow")):
            if name in words:
                days.add(today + timedelta(days=n))
        for n, name in enumerate(WEEKDAYS):
            if name in words:
                ahead = (n - today.weekday()) % 7
                days |= {today + timedelta(days=ahead), today + timedelta(days=ahead + 7)}
        out = {day.isoformat() for day in days}
        words = re.findall(r"[^\W_]+", text)
        for at in (n for n, word in enumerate(words) if word in MONTHS):
            # "the third of may", "may third", "may 3 2026"
            for said in (words[max(0, at - 3) : at + 1], words[at : at + 2], words[at : at + 3]):
                day = iso_date(" ".join(said))
                if day.startswith("--"):
                    out |= {f"{today.year + n}-{day[2:]}" for n in (0, 1)}
                elif DATE.fullmatch(day):
                    out.add(day)
        return out


def _has(numbers: set[str], hour: int, minute: int) -> bool:
    return bool({f"{hour}{minute:02}", f"{hour % 12 or 12}{minute:02}"} & numbers)


def _plain(text: str) -> str:
    """The text's words with single spaces; punctuation at their edges is gone."""
    return " ".join(word.strip(".,;:!?\"'()") for word in text.split()).strip()


def _dotted(text: str) -> str:
    """The same text with a spoken address as it is written: anna@example.com."""
    text = re.sub(r"\s+(?:at|@)\s+", "@", text)
    return re.sub(r"\s+(?:dot|point|punto|punkt)\s+", ".", text)


def _numbers(text: str) -> set[str]:
    """Every number of a text, said or written, and the joins of those that stand together."""
    runs: list[list[str]] = [[]]
    words: list[str] = []
    out = set[str]()
    for token in [*re.findall(r"\d+|[^\W\d_]+|[^\w\s]", text), "."]:
        if numeric(token) and token.isalpha() or words and token in ("hundred", "thousand", "oh"):
            words.append(token)
            out.add(digits_of([token]))
            continue
        if words:
            runs[-1].append(digits_of(words))
            words.clear()
        if token.isdigit():
            runs[-1].append(token)
        elif token.isalpha():
            out |= {"1"} if token in ("a", "an", "another") else set()
            runs.append([])
    for groups in runs:
        groups = [g for g in groups if g]
        for begin in range(len(groups)):
            for end in range(begin + 1, min(len(groups), begin + MOST_GROUPS) + 1):
                out.add("".join(groups[begin:end]))
    return (out | {number.lstrip("0") for number in out}) - {""}


def _amounts(text: str) -> set[float]:
    """Every number of a text as a quantity: 84.20 is not 8420."""
    out = {float(found[0].replace(",", ".")) for found in DECIMAL.finditer(text)}
    out |= {float(re.sub(r"\D", "", found[0])) for found in THOUSANDS.finditer(text)}
    text = DECIMAL.sub(" | ", text)
    words: list[str] = []
    for token in [*re.findall(r"\d+|[^\W\d_]+|[^\w\s]", text), "."]:
        spoken = numeric(token) and token.isalpha()
        if spoken or words and token in ("hundred", "thousand", "oh"):
            words.append(token)
            continue
        if words:
            out.add(float(digits_of(words) or "nan"))
            # "eighty four twenty" is 84.20 as well
            for cut in range(1, min(len(words), MOST_GROUPS)):
                whole, cents = digits_of(words[:cut]), digits_of(words[cut:])
                if whole and len(cents) == 2:
                    out.add(float(f"{whole}.{cents}"))
            words.clear()
        if token.isdigit():
            out.add(float(token))
        elif token in ("a", "an", "another"):
            out.add(1.0)
    return out

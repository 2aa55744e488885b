"""Numbers that name a person: phone, SSN, record, plan, account, licence, plate, device, any id.

A run of digits counts by the cue before it, by what the bot asked, or by its shape alone (seven
digits and more, or four said one by one); doses, pressures, times and amounts are told apart by
what stands around them.
"""

import re

from sessions.phi import vocabulary as v
from sessions.phi.cues import NUMBERED, WEAK, last_before
from sessions.phi.numbers import Run, runs
from sessions.phi.tokens import Words, is_number

ALL = NUMBERED | {"ZIP", "DATE", "GEO", "NAME", "EMAIL", "AGE"}
CLOCK = re.compile(
    r"^(?:a m|p m|am|pm|a\.m|p\.m|o'clock|in the (?:morning|afternoon|evening)|at night|this "
    r"(?:morning|afternoon|evening)|tonight|tomorrow|on (?:mon|tues|wednes|thurs|fri|satur|sun)day|sharp|works)"
)
QUANTITY = re.compile(
    r"(?:weigh|weighed|take|took|taking|takes|pressure(?: was| is)?|sugar(?: was| is)?|temperature(?: was| is)?|pulse(?: was| "
    r"is)?|fever of|fever|dose of|level|about|around|rate(?: was| is| of)?|smoke|drink|costs?(?: like)?|paid|pay|owe|heart "
    r"rate(?: of)?|score|scale|a one c|vision(?: is| was)?|count|point|over|temp|ate|sats?|oxygen|walk|ran|lost|gained|"
    r"every|bp|units|cholesterol|saturation|about a|aged|reading(?: was| is)?|runs?|running|gram|stage|grade|type|room|page|chapter|bpm|reads|glucose|potassium|sodium|creatinine)(?: was| is| of| at| to)?(?: about| around| like)?$"
)


def find(words: Words, asked: tuple[str, ...]) -> None:
    """Label every numeric run that is an identifier.

    Args:
        words: The text.
        asked: What the bot asked for, earliest first.
    """
    previous: tuple[int, str] | None = None
    for run in runs(words):
        label = Candidate(words, run, asked, previous).label()
        if label is not None:
            start, stop = stretch(words, run, label)
            words.put(start, stop, label)
            words.glued.update(range(start + 1, stop))
            previous = (stop, label)


class Candidate:
    """A run and what stands around it."""

    def __init__(
        self, words: Words, run: Run, asked: tuple[str, ...], previous: tuple[int, str] | None
    ):
        """Look around a run.

        Args:
            words: The text.
            run: The run in question.
            asked: What the bot asked for.
            previous: Where the identifier before it ends, and its kind.
        """
        low = words.low
        self.words, self.run, self.asked, self.previous = words, run, asked, previous
        self.items = tuple(low[k] for k in run.items)
        self.digits, self.letters = len(run.digits), run.letters
        self.before = " ".join(low[max(0, run.start - 11) : run.start])
        self.after = " ".join(low[run.stop : run.stop + 5])
        self.wanted = [kind for kind in asked if kind in NUMBERED | {"ZIP", "DATE"}]
        cue = last_before(self.before, ALL)
        self.cue = cue[2] if cue else ""
        self.gap = len(self.before[cue[1] :].split()) if cue else 99
        self.cued = cue[0] if cue else None
        if self.cued in ("GEO", "NAME", "EMAIL", "AGE"):
            if self.digits >= 7 or not self.letters and self.wanted:
                self.cued = None
        if self.cued == "ANY":
            ends = self.cue.startswith(("end", "last"))
            self.cued = self.wanted[-1] if self.wanted else "ACCOUNT" if ends else "ANY"
        self.kind = self.cued or (self.wanted[-1] if self.wanted else None)
        if previous and run.start - previous[0] <= 6 and (self.cued is None or self.gap > 3):
            self.kind = self.kind or previous[1]
        self.strong = (
            self.cued in NUMBERED | {"ZIP"} and self.cue.strip() not in WEAK and self.gap <= 6
        )
        self.quantity = QUANTITY.search(self.before) is not None

    def label(self) -> str | None:
        """The kind of the run, or None when it is an ordinary number or word."""
        if self.digits == 0:
            return self.spelled()
        if self.letters and self.letters <= 6:
            kind = self.coded()
        elif self.ordinary():
            kind = None
        elif self.kind == "DATE" and (self.digits < 7 or "DATE" in self.asked):
            kind = self.date()
        else:
            kind = self.by_length() or self.by_cue() or self.by_company()
        return self.refined(kind) if kind else None

    def measured(self) -> bool:
        """A dose, a pressure, a time, an amount: told by what follows."""
        low, stop = self.words.low, self.run.stop
        following = low[stop] if stop < len(low) else ""
        number_next = stop + 1 < len(low) and is_number(low[stop + 1])
        return (
            following in v.MEASURES
            or following in ("over", "percent")
            or following in ("point", "or") and number_next
            or following in ("to", "through") and number_next and self.run.singles < 4
            or self.after.startswith(("and a half", "and a quarter"))
            or self.before.endswith((" point", " over"))
            or self.digits <= 4 and CLOCK.match(self.after) is not None
        )  # fmt: skip

    def ordinary(self) -> bool:
        """No identifier: a measure, a year, a round amount, a range."""
        run, before, sure = self.run, self.before, self.strong and self.gap <= 2
        if self.measured() and self.digits < 7 and not (sure and self.digits >= 4):
            return True
        year = self.digits == 4 and run.digits[:2] in ("18", "19", "20") and run.singles < 3
        dated = before.endswith((" in", " since", " of", " until", " from"))
        if (
            year
            and dated
            and not self.wanted
            and "ending" not in self.cue
            and "ends" not in self.cue
        ):
            return True
        if year and run.grouped and self.kind != "DATE":
            return True
        if self.kind == "DATE" or self.digits >= 7:
            return False
        if run.grouped and run.digits.endswith("00") and not (self.strong and self.gap <= 1):
            return self.digits >= 3
        ranged = before.endswith((" between", " about", " around")) or before in (
            "between",
            "about",
        )
        return ranged or self.quantity and not self.strong and self.digits < 5

    def date(self) -> str | None:
        """Digits said for a date: "seven four fifty seven"."""
        asked = "DATE" in self.asked
        century = self.run.digits[:2] in ("19", "20")
        if self.digits == 4 and century and self.items[0] in ("nineteen", "twenty", "two"):
            return None  # a bare year
        if self.digits >= 3 and not self.run.grouped and (asked or self.cued == "DATE"):
            return "DATE" if self.digits <= 8 else "ID"
        if self.digits >= 4 and asked:
            return "DATE" if self.digits <= 8 else "ID"
        return None

    def by_length(self) -> str | None:
        """Seven digits and more, or four and more said one by one."""
        run, kind = self.run, self.kind
        if self.digits >= 7 and not (run.grouped and self.digits < 9 and kind is None):
            if kind in NUMBERED and kind != "IP":
                return kind
            return "ZIP" if kind == "ZIP" and self.digits == 9 else "ANY"
        if kind == "ZIP" and self.digits >= 3 and (self.cued == "ZIP" or "ZIP" in self.asked):
            return "ZIP"
        if run.singles >= 4 and not run.grouped and not counting(self.items):
            if kind in ("GEO", "ZIP") or "GEO" in self.asked:
                return "ZIP"
            return kind if kind in NUMBERED else "ANY"
        return None

    def by_cue(self) -> str | None:
        """A short number right after its cue, or in answer to a question for one."""
        run, digits = self.run, self.digits
        if self.strong and digits >= 2 and not run.grouped:
            if digits >= 3 or run.singles >= 2 or self.gap <= 2:
                phone = self.cued in ("PHONE", "FAX") and "code" not in self.cue
                short = digits <= 3 and phone and run.singles < 3
                pair = (
                    digits == 2 and run.singles < 2 and self.cued not in ("SSN", "ACCOUNT", "ZIP")
                )
                return None if short or pair else self.cued
        if self.wanted and digits >= 3:
            if len(self.words) - (run.stop - run.start) <= 14 or run.size >= 4:
                return self.kind
        if self.wanted and digits == 2 and run.stop - run.start == len(self.words):
            return self.kind if run.singles == 2 else None
        return None

    def by_company(self) -> str | None:
        """Another identifier stands just before, or a cue stands further off."""
        run, digits = self.run, self.digits
        if self.previous and run.start - self.previous[0] <= 5 and digits >= 2:
            if self.previous[1] in NUMBERED and not run.grouped:
                return self.previous[1]
        if self.kind in NUMBERED and self.cued and digits >= 4 and not self.quantity:
            return self.kind
        if digits in (5, 6) and run.singles >= 2 and not self.quantity and not run.grouped:
            return self.kind if self.kind in NUMBERED else "ANY"
        return None

    def coded(self) -> str | None:
        """Letters and digits: "r m three four eight", but not "b twelve"."""
        digits, run = self.digits, self.run
        if not self.strong:
            plain = self.measured() and digits < 7 or self.quantity
            lone = self.items[0] in ("a", "i") and digits < 4 and not self.wanted
            if digits < 3 and not (self.wanted and run.size >= 4 and self.letters > 1):
                return None
            if plain and digits < 4 or self.letters == 1 and lone:
                return None
        if self.kind in NUMBERED:
            return self.kind
        if self.kind in ("ZIP", "GEO"):
            return "ZIP"
        enough = digits >= 3 and (run.size >= 5 or self.strong or bool(self.wanted))
        return "ID" if enough or digits >= 4 else None

    def spelled(self) -> str | None:
        """Letters only: a spelled name, unless it is a known abbreviation."""
        items, run, size = self.items, self.run, self.letters
        if items in v.MEDICAL_LETTERS or ("w", "w", "w") in zip(items, items[1:], items[2:]):
            return None
        if self.kind in NUMBERED and "NAME" not in self.asked and 3 <= size <= 8:
            return self.refined(self.kind or "ID")
        repeated = any(item in v.REPEATS for item in items)
        helped = run.stop - run.start > len(items) + 1 or any(len(item) > 1 for item in items)
        short = size == 2 and "NAME" in self.asked and len(self.words) <= 6
        return "NAME" if size >= 3 or size == 2 and (repeated or helped) or short else None

    def refined(self, kind: str) -> str:
        """The kind as labels know it; letters and length correct a loose cue."""
        digits, letters = self.digits, self.letters
        if kind in ("ZIP", "GEO"):
            return "GEO"
        if kind == "ACCOUNT" and letters and ("HEALTHPLAN" in self.asked or self.cue == "card"):
            return "HEALTHPLAN"
        if kind == "HEALTHPLAN" and digits in (15, 16) and not letters:
            return "ACCOUNT"
        if kind in ("PHONE", "FAX") and letters:
            return "ID"
        if kind == "ANY":
            if letters:
                return "ID"
            if digits in (7, 10, 11):
                return "PHONE"
            return "SSN" if digits == 9 else "ACCOUNT" if digits >= 13 else "ID"
        return kind


def counting(items: tuple[str, ...]) -> bool:
    """Such as "one two three four": somebody counts."""
    values = [v.DIGITS[item] for item in items if item in v.DIGITS]
    return len(values) == len(items) and "".join(values) in "123456789 987654321"


def stretch(words: Words, run: Run, label: str) -> tuple[int, int]:
    """Widen a run by what leads it: "plus four four", "a five five"."""
    low, start = words.low, run.start
    if start and words.label[start - 1] is None:
        word, before = low[start - 1], low[start - 2] if start > 1 else ""
        lead = before in ("", "is", "it's", "that's", "number", "says", "uh", "um")
        if lead and (
            word == "plus" or word in ("a", "i") and label not in ("PHONE", "FAX", "SSN", "GEO")
        ):
            start -= 1
        joint = words.text[words.end[run.start - 1] : words.start[run.start]]
        if joint == "-" and is_short_code(words, run.start - 1):
            start = run.start - 1  # "ABC-1234"
    return start, run.stop


def is_short_code(words: Words, i: int) -> bool:
    """Word ``i`` is written as letters of a code: "ABC"."""
    written = words.text[words.start[i] : words.end[i]]
    return len(written) <= 4 and written.isalpha() and written.isupper()

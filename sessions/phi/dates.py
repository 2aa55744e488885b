"""Dates as callers say them."""

import re

from sessions.phi import vocabulary as v
from sessions.phi.tokens import Words

NTH = re.compile(r"\d{1,2}(?:st|nd|rd|th)")
YEAR = re.compile(r"(?:1[89]|20)\d\d")
ORDINAL_NOUNS = v.words(
    "floor time one thing place grade trimester appointment visit dose shot week day month year "
    "child baby half quarter opinion line person degree wave pregnancy surgery cousin name baseman "
    "metatarsal toe finger rib street avenue digit choice round wife husband stage vertebra nerve "
    "two three few couple step part question option pill bottle job hand rate class aid lady of"
)


def before_word(low: list[str], i: int) -> str:
    """The word before ``i``, or ""."""
    return low[i - 1] if i else ""


class Dates:
    """Finds dates in words; every method returns the index after what it read, or 0."""

    def __init__(self, words: Words, asked: tuple[str, ...]):
        """Look at words.

        Args:
            words: The text.
            asked: What the bot asked for; after "DATE" "seven four fifty seven" is one.
        """
        self.words, self.low, self.n = words, words.low, len(words)
        self.expected = "DATE" in asked

    def skip(self, i: int, more: tuple[str, ...] = ()) -> int:
        """Over hesitations (and ``more``)."""
        while i < self.n and (self.low[i] in v.HESITATIONS or self.low[i] in more):
            i += 1
        return i

    def ordinal(self, i: int) -> int:
        """Such as "fourth", "twenty third", "23rd"."""
        if i >= self.n:
            return 0
        word = self.low[i]
        if word in ("twenty", "thirty"):
            j = self.skip(i + 1)
            if j < self.n and 0 < v.ORDINALS.get(self.low[j], 99) < 10:
                return j + 1
            return 0
        return i + 1 if word in v.ORDINALS or NTH.fullmatch(word) else 0

    def day(self, i: int) -> int:
        """A day of the month, ordinal or cardinal, with or without "the"."""
        i = self.skip(i, ("the",))
        if done := self.ordinal(i):
            return done
        if i >= self.n:
            return 0
        word = self.low[i]
        if word in ("twenty", "thirty"):
            j = self.skip(i + 1)
            one = j < self.n and self.low[j] in v.DIGITS and v.DIGITS[self.low[j]] != "0"
            return j + 1 if one and not self.year(i) else i + 1
        if word in ("oh", "zero", "o") and i + 1 < self.n and self.low[i + 1] in v.DIGITS:
            return i + 2
        if word in v.DIGITS or word in v.TEENS or word.isdigit() and len(word) < 3:
            return i + 1
        return 0

    def year(self, i: int) -> int:
        """Such as "nineteen eighty two", "two thousand and four", "twenty twenty", "1982", "oh nine"."""
        i = self.skip(i, ("of", "in", "the", "year", "and"))
        if i >= self.n:
            return 0
        low, n, word = self.low, self.n, self.low[i]
        if YEAR.fullmatch(word):
            return i + 1
        if word in ("eighteen", "nineteen", "twenty"):
            j = self.skip(i + 1)
            if j >= n:
                return 0
            if low[j] in v.words("hundred oh o zero ought aught"):
                k = self.skip(j + 1, ("and",) if low[j] == "hundred" else ())
                return k + 1 if k < n and low[k] in v.DIGITS else j + 1
            if low[j] in v.TENS:
                k = self.skip(j + 1)
                return k + 1 if k < n and v.DIGITS.get(low[k], "0") != "0" else j + 1
            if low[j] in v.TEENS:
                return j + 1
            if word == "nineteen" and low[j] in v.DIGITS and j + 1 < n and low[j + 1] in v.DIGITS:
                return j + 2
            return 0
        k = self.skip(i + 1)
        if word in ("two", "to", "too") and k < n and low[k] == "thousand":
            i = k - 1
            j = self.skip(i + 2, ("and",))
            if j < n and (low[j] in v.DIGITS or low[j] in v.TEENS):
                return j + 1
            if j < n and low[j] in v.TENS:
                return j + 2 if j + 1 < n and low[j + 1] in v.DIGITS else j + 1
            return i + 2
        if word in ("one", "two") and i + 3 < n and all(x in v.DIGITS for x in low[i : i + 4]):
            if low[i + 1] in ("nine", "zero", "oh", "o"):
                return i + 4
        return 0

    def short_year(self, i: int) -> int:
        """Such as "eighty two", "oh nine": only after a day."""
        i = self.skip(i)
        if i >= self.n:
            return 0
        word = self.low[i]
        if word in v.TENS and word not in ("twenty",) or word == "twenty":
            j = self.skip(i + 1)
            return j + 1 if j < self.n and v.DIGITS.get(self.low[j], "0") != "0" else i + 1
        if word in ("oh", "zero", "o") and i + 1 < self.n and self.low[i + 1] in v.DIGITS:
            return i + 2
        if word in v.TEENS or word.isdigit() and len(word) == 2:
            return i + 1
        return 0

    def month(self, i: int) -> bool:
        """Word ``i`` is a month."""
        return (
            i < self.n
            and self.low[i] in v.MONTHS
            and (
                self.low[i] not in v.words("marsh mae sep mar jan jun dec")
                or self.day(i + 1) > 0
                or i > 0
                and self.low[i - 1] == "of"
            )
        )

    def around_month(self, i: int) -> tuple[int, int] | None:
        """The date around the month at ``i``."""
        low, n = self.low, self.n
        # "the fourth of may (nineteen eighty)", "four may", "the fourth, may"
        k = i - 1
        of = False
        while k >= 0 and (low[k] in v.HESITATIONS or low[k] in ("of", "day", "in")):
            of |= low[k] == "of"
            k -= 1
        begin = -1
        if k >= 0:
            if (
                low[k] in v.ORDINALS
                or NTH.fullmatch(low[k])
                or (
                    (of or self.expected or self.year(i + 1))
                    and (
                        low[k] in v.DIGITS
                        or low[k] in v.TEENS
                        or low[k] in ("twenty", "thirty")
                        or low[k].isdigit()
                        and len(low[k]) < 3
                    )
                )
            ):
                begin = k
                b = k - 1
                while b > 0 and low[b] in v.HESITATIONS:
                    b -= 1
                if (
                    b >= 0
                    and low[b] in ("twenty", "thirty")
                    and (low[k] in v.ORDINALS or low[k] in v.DIGITS)
                ):
                    begin = b
                if begin > 0 and low[begin - 1] == "the":
                    begin -= 1
        day_after = self.day(i + 1)
        if begin >= 0 and (of or not day_after or self.year(i + 1) or low[k] in v.ORDINALS):
            end = self.year(i + 1) or self.short_year(self.skip(i + 1)) or i + 1
            if (
                self.year(i + 1) == 0
                and end > i + 1
                and not self.expected
                and end < n
                and low[end] in v.MEASURES
            ):
                end = i + 1
            return begin, end
        if day_after:
            if self.year(i + 1) and not self.day_then_year(i + 1):
                return i, self.year(i + 1)
            ordinal = self.ordinal(self.skip(i + 1, ("the",)))
            if not ordinal and day_after < n and low[day_after] in v.MEASURES and not self.expected:
                return None
            if low[i] in ("may", "march", "mae", "marsh") and not ordinal and not self.expected:
                before = low[i - 1] if i else ""
                if not self.year(day_after) and before not in v.words(
                    "on since until by for last this next"
                ):
                    if low[i] in ("may", "mae") or before in ("to", "will", "can"):
                        return None
            end = self.after_day(day_after)
            return i, end
        if (year := self.year(i + 1)) and low[i] not in ("may",):
            return i, year
        if (
            low[i] == "may"
            and year
            and i
            and low[i - 1] in v.words("in of since until by was is it's")
        ):
            return i, year
        return None

    def day_then_year(self, i: int) -> int:
        """Both a day and a year begin at ``i``: "twenty nineteen eighty two"."""
        day = self.day(i)
        return self.year(day) if day else 0

    def after_day(self, day: int) -> int:
        """End of the date whose day ends before ``day``."""
        j = self.skip(day)
        if year := self.year(day):
            return year
        if self.expected or j == day:
            if short := self.short_year(j):
                after = self.low[short] if short < self.n else ""
                if (
                    self.expected
                    or after not in v.MEASURES
                    and after not in v.words("am pm a p in o'clock thirty fifteen")
                ):
                    return short
        return day

    def find(self) -> None:
        """Label every date."""
        words, low, n = self.words, self.low, self.n
        for i in range(n):
            if words.label[i] is None and self.month(i):
                if span := self.around_month(i):
                    words.put(*span, "DATE")
        for i in range(n):
            if words.label[i] is not None:
                continue
            if low[i] in v.ORDINALS or low[i] in ("twenty", "thirty") or NTH.fullmatch(low[i]):
                self.ordinal_only(i)
        for i in range(n):  # "nineteen fifty eight, the eighth of august"
            if words.label[i] == "DATE" and (i == 0 or words.label[i - 1] is None):
                k = i - 1
                while k >= 0 and (low[k] in v.HESITATIONS or low[k] in ("on", "in", "the")):
                    k -= 1
                for begin in range(max(0, k - 4), k + 1):
                    if low[begin] in ("eighteen", "nineteen", "twenty", "two") or YEAR.fullmatch(
                        low[begin]
                    ):
                        if self.year(begin) == k + 1:
                            words.put(begin, i, "DATE")
                            break

    def ordinal_only(self, i: int) -> None:
        """Such as "the fourth of the ninth", "on the twenty third", "the fifteenth of next month"."""
        low, n, words = self.low, self.n, self.words
        end = self.ordinal(i)
        if not end or i and words.label[i - 1] == "DATE":
            return
        begin = i - 1 if i and low[i - 1] == "the" else i
        j = self.skip(end)
        if j + 2 < n and low[j] == "of" and low[j + 1] == "the" and self.ordinal(j + 2):
            stop = self.ordinal(j + 2)
            return words.put(begin, self.year(stop) or stop, "DATE")
        if self.expected and end < n and (year := self.year(end)):
            return words.put(begin, year, "DATE")
        joined = (
            j + 1 < n
            and low[j] in v.words("to through until till and or")
            and self.words.label[j + 1] == "DATE"
        )
        if joined and (begin < i or before_word(low, begin) in ("from", "between")):
            return words.put(begin, end, "DATE")
        if low[i] in ("first", "second") and end == i + 1:
            return
        before = low[begin - 1] if begin else ""
        after = low[end] if end < n else ""
        if begin < i and before in v.words(
            "on since until till by before after from for is was and to"
        ):
            if (
                after == "of"
                and end + 1 < n
                and low[end + 1] in v.words("this last next the every")
            ):
                words.put(begin, end, "DATE")
            elif (
                not after
                or words.breaks(end - 1)
                or (
                    before in v.words("on since until till by after before")
                    and after not in ORDINAL_NOUNS
                    and (after in v.STOP or after in v.HESITATIONS or end - i == 2)
                )
            ):
                words.put(begin, end, "DATE")
        elif begin < i and self.expected:
            words.put(begin, end, "DATE")

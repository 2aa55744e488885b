"""Runs of spoken digits and letters, and the value they stand for.

A run bridges hesitations ("five five uh five"), corrections ("two three no sorry two four") and
spelling help ("z as in zebra", "b bravo"), because a caller says an identifier with all of these.
"""

from dataclasses import dataclass

from sessions.phi import vocabulary as v
from sessions.phi.tokens import Words, is_letter

CORRECTED = v.words("no sorry wait actually mean meant correction scratch oops strike rather make")


@dataclass(slots=True)
class Run:
    """Consecutive number words and letters: words ``start`` to ``stop``."""

    start: int
    stop: int
    items: list[int]
    digits: str
    letters: int
    singles: int  # longest stretch of numbers said one digit at a time
    grouped: bool  # hundred, thousand
    corrected: bool
    bridged: bool

    @property
    def size(self) -> int:
        """Digits and letters together."""
        return len(self.digits) + self.letters


def numeric(word: str) -> bool:
    """A number word that can be part of a run."""
    return (
        word in v.DIGITS
        or word in v.TEENS
        or word in v.TENS
        or word in v.REPEATS
        or word[:1].isdigit()
    )


def bridge(low: list[str], i: int, stop: int, limit: int = 9) -> int:
    """Index after the hesitations and corrections that begin at ``i``; ``i`` when there are none."""
    j = i
    while j < stop and j - i < limit:
        if low[j] in v.HESITATIONS:
            j += 1
            continue
        for size in range(min(v.LONGEST_BRIDGE, stop - j), 0, -1):
            if tuple(low[j : j + size]) in v.BRIDGES:
                j += size
                break
        else:
            break
    return j


def spelling_help(low: list[str], i: int, stop: int) -> int:
    """Index after "as in zebra", "for zebra" or "zebra" that explains the letter before ``i``."""
    letter = low[i - 1]
    for lead in (
        ("as", "in"),
        ("is", "in"),
        ("like", "in"),
        ("is", "for"),
        ("as",),
        ("like",),
        ("for",),
        ("and",),
        ("in",),
        (),
    ):
        j = i + len(lead)
        if j >= stop or tuple(low[i:j]) != lead or len(low[j]) < 2:
            continue
        if (
            lead in (("as", "in"),)
            or low[j][0] == letter
            and (
                (lead and low[j] not in v.DIGITS and lead != ("and",)) or low[j] in v.SPELLING_WORDS
            )
        ):
            return j + 1
    return i


def runs(words: Words) -> list[Run]:
    """All runs of the text, left to right; labelled words end a run."""
    low, label, n = words.low, words.label, len(words)
    found: list[Run] = []
    i = 0
    while i < n:
        if label[i] or not starts_run(low, i, n):
            i += 1
            continue
        items, j, bridged = [i], i + 1, False
        if is_letter(low[i]) and low[i] != "o":
            j = spelling_help(low, j, n)
        skipped = abbreviation(low, i, n)
        if skipped > i:
            i = skipped
            continue
        while j < n and not label[j]:
            word = low[j]
            if item(low, j, n, items):
                items.append(j)
                j += 1
                if is_letter(word):
                    j = spelling_help(low, j, n)
                continue
            after = bridge(low, j, n)
            if after > j and after < n and not label[after] and follows(low, after, n):
                if not all(low[k] in v.HESITATIONS for k in range(j, after)):
                    bridged = True
                j = after
                continue
            break
        run = make(low, items, j, bridged)
        found.append(run)
        i = max(run.stop, i + 1)
    return found


def abbreviation(low: list[str], i: int, n: int) -> int:
    """Index after letters that only announce a number: "m r n is", "i d", "last four is"."""
    if low[i] == "four" and i and low[i - 1] == "last" and i + 1 < n:
        return i + 1
    for size in (4, 3, 2):
        letters = tuple(low[i : i + size])
        if len(letters) < size or letters not in v.MEDICAL_LETTERS or i and is_letter(low[i - 1]):
            continue
        following = low[i + size] if i + size < n else ""
        if (
            following in v.words("is number was says card code address starts reads")
            or (
                letters == ("i", "d")
                and i
                and low[i - 1]
                in v.words(
                    "patient member subscriber email photo employee device claim plan group the my "
                    "card customer insurance policy student"
                )
            )
            or letters in ANNOUNCERS
            and numeric(following)
        ):
            return i + size
    return i


ANNOUNCERS = {
    ("m", "r", "n"),
    ("s", "s", "n"),
    ("d", "o", "b"),
    ("n", "p", "i"),
    ("d", "e", "a"),
    ("v", "i", "n"),
    ("n", "h", "s"),
    ("i", "p"),
}


def starts_run(low: list[str], i: int, n: int) -> bool:
    """A run may begin at word ``i``."""
    word = low[i]
    if numeric(word):
        if word == "o":
            return i + 1 < n and (numeric(low[i + 1]) or is_letter(low[i + 1]))
        return True
    if is_letter(word):
        if word in ("a", "i"):
            return (
                i + 2 < n
                and is_letter(low[i + 1])
                and (is_letter(low[i + 2]) or numeric(low[i + 2]))
                and (low[i + 1] not in ("a", "i") or low[i + 2] not in ("a", "i"))
            ) or (
                i + 1 < n and low[i + 1] in ("as", "for") and spelling_help(low, i + 1, n) > i + 1
            )
        return True
    if word in v.SPELLING_WORDS and i + 1 < n:
        return low[i + 1] in v.SPELLING_WORDS or is_digit_word(low[i + 1])
    return word[0].isdigit() or any(c.isdigit() for c in word)


def is_digit_word(word: str) -> bool:
    """Said for exactly one digit."""
    return word in v.DIGITS or len(word) == 1 and word.isdigit()


def item(low: list[str], j: int, n: int, items: list[int]) -> bool:
    """Word ``j`` continues the run."""
    word = low[j]
    if numeric(word) or any(c.isdigit() for c in word):
        return True
    if word in v.MULTIPLIERS:
        return numeric(low[items[-1]]) or low[items[-1]] in v.MULTIPLIERS
    if is_letter(word):
        if word in ("a", "i"):
            near = j + 1 < n and (
                is_letter(low[j + 1]) or numeric(low[j + 1]) or low[j + 1] in ("as", "at", "dot")
            )
            helped = (
                items[-1] < j - 1
                and is_letter(low[items[-1]])
                and spelling_help(low, items[-1] + 1, n) == j
            )
            return (
                helped
                or items[-1] == j - 1
                and (is_letter(low[j - 1]) or near or numeric(low[j - 1]) and j + 1 == n)
            )
        return True
    if word in v.SPELLING_WORDS:
        return items[-1] == j - 1 and (
            low[j - 1] in v.SPELLING_WORDS
            or is_letter(low[j - 1])
            or j + 1 < n
            and numeric(low[j + 1])
        )
    return False


def follows(low: list[str], j: int, n: int) -> bool:
    """Word ``j`` resumes a run after a bridge."""
    word = low[j]
    if numeric(word) and word != "o":
        return True
    return (
        is_letter(word)
        and word not in ("a", "i")
        or (
            is_letter(word)
            and j + 1 < n
            and (is_letter(low[j + 1]) or numeric(low[j + 1]))
            and (j + 2 == n or is_letter(low[min(j + 2, n - 1)]) or numeric(low[min(j + 2, n - 1)]))
        )
    )


def make(low: list[str], items: list[int], stop: int, bridged: bool) -> Run:
    """Sum up the items of a run."""
    last = items[-1]
    stop = last + 1 if stop <= last + 1 else stop
    # a spelled letter's help ("z as in zebra") belongs to the run; a trailing bridge does not
    end = last + 1
    if is_letter(low[last]):
        end = max(end, spelling_help(low, last + 1, min(len(low), stop)))
    letters = singles = longest = 0
    grouped = corrected = False
    spelled = all(
        is_letter(low[k]) or low[k] in v.REPEATS or low[k] in v.SPELLING_WORDS for k in items
    )
    for k in items:
        word = low[k]
        one = False
        if word in v.MULTIPLIERS:
            grouped = True
        elif word in v.REPEATS or is_digit_word(word):
            one = True
        elif is_letter(word) or word in v.SPELLING_WORDS:
            letters += 1
            one = True
        elif any(c.isdigit() for c in word):
            singles += len(word) - 1
            one = len(word) > 2
            letters += (
                sum(c.isalpha() for c in word) if not word.endswith(("st", "nd", "rd", "th")) else 0
            )
        singles = singles + 1 if one else 0
        longest = max(longest, singles)
    if spelled:
        letters = len(items)
    for a, b in zip(items, items[1:]):
        if any(low[k] in CORRECTED for k in range(a + 1, b)):
            corrected = True
    digits = "" if spelled else digits_of([low[k] for k in items])
    return Run(items[0], end, items, digits, letters, longest, grouped, corrected, bridged)


def digits_of(items: list[str]) -> str:
    """The digits that number words stand for: "double four", "sixty two", "three hundred five"."""
    out = ""
    group = ""  # the number being said as a whole, e.g. "three hundred"
    repeat = 1
    previous = ""
    for word in items:
        digit = v.DIGITS.get(word) or v.HOMOPHONES.get(word)
        if word in v.REPEATS:
            out, group, repeat = out + group, "", v.REPEATS[word]
        elif word in ("hundred", "thousand", "million"):
            zeros = {"hundred": 2, "thousand": 3, "million": 6}[word]
            group = (group or "1") + "0" * zeros
        elif digit is not None and len(digit) == 1:
            if repeat > 1:
                out += digit * repeat
                repeat = 1
            elif group and (previous in v.TENS and digit != "0" or previous in v.MULTIPLIERS):
                group = str(int(group) + int(digit))
            else:
                out, group = out + group, digit
        elif word in v.TEENS or word in v.TENS or (digit and len(digit) == 2):
            number = v.TEENS.get(word) or v.TENS.get(word) or digit or ""
            if previous in v.MULTIPLIERS and group:
                group = str(int(group) + int(number))
            else:
                out, group = out + group, number
            repeat = 1
        elif any(c.isdigit() for c in word):
            out, group = out + group + "".join(c for c in word if c.isdigit()), ""
        else:
            out, group = out + group, ""
        previous = word
    return out + group


def letters_and_digits(low: list[str], digits_only: bool = False) -> str:
    """The canonical form of a spoken identifier: "r m three four" to ``RM34``."""
    out: list[str] = []
    pending: list[str] = []

    def release() -> None:
        out.append(digits_of(pending))
        pending.clear()

    i, n = 0, len(low)
    while i < n:
        word = low[i]
        if is_letter(word) and not (word == "o" and (pending or i + 1 < n and numeric(low[i + 1]))):
            count = 1
            if pending and pending[-1] in v.REPEATS:
                count = v.REPEATS[pending.pop()]
            release()
            if not digits_only:
                out.append(word.upper() * count)
            i = spelling_help(low, i + 1, n)
            continue
        if numeric(word) or word in v.MULTIPLIERS and pending:
            if any(c.isalpha() for c in word) and any(c.isdigit() for c in word):
                release()
                out.append(
                    word.upper() if not digits_only else "".join(c for c in word if c.isdigit())
                )
            else:
                pending.append(word)
        elif word in v.SPELLING_WORDS and not digits_only and out + pending == []:
            release()
            out.append(word[0].upper())
        elif word in v.HOMOPHONES and (pending or i + 1 < n and numeric(low[i + 1])):
            pending.append(word)
        elif word not in v.HESITATIONS and word not in v.MULTIPLIERS:
            release()
        i += 1
    release()
    return "".join(out)

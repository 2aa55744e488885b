"""Runs of spoken digits and letters, and the value they stand for.

A run bridges hesitations ("five five uh five"), corrections ("two three no sorry two four") and
spelling help ("z as in zebra", "b bravo"), because a caller says an identifier with all of these.
"""

from dataclasses import dataclass

from sessions.phi import vocabulary as v
from sessions.phi.tokens import Words, is_letter
from sessions.phi.values import digits_of, is_digit_word, numeric, spelling_help


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

    @property
    def size(self) -> int:
        """Digits and letters together."""
        return len(self.digits) + self.letters


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


def runs(words: Words) -> list[Run]:
    """All runs of the text, left to right; labelled words end a run."""
    low, label, n = words.low, words.label, len(words)
    found: list[Run] = []
    i = 0
    while i < n:
        if label[i] or not starts_run(low, i, n):
            i += 1
            continue
        items, j = [i], i + 1
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
                j = after
                continue
            break
        run = make(low, items, j)
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


def make(low: list[str], items: list[int], stop: int) -> Run:
    """Sum up the items of a run."""
    last = items[-1]
    stop = last + 1 if stop <= last + 1 else stop
    # a spelled letter's help ("z as in zebra") belongs to the run; a trailing bridge does not
    end = last + 1
    if is_letter(low[last]):
        end = max(end, spelling_help(low, last + 1, min(len(low), stop)))
    letters = singles = longest = 0
    grouped = False
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
    digits = "" if spelled else digits_of([low[k] for k in items])
    return Run(items[0], end, items, digits, letters, longest, grouped)

"""Number words to digits: "double four", "sixty two", "r m three four"."""

from sessions.phi import vocabulary as v
from sessions.phi.tokens import is_letter


def numeric(word: str) -> bool:
    """A number word that can be part of a run."""
    return (
        word in v.DIGITS
        or word in v.TEENS
        or word in v.TENS
        or word in v.REPEATS
        or word[:1].isdigit()
    )


def is_digit_word(word: str) -> bool:
    """Said for exactly one digit."""
    return word in v.DIGITS or len(word) == 1 and word.isdigit()


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

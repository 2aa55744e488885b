"""From words to one canonical value: +15551234567, 1982-03-03, jane@example.com."""

import re

from sessions.phi import vocabulary as v
from sessions.phi.tokens import WORD, is_letter, is_number
from sessions.phi.values import digits_of, letters_and_digits, numeric, spelling_help

DIGIT_KINDS = ("PHONE", "FAX", "SSN")
CODE_KINDS = ("MRN", "HEALTHPLAN", "ACCOUNT", "LICENSE", "VEHICLE", "DEVICE", "ID")
JOINTS = {"dot": ".", "period": ".", "point": ".", "at": "@", "underscore": "_", "dash": "-",
          "hyphen": "-", "minus": "-", "plus": "+", "slash": "/", "colon": ":"}  # fmt: skip
CORRECTED = re.compile(
    r"\b(?:no sorry|sorry no|no wait|wait no|oh sorry|oh no|no actually|actually no|sorry|scratch that|i mean|i meant|make that|"
    r"correction|strike that|oops|no|wait|actually)\b"
)
USUAL = {"PHONE": 10, "FAX": 10, "SSN": 9}


def canonical(value: str, label: str) -> str:
    """One form of a value for tools and for comparing.

    Args:
        value: As said or written.
        label: Its kind.

    Returns:
        E.164 for phone and fax (ten digits are taken for North America), ISO 8601 for a date that has
        a month and a day, digits for SSN, upper-case letters and digits for other ids; otherwise the
        words.
    """
    if label in DIGIT_KINDS:
        digits = corrected_digits(value, USUAL[label])
        if label == "SSN" or not digits:
            return digits or value
        if value.strip().startswith("+"):
            return f"+{digits}"
        return f"+1{digits}" if len(digits) == 10 else f"+{digits}" if len(digits) > 10 else digits
    if label in CODE_KINDS:
        if re.search(r"\d", value):
            return re.sub(r"[^A-Za-z0-9]", "", value).upper()
        return letters_and_digits(value.lower().split()) or value
    if label in ("EMAIL", "URL", "IP"):
        return address(value, label)
    if label == "DATE":
        return iso_date(value)
    if label == "AGE":
        return digits_of([w for w in value.lower().split() if w != "and"]) or value
    if label == "NAME":
        return " ".join(part.capitalize() for part in key_of(value, "NAME").split())
    return " ".join(value.split())


def key_of(value: str, label: str) -> str:
    """What two forms of the same value have in common."""
    low = value.lower().replace("’", "'")
    if label == "NAME":
        return name_key(low)
    if label == "GEO":
        return geo_key(low)
    return canonical(low, label).lower()


def name_key(low: str) -> str:
    """Name words without possessive; spelled letters joined: "s m i t h" is smith."""
    parts: list[str] = []
    letters = ""
    repeat = 1
    tokens = [m.group() for m in WORD.finditer(low)]
    i = 0
    while i < len(tokens):
        word = tokens[i]
        if is_letter(word):
            letters += word * repeat
            repeat = 1
            i = spelling_help(tokens, i + 1, len(tokens))
            continue
        if word in v.REPEATS:
            repeat = v.REPEATS[word]
        elif word not in v.HESITATIONS:
            if letters:
                parts.append(letters)
                letters = ""
            parts.append(word[:-2] if word.endswith("'s") and len(word) > 3 else word)
        i += 1
    if letters:
        parts.append(letters)
    if len(parts) == 2 and parts[0] == parts[1]:  # "molina m o l i n a"
        parts.pop()
    return " ".join(parts) or low


def geo_key(low: str) -> str:
    """Place words, numbers as digits."""
    out: list[str] = []
    pending: list[str] = []
    for word in (m.group() for m in WORD.finditer(low)):
        if numeric(word) or word in v.MULTIPLIERS:
            pending.append(word)
        elif word not in v.HESITATIONS:
            if pending:
                out.append(digits_of(pending))
                pending = []
            out.append(word)
    if pending:
        out.append(digits_of(pending))
    return " ".join(out)


def corrected_digits(value: str, usual: int) -> str:
    """Digits of a number; what was said before "no sorry" gives way to what follows it."""
    low = value.lower()
    parts = [digits_only(part) for part in CORRECTED.split(low)]
    out = parts[0]
    for part in parts[1:]:
        if not part:
            continue
        keep = max(0, usual - len(part)) if len(out) + len(part) > usual else len(out)
        out = out[:keep] + part
    return out


def digits_only(text: str) -> str:
    """All digits said or written in a text."""
    tokens = [m.group() for m in WORD.finditer(text)]
    return letters_and_digits(tokens, digits_only=True)


def address(value: str, label: str) -> str:
    """Such as "b patrick at comcast dot net" to b.patrick form without spaces: bpatrick@comcast.net."""
    low = value.lower().strip()
    if "@" in low or "://" in low or re.search(r"\w\.\w", low):
        return low
    out: list[str] = []
    pending: list[str] = []

    def release() -> None:
        if not pending:
            return
        out.append(digits_of(pending))
        pending.clear()

    for word in (m.group() for m in WORD.finditer(low)):
        if word in JOINTS:
            release()
            out.append(JOINTS[word])
        elif (
            numeric(word) and not (word == "o" and not pending) or word in v.MULTIPLIERS and pending
        ):
            pending.append(word)
        elif word in v.HESITATIONS or word in ("and",) and label == "IP":
            continue
        else:
            release()
            out.append(word)
    release()
    return "".join(out)


def iso_date(value: str) -> str:
    """ISO 8601 of a date: 1982-03-03, or --03-03 without a year; the words when it is none."""
    low = value.lower().replace(",", " ")
    if match := re.search(r"(\d{4})-(\d\d?)-(\d\d?)", low):
        return f"{match[1]}-{int(match[2]):02d}-{int(match[3]):02d}"
    if match := re.search(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4}|\d{2})\b", low):
        month, day, year = int(match[1]), int(match[2]), int(match[3])
        if month > 12:
            month, day = day, month
        return f"{century(year)}-{month:02d}-{day:02d}" if month < 13 and day < 32 else value
    words = [m.group() for m in WORD.finditer(low) if m.group() not in v.HESITATIONS]
    words = [
        re.sub(r"^(\d+)(?:st|nd|rd|th)$", r"\1", w)
        for w in words
        if w not in v.words("the of and on in")
    ]
    month = next((v.MONTHS[w] for w in words if w in v.MONTHS), None)
    if month is not None:
        at = next(i for i, w in enumerate(words) if w in v.MONTHS)
        before, after = numbers_in(words[:at]), numbers_in(words[at + 1 :])
        if before and before[0] > 31:
            year, day = before[0], (before[1:] + after + [0])[0]
        elif before:
            day, year = before[-1], (after + [0])[0]
        else:
            day, year = (after + [0])[0], (after[1:] + [0])[0]
            if day > 31:
                day, year = 0, day
    else:
        values = numbers_in(words)
        if len(values) < 2:
            return value
        month, day, year = values[0], values[1], (values[2:] + [0])[0]
        if month > 31:
            year, month, day = month, day, (values[2:] + [0])[0]
        if month > 12:
            month, day = day, month
    if not 0 < month < 13 or not 0 < day < 32:
        return f"{century(year)}-{month:02d}" if 0 < month < 13 and year else value
    return f"{century(year)}-{month:02d}-{day:02d}" if year else f"--{month:02d}-{day:02d}"


def century(year: int) -> int:
    """Two digits to four: 25 and below are of this century."""
    if year > 99:
        return year
    return 2000 + year if year <= 25 else 1900 + year


def numbers_in(words: list[str]) -> list[int]:
    """Whole numbers of a date's words: days, months, years ("nineteen eighty two" is 1982)."""
    out: list[int] = []
    i = 0
    while i < len(words):
        word = words[i]
        nxt = words[i + 1] if i + 1 < len(words) else ""
        third = words[i + 2] if i + 2 < len(words) else ""
        if (
            word in ("eighteen", "nineteen", "twenty")
            and (nxt in v.TENS or nxt in v.TEENS or nxt in ("hundred", "oh", "o", "zero"))
            and (out or i == 0 or word != "twenty")
        ):
            base = {"eighteen": 1800, "nineteen": 1900, "twenty": 2000}[word]
            i += 2
            if nxt in v.TEENS:
                out.append(base + int(v.TEENS[nxt]))
                continue
            tens = int(v.TENS.get(nxt, "0"))
            if third in v.DIGITS and v.DIGITS[third] != "0":
                tens += int(v.DIGITS[third])
                i += 1
            out.append(base + tens)
        elif word == "two" and nxt == "thousand":
            i += 2
            rest = 0
            if i < len(words) and (
                words[i] in v.TENS or words[i] in v.TEENS or words[i] in v.DIGITS
            ):
                rest = int(v.TENS.get(words[i]) or v.TEENS.get(words[i]) or v.DIGITS[words[i]])
                i += 1
                if rest >= 20 and i < len(words) and v.DIGITS.get(words[i], "0") != "0":
                    rest += int(v.DIGITS[words[i]])
                    i += 1
            out.append(2000 + rest)
        elif word in v.TENS:
            number = int(v.TENS[word])
            if nxt in v.ORDINALS and v.ORDINALS[nxt] < 10:
                number += v.ORDINALS[nxt]
                i += 1
            elif v.DIGITS.get(nxt, "0") != "0":
                number += int(v.DIGITS[nxt])
                i += 1
            out.append(number)
            i += 1
        elif word in ("oh", "o", "zero") and nxt in v.DIGITS:
            out.append(int(v.DIGITS[nxt]))
            i += 2
        elif is_number(word):
            out.append(int(v.DIGITS.get(word) or v.TEENS.get(word) or word))
            i += 1
        elif word in v.ORDINALS:
            out.append(v.ORDINALS[word])
            i += 1
        else:
            i += 1
    return out

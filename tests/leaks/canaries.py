"""Values that must not be seen, and a detector that knows every form of them."""

import random
import re
from dataclasses import dataclass

from sessions.phi import PHIFirewall
from sessions.phi.engine import PHIEngine

FIRST = "rosalind desmond philippa barnaby gwendolyn mortimer henrietta reginald".split()
LAST = "okafor lindqvist castellanos nakamura oyelaran ferreira haddad kowalski".split()
DIGITS = "zero one two three four five six seven eight nine".split()
MONTHS = (
    "january february march april may june july august september october november december"
).split()
DAYS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth"
).split()
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
ENGINE = PHIEngine()


@dataclass(frozen=True)
class Canary:
    """One value.

    Parameters:
        kind: Label of the engine.
        written: As a form has it.
        spoken: As a caller says it.
        traces: What gives it away: words in lower case, or runs of digits.
    """

    kind: str
    written: str
    spoken: str
    traces: tuple[str, ...]


def said(digits: str) -> str:
    """Digits as words."""
    return " ".join(DIGITS[int(digit)] for digit in digits)


def draw(kind: str, chance: random.Random) -> Canary:
    """A canary of a kind: NAME, PHONE, SSN, MRN, EMAIL or DATE."""
    if kind == "NAME":
        first, last = chance.choice(FIRST), chance.choice(LAST)
        return Canary(kind, f"{first} {last}".title(), f"{first} {last}", (first, last))
    if kind == "EMAIL":
        name, number = chance.choice(LAST), chance.randrange(100, 999)
        address = f"{name}{number}@example.com"
        spoken = f"{name} {said(str(number))} at example dot com"
        return Canary(kind, address, spoken, (name, address))
    if kind == "DATE":
        month, day, year = chance.randrange(12), chance.randrange(14), chance.randrange(51, 60)
        written = f"{month + 1:02d}/{day + 1:02d}/19{year}"
        iso = f"19{year}-{month + 1:02d}-{day + 1:02d}"
        spoken = f"{MONTHS[month]} {DAYS[day]} nineteen fifty {DIGITS[year - 50]}"
        return Canary(kind, written, spoken, (written, iso, spoken))
    length = {"PHONE": 10, "SSN": 9, "MRN": 8}[kind]
    first_digit = str(chance.randrange(2, 10))
    digits = first_digit + "".join(str(chance.randrange(10)) for _ in range(length - 1))
    if kind == "SSN":
        written = f"{digits[:3]}-{digits[3:5]}-{digits[5:]}"
    elif kind == "PHONE":
        written = f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"
    else:
        written = digits
    return Canary(kind, written, said(digits), (digits,))


SENTENCES = {
    "NAME": "hello my name is {} and i feel dizzy",
    "PHONE": "you can call me my phone number is {} thank you",
    "SSN": "my social security number is {} thank you",
    "MRN": "my medical record number is {} thank you",
    "EMAIL": "my email address is {} thank you",
    "DATE": "my date of birth is {} thank you",
}
ASKED = {
    "NAME": "What is your name?",
    "PHONE": "What is your phone number?",
    "SSN": "What is your social security number?",
    "MRN": "What is your medical record number?",
    "EMAIL": "What is your email address?",
    "DATE": "What is your date of birth?",
}


def sentence(kind: str, chance: random.Random, *, typed: bool = False) -> tuple[str, Canary]:
    """A sentence whose identifier the engine certainly finds, whole and cut anywhere.

    What is tested is where text goes, and not what the engine knows: a value that it misses is
    drawn anew.
    """
    while True:
        canary = draw(kind, chance)
        text = SENTENCES[kind].format(canary.written if typed else canary.spoken)
        if not found([canary], PHIFirewall(engine=ENGINE).redact(text).text):
            return text, canary


def segments(text: str, chance: random.Random) -> list[str]:
    """A sentence in two or three final transcripts, wherever the caller paused.

    The cuts are such that the engine, which holds an open end, finds the value in the stream.
    """
    words = text.split()
    for _ in range(20):
        cuts = sorted(chance.sample(range(1, len(words)), min(chance.randrange(1, 3), len(words))))
        parts = [" ".join(words[a:b]) for a, b in zip([0, *cuts], [*cuts, len(words)])]
        firewall = PHIFirewall(engine=ENGINE)
        heard = " ".join([*map(firewall.feed, parts), firewall.flush()])
        if heard and not any(w in heard for w in _telling(text)):
            return parts
    return [text]


def _telling(text: str) -> set[str]:
    """Words of a sentence that nobody but its identifier says."""
    return set(text.split()) & {*FIRST, *LAST, *DIGITS, *MONTHS, *DAYS, "nineteen", "fifty"}


_BETWEEN = re.compile(r"(?<=\d)[\s\-().,/\\]+(?=\d)")
_SPOKEN = re.compile(rf"\b({'|'.join(DIGITS)})\b")
_RUN = re.compile(r"\d{6,}")


def found(canaries: list[Canary], text: str) -> list[str]:
    """The traces of canaries that stand in a text."""
    low = text.lower()
    runs = _RUN.findall(_BETWEEN.sub("", _SPOKEN.sub(lambda m: str(DIGITS.index(m[1])), low)))
    joined = " ".join(runs)
    return [
        trace
        for trace in {trace for canary in canaries for trace in canary.traces}
        if (trace in joined if trace.isdigit() else trace in low)
    ]


def place(trace: str, text: str) -> int:
    """About where a trace stands in a text, for whoever looks at a leak; 0 when it is not found."""
    digits = [rf"(?:{d}|{DIGITS[int(d)]})" for d in trace] if trace.isdigit() else []
    pattern = r"[\W_]*".join(digits) if digits else re.escape(trace)
    match = re.search(pattern, text, re.IGNORECASE)
    return match.start() if match else 0

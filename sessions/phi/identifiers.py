"""Numbers that name a person: phone, SSN, record, plan, account, licence, plate, device, any id.

A run of digits counts by the cue before it, by what the bot asked, or by its shape alone (seven
digits and more, or four said one by one); doses, pressures, times and amounts are told apart by
what stands around them.
"""

import re

from sessions.phi import vocabulary as v
from sessions.phi.cues import NUMBERED, WEAK, last_before
from sessions.phi.numbers import Run, is_digit_word, numeric, runs
from sessions.phi.tokens import Words, is_letter, is_number

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


def find(words: Words, asked: tuple[str, ...], carried: str | None = None) -> None:
    """Label every numeric run that is an identifier.

    Args:
        words: The text.
        asked: What the bot asked for, earliest first.
        carried: Kind of the identifier that was being said when this text began.
    """
    previous: tuple[int, str] | None = None
    for run in runs(words):
        label = classify(words, run, asked, previous, carried if run.start == 0 else None)
        if label is None:
            continue
        if label == "ANY":
            size = len(run.digits)
            label = (
                "PHONE" if size in (7, 10, 11) else "SSN" if size == 9 and not run.letters else "ID"
            )
        start, stop = stretch(words, run, label)
        words.put(start, stop, label)
        words.glued.update(range(start + 1, stop))
        previous = (stop, label)


def classify(
    words: Words,
    run: Run,
    asked: tuple[str, ...],
    previous: tuple[int, str] | None,
    carried: str | None,
) -> str | None:
    """The kind of a run, or None when it is an ordinary number."""
    low, n = words.low, len(words)
    digits, letters = len(run.digits), run.letters
    left = max(0, run.start - 11)
    before = " ".join(low[left : run.start])
    after = " ".join(low[run.stop : run.stop + 5])
    following = low[run.stop] if run.stop < n else ""
    cue = last_before(before, ALL)
    label = cue[0] if cue else None
    gap = len(before[cue[1] :].split()) if cue else 99
    wanted = [kind for kind in asked if kind in NUMBERED or kind in ("ZIP", "DATE", "GEO", "NAME")]
    numbers_wanted = [kind for kind in wanted if kind not in ("GEO", "NAME")]
    if label in ("GEO", "NAME", "EMAIL", "AGE") and (digits >= 7 or not letters and numbers_wanted):
        label = None
    kind = label or (numbers_wanted[-1] if numbers_wanted else None)
    if label == "ANY" and numbers_wanted:
        kind = numbers_wanted[-1]
    if previous and run.start - previous[0] <= 6 and (label is None or gap > 3):
        kind = kind or previous[1]
    items = tuple(low[k] for k in run.items)
    if digits == 0:
        return spelled(words, run, items, kind, asked)
    clock = CLOCK.match(after) is not None and digits <= 4
    measured = (
        following in v.MEASURES
        or following in ("over", "percent")
        and run.stop + 1 < n
        or following in ("point", "or")
        and run.stop + 1 < n
        and is_number(low[run.stop + 1])
        or following == "and"
        and after.startswith(("and a half", "and a quarter"))
        or before.endswith((" point", " over"))
        or clock
        or following in ("to", "through")
        and run.stop + 1 < n
        and is_number(low[run.stop + 1])
        and run.singles < 4
    )
    strong_cue = (
        cue is not None and label in NUMBERED | {"ZIP"} and cue[2].strip() not in WEAK and gap <= 6
    )
    quantity = QUANTITY.search(before) is not None
    if carried and digits >= 2 and not measured:
        return carried
    if letters and letters <= 6 and digits >= 1:
        return coded(
            run, kind, digits, letters, measured or quantity, strong_cue, numbers_wanted, items
        )
    if measured and digits < 7 and not (strong_cue and gap <= 2 and digits >= 4):
        return None
    year = (
        digits == 4 and run.digits[:2] in ("18", "19", "20") and run.singles < 3 and not run.letters
    )
    if (
        year
        and before.endswith((" in", " since", " of", " until", " from"))
        and not before.endswith(("ending in", "ends in"))
        and not numbers_wanted
    ):
        return None
    if year and run.grouped and kind != "DATE":
        return None
    if kind == "DATE":
        if (
            digits >= 3
            and ("DATE" in asked or label == "DATE")
            and not run.grouped
            or digits >= 4
            and "DATE" in asked
        ):
            return "DATE" if digits <= 8 else "ID"
        if digits < 7:
            return None
    if digits >= 7 and not (run.grouped and digits < 9 and kind is None):
        if kind in NUMBERED and kind != "IP":
            return kind
        if kind == "ZIP" and digits == 9:
            return "GEO"
        if digits in (7, 10, 11):
            return "PHONE"
        return "SSN" if digits == 9 else "ACCOUNT" if digits >= 13 else "ID"
    if (
        run.grouped
        and digits in (3, 4, 5, 6)
        and run.digits.endswith("00")
        and not (strong_cue and gap <= 1)
    ):
        return None
    if (
        before.endswith((" between", " about", " around"))
        or before in ("between", "about")
        and digits < 6
    ):
        return None
    if kind == "ZIP" and digits >= 3 and (label == "ZIP" or "ZIP" in asked):
        return "GEO"
    if quantity and not strong_cue and digits < 5:
        return None
    if run.singles >= 4 and not run.grouped and not counting(items):
        if kind in ("GEO", "ZIP") or "GEO" in asked:
            return "GEO"
        return kind if kind in NUMBERED else "ID"
    if (
        strong_cue
        and digits >= 2
        and not run.grouped
        and (digits >= 3 or run.singles >= 2 or gap <= 2)
    ):
        if digits <= 3 and label in ("PHONE", "FAX") and run.singles < 3 and "code" not in cue[2]:
            return None
        if (
            digits == 2
            and label in v.words("PHONE HEALTHPLAN DEVICE VEHICLE MRN ID")
            and run.singles < 2
        ):
            return None
        return label if label != "ZIP" else "GEO"
    if (
        numbers_wanted
        and digits >= 3
        and (len(words) - (run.stop - run.start) <= 14 or run.size >= 4)
    ):
        return kind if kind != "ZIP" else "GEO"
    if numbers_wanted and digits == 2 and run.stop - run.start == len(words) and run.singles == 2:
        return kind if kind != "ZIP" else "GEO"
    if (
        previous
        and run.start - previous[0] <= 5
        and digits >= 2
        and previous[1] in NUMBERED
        and not run.grouped
    ):
        return previous[1]
    if kind in NUMBERED and label and digits >= 4 and not quantity:
        return kind
    if digits in (5, 6) and run.singles >= 2 and not quantity and not run.grouped:
        return kind if kind in NUMBERED else "ID"
    return None


def coded(
    run: Run,
    kind: str | None,
    digits: int,
    letters: int,
    ordinary: bool,
    strong: bool,
    wanted: list[str],
    items: tuple[str, ...],
) -> str | None:
    """A run with letters and digits: "r m three four eight", "b twelve" (which is a vitamin)."""
    if digits < 3 and not strong and not (wanted and run.size >= 4):
        return None
    if letters == 1 and digits < 3 and not strong:
        return None
    if ordinary and digits < 4 and not strong:
        return None
    if letters == 1 and items[0] in ("a", "i") and digits < 4 and not strong and not wanted:
        return None
    if kind in NUMBERED:
        return kind
    if kind in ("ZIP", "GEO"):
        return "GEO"
    if digits >= 3 and (run.size >= 5 or strong or wanted) or digits >= 4:
        return "ID"
    return None


def spelled(
    words: Words, run: Run, items: tuple[str, ...], kind: str | None, asked: tuple[str, ...]
) -> str | None:
    """A run of letters only: a spelled name, unless it is a known abbreviation."""
    size = run.letters
    repeated = any(item in v.REPEATS for item in items)
    helped = run.stop - run.start > len(items) + 1 or any(len(item) > 1 for item in items)
    if (
        kind in NUMBERED
        and "NAME" not in asked
        and size <= 8
        and size >= 3
        and items not in v.MEDICAL_LETTERS
    ):
        return kind
    if items in v.MEDICAL_LETTERS or any(
        items[k : k + 3] == ("w", "w", "w") for k in range(len(items))
    ):
        return None
    if size >= 3 or size == 2 and (repeated or helped):
        return "NAME"
    if size == 2 and "NAME" in asked and len(words) <= 6:
        return "NAME"
    return None


def counting(items: tuple[str, ...]) -> bool:
    """ "one two three four": somebody counts."""
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
    return start, run.stop

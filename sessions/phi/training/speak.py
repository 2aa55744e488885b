"""Written values as a caller says them, in many habits. For the training dialogues only."""

import random

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
NTH = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
MONTHS = (
    "january february march april may june july august september october november december"
).split()
HEARD = {  # what ears write instead
    "four": ["for", "fore"], "two": ["to", "too"], "eight": ["ate"], "one": ["won"],
    "six": ["sicks", "sex"], "three": ["tree", "free"], "nine": ["nein", "mine"], "five": ["hive"],
    "zero": ["hero"], "oh": ["owe", "o"], "seven": ["heaven"], "ten": ["tin"],
    "dot": ["dott"], "at": ["add"], "fourth": ["forth"], "may": ["mae"], "march": ["marsh"],
}  # fmt: skip


def cardinal(n: int, r: random.Random) -> str:
    """Such as "three hundred (and) five"."""
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + ("" if n % 10 == 0 else " " + ONES[n % 10])
    if n < 1000:
        rest = "" if n % 100 == 0 else r.choice([" ", " ", " and "]) + cardinal(n % 100, r)
        return f"{ONES[n // 100]} hundred{rest}"
    rest = "" if n % 1000 == 0 else " " + cardinal(n % 1000, r)
    return f"{cardinal(n // 1000, r)} thousand{rest}"


def ordinal(n: int) -> str:
    """Such as "twenty third"."""
    if n <= 20:
        return NTH[n]
    return "thirtieth" if n == 30 else f"{TENS[n // 10]} {NTH[n % 10]}"


def digits(s: str, r: random.Random) -> str:
    """A digit string: one by one, in pairs, with doubles, hundreds, hesitations, corrections."""
    oh = r.choice(["oh", "zero", "zero", "o"])
    style = r.choices(["one", "pairs", "double", "mixed"], [6, 2, 2, 2])[0]
    out: list[str] = []
    i = 0
    while i < len(s):
        two = s[i : i + 2]
        if len(two) == 2 and (style == "pairs" or style == "mixed" and r.random() < 0.3):
            if two == "00":
                out += [r.choice([oh, "double"]), oh] if r.random() < 0.6 else ["hundred"]
                if out[-1] == "hundred" and len(out) == 1:
                    out = [oh, oh]
            elif two[0] == "0":
                out += [oh, ONES[int(two[1])]]
            else:
                out += cardinal(int(two), r).split()
            i += 2
            continue
        if style == "double" and len(two) == 2 and two[0] == two[1]:
            out += ["double", oh if two[0] == "0" else ONES[int(two[0])]]
            i += 2
            continue
        out.append(oh if s[i] == "0" else ONES[int(s[i])])
        i += 1
    if len(out) > 4 and r.random() < 0.16:
        at = r.randint(1, len(out) - 1)
        help_ = r.choice(
            ["uh", "um", "er", "hmm", "let me see", "hang on", "and", "then", "dash", "okay", "wait",
             "one sec", "no sorry", "no wait", "sorry", "i mean", "let me check", "like", "so"]
        )  # fmt: skip
        if help_ in ("no sorry", "no wait", "sorry", "i mean") and at >= 2:
            out[at:at] = help_.split() + out[at - 2 : at]
        else:
            out[at:at] = help_.split()
    return " ".join(out)


def year(y: int, r: random.Random) -> str:
    """Such as "nineteen eighty two", "two thousand and four", "oh nine"."""
    if y == 2000:
        return "two thousand"
    if 2000 < y < 2010:
        return r.choice(
            [f"two thousand {ONES[y % 100]}", f"two thousand and {ONES[y % 100]}",
             f"oh {ONES[y % 100]}", f"twenty oh {ONES[y % 100]}"]
        )  # fmt: skip
    if y > 2009:
        return r.choice(
            [f"twenty {cardinal(y % 100, r)}", f"two thousand {cardinal(y % 100, r)}",
             f"two thousand and {cardinal(y % 100, r)}"]
        )  # fmt: skip
    if y % 100 == 0:
        return "nineteen hundred"
    low = f"oh {ONES[y % 100]}" if y % 100 < 10 else cardinal(y % 100, r)
    return f"nineteen {low}" if r.random() < 0.88 else low


def date(r: random.Random, with_year: bool = True) -> str:
    """A date in the habits of two countries."""
    month, day, y = r.randint(1, 12), r.randint(1, 28), r.randint(1922, 2024)
    tail = " " + year(y, r) if with_year else ""
    name = MONTHS[month - 1]
    if r.random() < 0.06:
        name = r.choice(["uh ", "um "]) + name
    style = r.random()
    if style < 0.45:
        return f"{name} {ordinal(day)}{tail}"
    if style < 0.55:
        return f"{name} the {ordinal(day)}{tail}"
    if style < 0.75:
        return f"{r.choice(['the ', ''])}{ordinal(day)} of {name}{tail}"
    if style < 0.82:
        return f"{ordinal(day)} {name}{tail}"
    if style < 0.9 and with_year:
        return f"{cardinal(month, r)} {cardinal(day, r)} {year(y, r)}"
    if style < 0.93 and with_year:
        return f"the {ordinal(day)} of the {ordinal(month)}{tail}"
    return f"{name} {cardinal(day, r)}{tail}" if with_year else f"the {ordinal(day)} of {name}"


def mishear(text: str, share: float, r: random.Random) -> str:
    """Homophones for a share of the words that have one."""
    return " ".join(
        r.choice(HEARD[w]) if w in HEARD and r.random() < share else w for w in text.split(" ")
    )

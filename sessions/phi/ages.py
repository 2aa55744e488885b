"""Ages over 89, the only ages that HIPAA counts as identifiers."""

import re

from sessions.phi import vocabulary as v
from sessions.phi.tokens import Words, is_number


def find(words: Words, asked: tuple[str, ...]) -> None:
    """Ages over 89, the ages HIPAA counts as identifiers."""
    low, n = words.low, len(words)
    for i in range(n):
        begin, end = i, 0
        if low[i] == "ninety" and (i == 0 or not is_number(low[i - 1])):
            end = i + 2 if i + 1 < n and v.DIGITS.get(low[i + 1], "0") != "0" else i + 1
        elif low[i] == "hundred" and i and low[i - 1] in ("one", "a"):
            begin, end = i - 1, i + 1
            k = i + 2 if i + 1 < n and low[i + 1] == "and" else i + 1
            if k < n and (
                v.DIGITS.get(low[k], "0") != "0" or low[k] in ("ten", "eleven", "twelve")
            ):
                end = k + 1
        elif re.fullmatch(r"9\d|1[01]\d", low[i]):
            end = i + 1
        elif low[i] in ("nineties", "90s", "centenarian", "nonagenarian"):
            if low[i] in ("nineties", "90s") and not (
                i > 1
                and low[i - 1] in v.words("his her my their mid late early the")
                and low[max(0, i - 2)] in ("in", "her", "his")
            ):
                continue
            words.put(i, i + 1, "AGE")
            continue
        if not end or any(words.label[begin:end]):
            continue
        after = " ".join(low[end : end + 4])
        before = " ".join(low[max(0, begin - 5) : begin])
        old = re.match(
            r"(?:uh |um )?(?:years?(?:'s)?(?: old| of age| young)|y(?:ea)?r olds?|years? and|now$|and (?:a half|still|lives|she|he)|this (?:year|month)|next "
            r"(?:year|month|week|birthday)|last (?:year|month|week)|birthday|in (?:"
            + "|".join(v.MONTHS)
            + r"))",
            after,
        )
        cued = re.search(
            r"(?:turn(?:s|ed|ing)?|aged?|age (?:of|is|was)|old (?:is|as)|is (?:now|already|almost|nearly|about|only)|almost|nearly|"
            r"(?:she|he|mom|mother|dad|father|grandmother|grandfather|grandma|grandpa|aunt|uncle|husband|wife|patient|who|and|lady|man|neighbor)(?:'s| is| was|)|"
            r"i'm|i am|already|reached|lived to(?: be)?|made it to|died at|passed (?:away )?at|(?:she|he) will be|be|was)(?: uh| um)?$",
            before,
        )
        unit = after.split(" ")[0] in v.MEASURES or after.startswith(
            ("over", "percent", "point", "degrees", "beats")
        )
        first_words = (
            "AGE" in asked
            and all(w in v.STOP or w in v.HESITATIONS for w in low[:begin])
            and not unit
        )
        if old or first_words or cued and not unit and (begin == 0 or low[begin - 1] != "over"):
            words.put(begin, end, "AGE")
        elif unit and cued and after.startswith("years") and not after.startswith("years ago"):
            words.put(begin, end, "AGE")

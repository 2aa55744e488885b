"""E-mail, web and network addresses, spoken ("b patrick at comcast dot net") and written."""

import re

from sessions.phi import vocabulary as v
from sessions.phi.lexicon import COMMON
from sessions.phi.tokens import CLINICAL, Words, is_letter, is_number

JOINTS = v.words("dot underscore dash hyphen plus period minus")
DOTS = v.words("dot period dought dott")
LEAD_INS = v.words(
    "is it's its that's that to use email mail address sure okay ok so yes yeah my the be as or on by "
    "me please would will i'll and just try it a contact reach send you can at good best uh um er well "
    "his her their our one wife's husband's work home personal email's mine with was i'd say probably "
    "goes like spelled then email- e under called have have's for alternate other also either old new"
)
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
WRITTEN: list[tuple[str, re.Pattern[str]]] = [
    ("EMAIL", re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")),
    ("URL", re.compile(
        r"(?:https?://|www\.)\S+|\b[a-z0-9][\w-]*(?:\.[\w-]+)*\.(?:com|net|org|co|io|gov|edu|info|uk|us|"
        r"health|app|dev|me|care|biz|clinic)\b(?:/\S*)?", re.I)),
    ("IP", re.compile(
        r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}\b|"
        r"\b(?:[0-9a-f]{1,4}:){1,6}:(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?", re.I)),
    ("DEVICE", re.compile(r"\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b", re.I)),
    ("SSN", re.compile(r"\b\d{3}[- ]\d{2}[- ]\d{4}\b")),
    ("DATE", re.compile(
        r"\b\d{4}-\d\d?-\d\d?(?:[ T]\d\d:\d\d(?::\d\d)?)?\b|\b\d{1,2}[/.\-]\d{1,2}[/.\-](?:\d{4}|\d{2})\b|"
        r"(?:(?<=on )|(?<=since )|(?<=from )|(?<=until )|(?<=by ))(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])\b|"
        rf"\b{MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?\b(?:,? \d{{4}}\b)?|"
        rf"\b\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{MONTH}\b(?:,? \d{{4}}\b)?", re.I)),
    ("VEHICLE", re.compile(r"\b(?=[A-HJ-NPR-Z0-9]*\d)[A-HJ-NPR-Z0-9]{17}\b")),
    ("ACCOUNT", re.compile(r"\b(?:\d[ -]?){12,18}\d\b|\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}\b")),
    ("PHONE", re.compile(r"(?<![\w.])(?:\+\d{1,3}[ .\-]?|00|1[ .\-])?\(?\d{2,4}\)?(?:[ .\-/]\(?\d{2,5}\)?){1,4}(?: ?(?:x|ext\.?) ?\d+)?\b(?![.,]\d)")),
]  # fmt: skip


AMOUNT = re.compile(
    r"\$ ?\d[\d,.]*|(?<![\d-])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d-])|(?<![\d.])\d{1,3}\.\d{1,2}(?![\d.])|"
    r"\b\d{1,2}:\d{2}\b(?!:)|\b\d{3}/\d{2,3}\b(?!/)|\b\d+ ?(?:%|mg|mcg|ml|mmhg|bpm)\b",
    re.I,
)


def find(words: Words, asked: tuple[str, ...]) -> None:
    """Label written forms first, then spoken addresses.

    Args:
        words: The text.
        asked: What the bot asked for.
    """
    written(words)
    i = 0
    while i < len(words):
        if words.label[i] is None and (words.low[i] in DOTS or words.low[i] == "at"):
            i = max(i + 1, spoken(words, i, asked))
        else:
            i += 1
    if "EMAIL" in asked or "URL" in asked:
        unfinished(words)


def written(words: Words) -> None:
    """Label what a formatting ASR or a keyboard writes."""
    text = words.text
    if not any(c in "@.-/:()" or c.isdigit() for c in text):
        return
    for label, pattern in WRITTEN:
        for match in pattern.finditer(text):
            if label == "PHONE" and sum(c.isdigit() for c in match.group()) < 7:
                continue
            if label == "URL" and "@" in text[max(0, match.start() - 1) : match.end()]:
                continue
            put(words, match, label)
    for match in AMOUNT.finditer(text):
        put(words, match, CLINICAL)


def put(words: Words, match: re.Match[str], label: str) -> None:
    """Label the words under a match."""
    for k in range(len(words)):
        if words.start[k] < match.end() and words.end[k] > match.start():
            words.put(k, k + 1, label)


def spoken(words: Words, i: int, asked: tuple[str, ...]) -> int:
    """Read the address around a "dot" or an "at" at word ``i``; index after it, or 0."""
    low, n = words.low, len(words)
    if low[i] == "at":
        j = skip(low, i + 1, n)
        sign = i + 1 < n and low[i + 1] == "sign"
        host = j < n and (
            low[j] in v.EMAIL_HOSTS and low[j] not in v.words("me live cox charter proton mail mac")
        )
        letters_host = (
            low[j : j + 2] == ["g", "mail"]
            or low[j : j + 3] == ["a", "o", "l"]
            or low[j : j + 2] == ["i", "cloud"]
            or low[j : j + 2] == ["hot", "mail"]
        )
        dotted = next((k for k in range(j, min(n, j + 9)) if low[k] in DOTS), None)
        ends = dotted is not None and dotted + 1 < n and tld(low, dotted + 1, n)
        if not (host or letters_host or sign or ends):
            return 0
        if ends and any(
            low[k] in v.STOP
            and not is_letter(low[k])
            and low[k] not in v.words("me us my the of and health clinic doctor mail")
            for k in range(j, dotted or j)
        ):
            if not (host or sign):
                return 0
        end = (
            dotted + 1
            if ends and dotted is not None
            else j + (2 if letters_host and not host else 1)
        )
        if ends and dotted is not None:
            end = tld_end(low, dotted + 1, n)
        if (
            low[i - 1 : i]
            and low[i - 1] in v.words("look looking see is check reach me up it's")
            and low[j] in v.words("my the our w www")
        ):
            return 0
        begin = local_part(words, i)
        if begin == i:
            return 0
        words.put(begin, end, "EMAIL", over=("NAME", "PHONE", "ID", "URL"))
        return end
    # a dot: IP, then web address
    if address := ip(words, i):
        return address
    end = tld(low, i + 1, n)
    if not end:
        return 0
    www = low[max(0, i - 12) : i]
    host = i
    count = 0
    while host > 0 and words.label[host - 1] is None and count < 14:
        word = low[host - 1]
        if (
            word in DOTS
            or word in v.words("www dash hyphen slash underscore")
            or is_letter(word)
            and word not in ("i",)
            or is_number(word)
        ):
            host -= 1
        elif word in ("w's", "ws") or word in v.REPEATS:
            host -= 1
        elif low[host] in DOTS | {"dash", "hyphen", "underscore"} and word not in v.HESITATIONS:
            host -= 1
        elif glued(words, host - 1, i):
            host -= 1
        else:
            break
        count += 1
    for k in range(max(0, i - 12), i):
        if (low[k] == "www" or low[k : k + 3] == ["w", "w", "w"]) and words.label[k] is None:
            host = min(host, k)
            break
    if host == i:
        return 0
    end = tld_end(low, i + 1, n)
    while end < n and low[end] in ("slash", "forward", "backslash"):
        end += 1
        while end < n and low[end] == "slash":
            end += 1
        end += 1
        while end < n and (is_letter(low[end]) or is_number(low[end]) or low[end] in JOINTS):
            end += 1
    label = "URL"
    if "EMAIL" in asked and "URL" not in asked:
        at = next((k for k in range(host, i) if low[k] in ("at", "add", "ad", "that")), None)
        label = "EMAIL" if at is not None or "www" not in www else "URL"
        host = local_part(words, host) if label == "EMAIL" else host
    words.put(host, min(end, n), label)
    return end


def skip(low: list[str], i: int, n: int) -> int:
    """Over "sign", "the" and hesitations after "at"."""
    while i < n and (low[i] in v.HESITATIONS or low[i] in ("sign", "the", "symbol")):
        i += 1
    return i


def tld(low: list[str], i: int, n: int) -> int:
    """Index after a top-level domain at ``i``, or 0."""
    while i < n and low[i] in v.HESITATIONS:
        i += 1
    if i < n and low[i] in v.TLDS:
        return i + 1
    for spelled in ("e d u", "o r g", "c o m", "n e t", "g o v", "u k", "u s", "i o"):
        parts = spelled.split()
        if low[i : i + len(parts)] == parts:
            return i + len(parts)
    return 0


def tld_end(low: list[str], i: int, n: int) -> int:
    """End of one or more top-level domains ("co dot uk")."""
    end = tld(low, i, n)
    while end < n and low[end] in DOTS and tld(low, end + 1, n):
        end = tld(low, end + 1, n)
    return end


def glued(words: Words, k: int, dot: int) -> bool:
    """Word ``k`` belongs to the host name that ends before the dot."""
    word = words.low[k]
    if word in LEAD_INS or word in v.STOP or word in v.HESITATIONS:
        return False
    return dot - k <= 3 and word not in v.words(
        "page site website see url link online portal blog profile"
    )


def local_part(words: Words, at: int) -> int:
    """First word of what stands before the "at" of an e-mail address."""
    low = words.low
    k, plain = at, 0
    while k > 0 and at - k < 40:
        word = low[k - 1]
        if words.label[k - 1] in ("EMAIL", "URL", "DATE", "SSN"):
            break
        joint = low[k] in JOINTS and k < at
        if (
            word in JOINTS
            or word in v.REPEATS
            or is_number(word)
            or is_letter(word)
            and (
                word not in ("a", "i")
                or k - 1 == 0
                or joint
                or is_letter(low[k])
                or is_number(low[k])
                or k == at
            )
        ):
            k -= 1
        elif word in v.HESITATIONS and k > 1 and low[k - 2] not in LEAD_INS:
            k -= 1
        elif word in ("in", "as") and k > 2 and (is_letter(low[k - 2]) or low[k - 2] == "as"):
            k -= 1
        elif joint:
            k -= 1
            plain += 1
        elif word == "a" and plain == 1 and (k == 1 or low[k - 2] in LEAD_INS):
            k -= 1
            break
        elif word in LEAD_INS or word in v.words("all one word lowercase case lower") and plain:
            if word in v.words("one word all case lower lowercase"):
                k -= 1
                continue
            break
        elif plain and is_letter(low[k]) and words.flags[k - 1] & COMMON and word != "dot":
            break  # "i check j nielsen at"
        elif plain >= 4 or plain >= 1 and word in v.STOP and words.flags[k - 1] & COMMON:
            break
        else:
            k -= 1
            plain += 1
    while k < at and (low[k] in v.HESITATIONS or low[k] in ("in", "as")):
        k += 1
    return k


def ip(words: Words, dot: int) -> int:
    """Label "one eight dot two oh seven dot ..." and return the index after it, or 0."""
    low, n = words.low, len(words)

    def part(word: str) -> bool:
        return (
            is_number(word)
            or word in v.MULTIPLIERS
            or word in v.REPEATS
            or word in v.HESITATIONS
            or word == "and"
        )

    begin = dot
    while begin > 0 and part(low[begin - 1]) and dot - begin < 7 and words.label[begin - 1] is None:
        begin -= 1
    while begin < dot and (not is_number(low[begin])):
        begin += 1
    if begin == dot:
        return 0
    end, dots = dot + 1, 1
    while end < n and (part(low[end]) or low[end] in DOTS | {"point"} and dots < 3):
        dots += low[end] in DOTS | {"point"}
        end += 1
    while end > dot and not (is_number(low[end - 1]) or low[end - 1] == "hundred"):
        end -= 1
    if dots < 2:
        return 0
    words.put(begin, end, "IP", over=("PHONE", "ID"))
    return end


def unfinished(words: Words) -> None:
    """The bot asked for an e-mail address and the answer has an "at" or a "dot" no rule took."""
    low, n = words.low, len(words)
    if any(label in ("EMAIL", "URL") for label in words.label):
        return
    for i in range(n):
        if low[i] in ("at", "underscore") or low[i] in DOTS:
            begin = local_part(words, i)
            if begin < i and not all(low[k] in v.STOP for k in range(begin, i)):
                end = i + 1
                while end < n and (low[end] not in v.STOP or low[end - 1] in DOTS) and end - i < 6:
                    end += 1
                if end > i + 1 or low[i] != "at":
                    words.put(begin, end, "EMAIL")
                    return

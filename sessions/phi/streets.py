"""Street addresses, units, boxes and postal codes."""

from sessions.phi import vocabulary as v
from sessions.phi.gazetteer import place_at, state_at
from sessions.phi.lexicon import COMMON, DICTIONARY, SAFE, last
from sessions.phi.tokens import Words, is_letter, is_number

COMPASS = v.words("north south east west northeast northwest southeast southwest n s e w")


def streets(words: Words, asked: tuple[str, ...]) -> None:
    """Number, name and street word: "three fifty eight ortiz street"."""
    low, n = words.low, len(words)
    for i in range(1, n):
        if low[i] not in v.STREETS or words.label[i] == "EMAIL":
            continue
        k, count = i - 1, 0
        while (
            k >= 0
            and count < 4
            and not is_number(low[k])
            and (
                low[k] not in v.STOP
                or low[k] in v.words("st long new old little great first good morning night the")
                and count > 0
                or low[k] == "state"
            )
            and low[k] not in v.HESITATIONS
            and not words.breaks(k)
        ):
            if low[k] in v.RELATIONS and low[k] not in ("king", "church"):
                break
            k -= 1
            count += 1
        begin = k + 1
        number = k
        while (
            number >= 0
            and (low[number] in v.HESITATIONS or low[number] in ("and", "on"))
            and number > k - 2
        ):
            number -= 1
        numbered = number >= 0 and (
            is_number(low[number])
            or low[number] in v.ORDINALS
            or low[number] == "hundred"
            or low[number][0].isdigit()
        )
        if numbered and low[k] in ("on",):
            numbered = False
        if not numbered:
            cued = k >= 0 and low[k] in v.words(
                "on at off of from and near by to live street is it's"
            )
            asks = "GEO" in asked
            if count == 0 or not (cued and low[i] in v.PLAIN_STREETS or asks):
                continue
            direct = (
                k >= 0
                and low[k] in v.words("on off at near by")
                or k > 0
                and low[k] == "of"
                and low[k - 1] in ("off", "corner")
            )
            if (
                not direct
                and all(
                    words.flags[q] & COMMON and not last(words.flags[q]) for q in range(begin, i)
                )
                and not asks
            ):
                continue
            if (
                low[i]
                in v.words(
                    "drive court circle trail way place close square run point hill row green path "
                    "walk loop route"
                )
                and not (
                    cued and count and not all(words.flags[q] & DICTIONARY for q in range(begin, i))
                )
                and not asks
            ):
                continue
            words.put(begin, i + 1, "GEO", over=("NAME",))
            after_street(words, i + 1)
            continue
        if count == 0 and low[number] not in v.ORDINALS:
            if low[i] not in v.words("broadway highway route street avenue hwy"):
                continue
        if low[i] not in v.PLAIN_STREETS and count == 0:
            continue
        if (
            low[i]
            in v.words(
                "way place close run point hill row green walk square bend landing path loop ter"
            )
            and number >= 1
            and low[number] == "one"
            and low[number - 1]
            not in v.words("is at two three four five six seven eight nine oh zero")
        ):
            continue
        house = number
        while (
            house > 0
            and (
                is_number(low[house - 1])
                or low[house - 1] in ("hundred", "thousand")
                or low[house - 1] in v.REPEATS
                or low[house - 1] == "number"
                or is_letter(low[house - 1])
                and low[house - 1] in COMPASS
                or (
                    house > 1
                    and (low[house - 1] in v.HESITATIONS or low[house - 1] == "and")
                    and (is_number(low[house - 2]) or low[house - 2] == "hundred")
                )
                or low[house - 1][0].isdigit()
            )
            and words.label[house - 1] not in ("DATE", "SSN")
        ):
            house -= 1
        stop = i + 1
        if stop < n and low[stop] in COMPASS and len(low[stop]) > 1:
            stop += 1
        words.put(
            house,
            stop,
            "GEO",
            over=(
                "NAME",
                "ID",
                "PHONE",
                "ACCOUNT",
                "MRN",
                "LICENSE",
                "HEALTHPLAN",
                "DEVICE",
                "FAX",
            ),
        )
        after_street(words, stop)


def after_street(words: Words, i: int) -> None:
    """What follows a street belongs to it: unit, city, state, postal code."""
    low, n = words.low, len(words)
    j = i
    for _ in range(6):
        while j < n and (
            low[j] in v.HESITATIONS
            or low[j] in v.words("in and that's the city of comma zip code is it's")
        ):
            j += 1
        if j >= n or words.breaks(j - 1) and j > i + 2:
            break
        if low[j] in v.UNITS_OF_HOME and j + 1 < n:
            end = unit_end(words, j)
            if end > j + 1:
                words.put(j, end, "GEO", over=("NAME", "ID", "PHONE", "ACCOUNT"))
                j = end
                continue
        if is_number(low[j]) or low[j] in v.REPEATS:
            end = j
            while end < n and (
                is_number(low[end]) or low[end] in v.HESITATIONS or low[end] in v.REPEATS
            ):
                end += 1
            while low[end - 1] in v.HESITATIONS:
                end -= 1
            if low[end : end + 1] and low[end] in v.MEASURES:
                break
            words.put(j, end, "GEO", over=("ID", "PHONE", "ACCOUNT"))
            j = end
            continue
        end, tier = place_at(words, j)
        if tier and (j == i or end - j > 1 or low[j] not in v.STOP) and low[j] not in v.STOP:
            words.put(j, end, "GEO", over=("NAME",))
            j = end
            continue
        end = state_at(words, j)
        if end > j and j > i:
            words.put(j, end, "GEO")
            j = end
            continue
        break


def unit_end(words: Words, i: int) -> int:
    """Index after "apartment twenty nine", "unit f", "suite eight five b"."""
    low, n = words.low, len(words)
    j = i + 1
    while j < n and low[j] in ("number", "letter", "is"):
        j += 1
    begin = j
    while (
        j < n
        and j - begin < 5
        and (
            is_number(low[j])
            or is_letter(low[j])
            and (low[j] not in ("i",))
            or low[j] in ("hundred", "floor")
            or low[j] in v.HESITATIONS
            or any(c.isdigit() for c in low[j])
        )
    ):
        if (
            low[j] in ("a", "i")
            and j == begin
            and j + 1 < n
            and low[j + 1] not in v.STOP
            and not place_at(words, j + 1)[1]
        ):
            break
        j += 1
    if j > begin and low[j - 1] in v.HESITATIONS:
        j -= 1
    if begin < n and j == begin and low[begin] in v.ORDINALS:
        j += 1
    return j if j > begin else i


def routes(words: Words) -> None:
    """Such as "route nine", "highway sixty six", and "four one oh two larkspur in plano"."""
    low, n = words.low, len(words)
    for i in range(n - 1):
        if (
            low[i] in ("route", "highway", "interstate", "hwy")
            and is_number(low[i + 1])
            and words.label[i] is None
        ):
            end = i + 1
            while end < n and is_number(low[end]):
                end += 1
            words.put(
                i - 1 if i and low[i - 1] in ("state", "county", "us", "old") else i,
                end,
                "GEO",
                over=("ID",),
            )
    for i in range(2, n):
        if (
            not (
                is_number(low[i - 1])
                and words.label[i - 1] in ("GEO", "ID", None)
                and words.label[i] in (None, "NAME")
            )
            or low[i] in v.STOP
            or is_number(low[i])
            or low[i] in v.MEASURES
        ):
            continue
        begin = i - 1
        while begin > 0 and (is_number(low[begin - 1]) or low[begin - 1] == "hundred"):
            begin -= 1
        if (
            begin == 0
            or low[begin - 1] != "at"
            and not (low[begin - 1] in ("is", "on") and "address" in low)
        ):
            continue
        end = i + 1
        if (
            end < n
            and low[end] not in v.STOP
            and not is_number(low[end])
            and not place_at(words, end)[1]
        ):
            end += 1
        placed = (
            end == n
            or low[end] == "in"
            and end + 1 < n
            and place_at(words, end + 1)[1]
            or place_at(words, end)[1]
            and low[end] not in v.STOP
        )
        if (
            placed
            and (begin < 2 or low[begin - 2] not in v.words("was pain open works run runs sugar"))
            and not words.flags[i] & SAFE
        ):
            words.put(begin, end, "GEO", over=("ID", "NAME", "PHONE"))
            after_street(words, end)


def units(words: Words) -> None:
    """An apartment with its number, wherever it is said."""
    low, n = words.low, len(words)
    for i in range(n - 1):
        if low[i] not in v.words("apartment apt unit suite flat lot ste") or words.label[i]:
            continue
        end = unit_end(words, i)
        near = i > 0 and words.label[i - 1] == "GEO" or "GEO" in words.label[i + 1 : end + 3]
        if (
            end == i
            or low[i] in ("unit", "flat", "lot")
            and not near
            and not (end < n and low[end] in v.STREETS)
        ):
            continue
        if low[i] == "suite" and end - i < 2:
            continue
        words.put(i, end, "GEO", over=("ID", "PHONE"))
        after_street(words, end)
    for i in range(n - 2):
        if low[i] in v.ORDINALS and low[i + 1] == "floor" and i and words.label[i - 1] == "GEO":
            words.put(i, i + 2, "GEO")


def boxes(words: Words) -> None:
    """Such as "p o box four one two"."""
    low, n = words.low, len(words)
    for i in range(n - 1):
        if low[i] != "box" or not (is_number(low[i + 1]) or low[i + 1] == "number"):
            continue
        if low[max(0, i - 2) : i] == ["p", "o"] or low[i - 1] in ("po", "post", "office", "mail"):
            end = i + 1
            while end < n and (
                is_number(low[end])
                or low[end] in v.HESITATIONS
                or low[end] in ("number", "hundred")
                or low[end] in v.REPEATS
            ):
                end += 1
            begin = i - 2 if low[i - 1] in ("o", "office") else i - 1
            words.put(max(0, begin), end, "GEO", over=("ID", "PHONE", "ACCOUNT"))
            after_street(words, end)


def postcodes(words: Words) -> None:
    """Postal codes of letters and digits: "n w three six p q", "m five v two t six"."""
    low, n = words.low, len(words)
    i = 0
    while i < n:
        if (
            words.label[i] in (None, "ID")
            and len(low[i]) <= 2
            and low[i].isalpha()
            and low[i] not in v.STOP
            and low[i] not in v.HESITATIONS
            and low[i] != "o"
        ):
            j = i + 1
            if j < n and is_letter(low[i]) and is_letter(low[j]):
                j += 1
            k = j
            while k < n and is_number(low[k]) and k - j < 4:
                k += 1
            tail = k
            while (
                tail < n
                and len(low[tail]) <= 2
                and low[tail].isalpha()
                and low[tail] not in v.STOP
                and low[tail] not in v.HESITATIONS
                and tail - k < 2
            ):
                tail += 1
            if 0 < k - j <= 4 and tail - k == 2 and (i == 0 or not is_letter(low[i - 1])):
                words.put(i, tail, "GEO", over=("ID",))
                i = tail
                continue
        i += 1

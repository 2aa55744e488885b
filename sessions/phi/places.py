"""Places below the state: street addresses, units, cities, counties and postal codes."""

from sessions.phi import streets
from sessions.phi import vocabulary as v
from sessions.phi.gazetteer import place_at, state_at
from sessions.phi.lexicon import COMMON, DICTIONARY, STATE, first, last, lexicon
from sessions.phi.tokens import Words, is_number

BEFORE_CITY = v.words(
    "in from near to around outside over at by of into toward towards across downtown called visiting "
    "leaving through via between and or north south east west central uptown greater"
)
MOVES = v.words(
    "live lives living lived moved from in near located reside resides born raised downtown outside "
    "visiting based staying stay city town grew"
)
NOT_PLACES = v.words(
    "the a an my your bed pain back surgery hospital clinic work home school town march may april june "
    "august general hand bath sleep bend early beach center centre spring springs summer hope price "
    "orange price best mobile reading enterprise independence surprise normal nice male cut bar ok "
    "much many most us me university college union lead page liberty price opportunity eagle why "
    "truth law general eighty four hundred bay hill hills park lake river grand junction valley"
)
SURE_CITY_WORDS = v.words(
    "buffalo mobile reading orange phoenix lincoln madison independence aurora bath nice enterprise mesa corona "
    "garland chandler anchorage riverside providence wellington surrey queens oxford newton concord dyer troy chino "
    "largo lisle garner linden rogers tucker upland midland billings mesquite savannah davenport flagstaff dover gary "
    "salem reno provo macon waco flint peoria cork slough leeds"
)


def find(words: Words, asked: tuple[str, ...]) -> None:
    """Label every place below the state.

    Args:
        words: The text; digits may already be labelled.
        asked: What the bot asked for.
    """
    streets.streets(words, asked)
    streets.routes(words)
    streets.units(words)
    streets.postcodes(words)
    streets.boxes(words)
    cities(words, asked)
    answers(words, asked)


def cities(words: Words, asked: tuple[str, ...]) -> None:
    """Cities and counties of the gazetteer, by cue or because nothing else has that name."""
    low, n, flags = words.low, len(words), words.flags
    i = 0
    while i < n:
        if words.label[i] is not None:
            i += 1
            continue
        end, tier = place_at(words, i)
        if not tier or any(words.label[i:end]):
            i += 1
            continue
        if take_city(words, i, end, tier, asked):
            if (
                i
                and low[i - 1]
                in v.words("saint st san santa los las el la fort mount new port lake")
                and words.label[i - 1] is None
            ):
                words.put(i - 1, i, "GEO")
            stop = end
            if stop < n and low[stop] in v.words(
                "county township parish beach heights city springs park falls village hills "
                "island valley"
            ):
                stop += 1
            words.put(i, stop, "GEO")
            after = state_at(words, stop)
            if after > stop and not words.breaks(stop - 1):
                words.put(stop, after, "GEO")
                stop = after
                while stop < n and is_number(low[stop]) and words.label[stop] in (None, "ID"):
                    words.put(stop, stop + 1, "GEO", over=("ID",))
                    stop += 1
            i = stop
        else:
            i = i + 1
    for i in range(1, n):
        if (
            low[i] in ("county", "township", "borough", "parish")
            and words.label[i - 1] in (None, "NAME")
            and low[i - 1] not in v.STOP
            and not flags[i - 1] & STATE
        ):
            words.put(i - 1, i + 1, "GEO", over=("NAME",))


def take_city(words: Words, i: int, end: int, tier: int, asked: tuple[str, ...]) -> bool:
    """A gazetteer phrase is meant as a place here."""
    low, flags = words.low, words.flags
    phrase = " ".join(words.bare[i:end])
    one = end - i == 1
    before = low[i - 1] if i else ""
    two_before = low[i - 2] if i > 1 else ""
    follows_geo = i > 0 and words.label[i - 1] == "GEO"
    state_next = state_at(words, end) > end
    place_cue = before in v.words("in from near outside downtown toward towards visiting") or (
        before in BEFORE_CITY
        and two_before
        in MOVES
        | v.words(
            "drive drove fly flew go going went travel traveled transferred relocated sent ship move moving back over"
        )
    )
    asks = "GEO" in asked
    if low[i] in v.STOP and not (not one and tier >= 2) or low[i] in v.HESITATIONS:
        return False
    if one and flags[i] & STATE and not state_next and not follows_geo:
        return False
    if not one and lexicon().flags(phrase) & STATE and not state_next and not follows_geo:
        return place_cue and phrase in ("new york", "washington")
    if state_next and low[end] not in v.words("me in or ok oh"):
        return not (one and low[i] in v.STOP)
    wordy = bool(flags[i] & DICTIONARY)
    nameish = first(flags[i]) >= 2 or last(flags[i]) == 3
    if one:
        if low[i] in v.NOT_A_NAME or low[i] in v.MONTHS:
            return False
        if wordy:
            return (
                (
                    low[i] in SURE_CITY_WORDS
                    and before in ("in", "from")
                    and two_before not in ("am",)
                )
                or (
                    asks
                    and len(words) <= 5
                    and tier >= 1
                    and low[i] not in v.STOP
                    and not flags[i] & COMMON
                )
                or asks
                and place_cue
                and tier >= 2
                and low[i] not in NOT_PLACES
            )
        if low[i] in NOT_PLACES and not state_next:
            return False
        if place_cue or follows_geo or asks and len(words) <= 12:
            return True
        if before in v.RELATIONS or before in v.TITLES:
            return False
        return tier == 3 and not nameish and not first(flags[i])
    common = all(f & DICTIONARY for f in flags[i:end])
    if place_cue or follows_geo or asks:
        return not common or tier >= 2 or asks
    if first(flags[i]) >= 2 and last(flags[end - 1]):
        return False
    return tier >= 2 and not common or tier == 3 and end - i > 2


def answers(words: Words, asked: tuple[str, ...]) -> None:
    """The bot asked where, and no rule knows the place: take what carries a number or no meaning."""
    if "GEO" not in asked or "GEO" in words.label:
        return
    low, n = words.low, len(words)
    for i in range(n):
        if is_number(low[i]) and words.label[i] in (None, "ID", "PHONE", "ACCOUNT"):
            end = i
            while (
                end < n
                and end - i < 9
                and (
                    is_number(low[end])
                    or low[end] not in v.STOP
                    or low[end] in ("new", "first", "old")
                )
            ):
                end += 1
            while end > i and low[end - 1] in v.HESITATIONS:
                end -= 1
            if (
                end < n
                and (low[end] in v.MEASURES or low[end] in ("over", "point"))
                or "over" in low[i:end]
                or any(low[q] in v.MEASURES for q in range(i, end))
            ):
                return
            if end - i >= 2:
                words.put(i, end, "GEO", over=("ID", "PHONE", "ACCOUNT"))
            return

"""Names that somebody introduces: "my name is", "this is", and the answer to "who is calling"."""

from typing import TYPE_CHECKING

from sessions.phi import vocabulary as v
from sessions.phi.lexicon import COMMON, SAFE, first, last
from sessions.phi.name_cues import AFTER_NAME, ANSWER_LEAD, DETERMINERS, GREETING, STRONG
from sessions.phi.names import closed, strength
from sessions.phi.tokens import is_letter

if TYPE_CHECKING:
    from sessions.phi.people import People


def cued(people: "People") -> None:
    """Such as "my name is", "speaking with", and the weaker "this is", "i'm", "hi"."""
    words, low = people.words, people.low
    text = " ".join(low)
    starts, position = {}, 0
    for i, word in enumerate(low):
        starts[position] = i
        position += len(word) + 1

    def after(position: int) -> int | None:
        while position < len(text) and text[position] in " ,:":
            position += 1
        return starts.get(position)

    for match in STRONG.finditer(text):
        k = after(match.end())
        if k is None:
            continue
        cue = match.group()
        named = "name" in cue or "call" in cue or "go" in cue or "known" in cue or "under" in cue
        lead = k
        while (
            k < people.n
            and (
                low[k] in v.HESITATIONS
                or named
                and low[k] in v.words("is the a it's uh actually mister doctor that's spelled")
            )
            and k - lead < 4
        ):
            k += 1
        if not people.free(k):
            continue
        real = "name" in cue
        power = strength(words, k)
        if not power and real and not closed(words, k) and ("is" in cue or cue.endswith("'s")):
            power = 1
        if real and power >= 1 and (cue.startswith(("your", "the names")) is False):
            stop = max(k + 1, people.extend(k, 1, 4))
            if (
                power == 1
                and not (first(words.flags[k]) or last(words.flags[k]))
                and stop - k < 2
                and k + 1 < people.n
                and "is" not in cue
            ):
                continue
            words.put(k, stop, "NAME")
        elif power >= 3 or power == 2 and (first(words.flags[k]) >= 2 or named):
            after_word = low[k + 1] if k + 1 < people.n else ""
            if (
                power == 2
                and not named
                and words.flags[k] & COMMON
                and after_word
                and not (people.free(k + 1) and strength(words, k + 1) >= 2)
                and after_word
                not in v.words("and at in on yesterday about today is last for from again please")
            ):
                continue
            words.put(k, max(k + 1, people.extend(k, 2, 4)), "NAME")
    for match in GREETING.finditer(text):
        k = after(match.end())
        if k is None or not people.free(k):
            continue
        while k < people.n and low[k] in v.HESITATIONS:
            k += 1
        if not people.free(k):
            continue
        power = strength(words, k)
        self_intro = match.group() in (
            "this is",
            "i'm",
            "i am",
            "it's",
            "it is",
            "that's",
            "he's",
            "she's",
        )
        next_power = strength(words, k + 1) if people.free(k + 1) else 0
        if low[k].endswith(("ing", "ed")) and power < 4:
            continue
        if (
            power >= 3
            and (first(words.flags[k]) or last(words.flags[k]) >= 2)
            and (self_intro or first(words.flags[k]) >= 2 or next_power >= 2)
        ):
            words.put(k, max(k + 1, people.extend(k, 2, 3)), "NAME")
        elif (
            self_intro
            and power == 2
            and first(words.flags[k]) >= 2
            and (
                next_power >= 2
                or k + 1 == people.n
                or low[k + 1] in v.words("and here calling i'm from again speaking")
            )
        ):
            if (
                low[k + 1 : k + 2] == []
                and match.group() not in ("this is", "i'm", "i am")
                and "NAME" not in people.asked
            ):
                continue
            words.put(k, max(k + 1, people.extend(k, 2, 3)), "NAME")


def answered(people: "People") -> None:
    """The bot asked for a name: the first words of the answer that are not a lead-in."""
    words, low, n = people.words, people.low, people.n
    k = 0
    while k < n and (
        low[k] in ANSWER_LEAD or low[k] in v.HESITATIONS or words.bare[k] in v.RELATIONS
    ):
        k += 1
    if not people.free(k) or closed(words, k):
        return
    power = strength(words, k)
    if power and k + 1 < n and words.label[k + 1] == "NAME" and not is_letter(low[k + 1]):
        return words.put(k, k + 1, "NAME")
    if any(words.label[j] == "NAME" and not is_letter(low[j]) for j in range(min(n, 14))):
        return  # another rule has the name
    short = (
        n - k <= 4
        or low[k + 1] in AFTER_NAME
        or (k + 2 < n and low[k + 2] in AFTER_NAME and strength(words, k + 1) >= 1)
    )
    lead = low[k - 1] if k else ""
    named = lead in v.words("is it's name name's put list this me called") and k > 0
    if power == 2 and low[k : k + 2] in (["roger", "that"], ["will", "do"]):
        return
    if power >= 2 and lead not in ("the", "a", "an"):
        words.put(k, max(k + 1, people.extend(k, 1, 4)), "NAME")
    elif power == 1 and lead not in DETERMINERS:
        stop = max(k + 1, people.extend(k, 1, 4))
        rest = [j for j in range(stop, n) if low[j] not in v.HESITATIONS]
        clean = (
            not rest
            or low[rest[0]] in AFTER_NAME
            and low[rest[0]] not in v.words("on at in is with and i'm")
            or is_letter(low[rest[0]])
            or words.label[rest[0]] is not None
        )
        if clean and (
            named
            or stop - k > 1
            or n - k <= 2
            and (first(words.flags[k]) or last(words.flags[k]) >= 2)
        ):
            words.put(k, stop, "NAME")
    elif (
        short
        and len(low[k]) > 1
        and lead not in v.words("a the not i was of i'm to we you can do that's have your")
        and not words.flags[k] & SAFE
    ):
        words.put(k, k + 1, "NAME")
    elif (
        short
        and k + 1 < n
        and strength(words, k + 1) >= 2
        and lead not in v.words("a the not i to your of")
    ):
        words.put(k, max(k + 2, people.extend(k + 1, 1, 3)), "NAME")

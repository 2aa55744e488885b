"""Names of people: by cue, title, relation, by what the bot asked, by the name lists, by memory."""

import functools
import re

from sessions.phi import vocabulary as v
from sessions.phi.lexicon import (
    COMMON,
    DICTIONARY,
    PROPER,
    SAFE,
    STATE,
    city,
    first,
    last,
    lexicon,
)
from sessions.phi.tokens import Words, is_letter, is_number

OWNER = (
    r"(?:my|his|her|the|their|our|patient'?s?|first|last|middle|maiden|full|family|given|legal|sur|real|married|birth|preferred|"
    r"nick|whole|\w+'s|your|mom|dad|son|daughter|husband|wife|doctor|and) ?"
)
STRONG = re.compile(
    rf"(?<![a-z'])(?:{OWNER}names?(?:'s| is| was| would be| are| has been| will be|'d be)?(?: uh| um| now| actually| again| then| just| is| now)*|"
    r"name's|names|the name (?:is|on it is|on the \w+ is|should be)|name is|name was|(?:i am|i'm|you are|you're|this is|it's) (?:speaking|talking) (?:to|with)|"
    r"(?:calls?|called|call|calling|named|naming) (?:me|him|her|them|myself|the baby|the boy|the girl)|go(?:es)? by|known as|people call me|friends call me|you can call me|"
    r"(?:calling|here|phoning|ringing|inquiring|asking|checking in|checking|an appointment|appointment) (?:on behalf of|in place of|about my \w+)|on behalf of|"
    r"the patient is|patient is|patient's|the patient|(?:should|it'?s?|it might|might|would|will|is|was|filed|booked|listed|probably|be|under) (?:be )?under|under the name(?: of)?|"
    r"spoke (?:to|with)|speak (?:to|with)|spoken (?:to|with)|talk(?:ed|ing)? (?:to|with)|ask(?:ed)? for|asking for|looking for|"
    r"nurse|named|signed|signature|attention|regards|sincerely|contact is|contact would be|contact person is|"
    r"referred (?:me )?(?:by|to)|seeing|saw|see|treated by|meeting with|meet with|met with|appointment with|visit with|"
    r"surname is|surname|i'm called|she's called|he's called|who's called|baptized|born as|née|nee|formerly|"
    r"list|put down|put|add|write down|write|reach out to|message for|prescribed by|delivered by|done by|sent by|signed by|"
    r"followed by|operated on by|under the care of|care of|in care of|married to|engaged to|lives with|live with)"
    r"(?![a-z'])[,:]?"
)
GREETING = re.compile(
    r"(?<![a-z'])(?:this is|i'm|i am|it's|it is|that's|that is|he's|she's|he is|she is|who is|hi|hello|hey|thanks|thank you|okay|ok|"
    r"right|sure|so|and|good morning|good afternoon|good evening|dear|with|for|by|from|to|yes|yeah|yep|here is|here's|speaking|sorry|no|"
    r"meet|me and|well|called|or|actually|about|is|was)(?![a-z'])[,:]?"
)
ANSWER_LEAD = v.words(
    "it's its this is my name name's i'm i am sure the patient hi there here so yeah yes yep you're "
    "speaking to first last hello hey of course that's that and called be should under would put call he's "
    "she's goes by with okay ok alright right well no not actually it full middle legal maiden family "
    "surname spelled spelling spell calling for on behalf good morning afternoon evening you can me just "
    "go they call people mostly please thank thanks a um uh his her their he she name: was will dr mr mrs ms "
    "doctor miss mister yeah's correct think probably put down list write as i'd i'll say let's use maybe "
    "oh sorry list like given i've in case an emergency contact your contact's be's see our have make "
    "got done gonna hmm mm yup absolutely certainly great perfect really hold registered hyphenated "
    "capital is's known usually formally officially short from at speak talk what do need ask about "
)
ODD_SURNAMES = v.words(
    "long day price young best little new good fine old street doctor love right just well christian "
    "french english german may march june august friday monday sunday christmas easter banks king work "
    "feeling case ward sharp street moon much such bright must way "
)
DETERMINERS = v.words(
    "the a an my your his her their our this that these those some any other another same no not to on in at of for from "
    "about by with very so too really quite low was were i you we they can do have get need want just like more most than"
)
AFTER_NAME = v.words(
    "my he's she's he she his her that's and calling speaking here last first surname forename spelled "
    "who is at on with i'm her their yes uh um actually please"
)
TWO_WORD_SURNAMES = v.words(
    "de la van von der den del di da du le los las san st al el bin ibn ben mc mac o della santa dos das ter ten abu bint ap"
)


def bare_name(words: Words, i: int) -> bool:
    """Word ``i`` has no other meaning than a name, or none at all."""
    flags = words.flags[i]
    return not flags & (DICTIONARY | STATE) and (
        first(flags) > 0 or last(flags) > 0 or not flags & (SAFE | PROPER)
    )


@functools.lru_cache(maxsize=8192)
def derived(word: str) -> bool:
    """A form of a dictionary word, or a sound, that no list holds: "googling", "that'd", "mmmm"."""
    look = lexicon().flags
    known = DICTIONARY | SAFE
    if "'" in word:
        head, _, tail = word.partition("'")
        return tail in (
            "s",
            "d",
            "ll",
            "ve",
            "re",
            "t",
            "all",
            "m",
            "clock",
            "am",
            "er",
            "",
        ) and bool(look(head) & known or head in v.STOP or len(head) < 3)
    squeezed = re.sub(r"(.)\1{2,}", r"\1", word)
    if squeezed != word and (
        look(squeezed) & known or squeezed in v.HESITATIONS or len(squeezed) < 4
    ):
        return True
    if re.fullmatch(
        r"(?:[aeiou]?h+m*|m+h*m*|a+h+|o+h+|u+g*h+|e+r+m*|sh+|pf+t*|wh?o+a+h*|yea+h*|na+h*|ya+y*|[hae]{4,}|w?oo+)",
        word,
    ):
        return True
    for ending, others in ENDINGS:
        if word.endswith(ending):
            stem = word[: -len(ending)]
            if len(stem) > 2 and any(look(stem + other) & DICTIONARY for other in others):
                return True
            if len(stem) > 3 and stem[-1] == stem[-2] and look(stem[:-1]) & DICTIONARY:
                return True
    for opening in v.words("un re non pre over anti mis self semi multi sub super"):
        if (
            word.startswith(opening)
            and len(word) > len(opening) + 3
            and look(word[len(opening) :]) & COMMON
        ):
            return True
    return any(
        look(word[:k]) & COMMON
        and look(word[k:]) & COMMON
        and not last(look(word))
        and not first(look(word))
        for k in range(4, len(word) - 3)
    )


ENDINGS = (
    ("ing", ("", "e")), ("ed", ("", "e")), ("er", ("", "e")), ("ers", ("", "e")), ("s", ("",)), ("es", ("",)),
    ("ly", ("",)), ("ish", ("",)), ("y", ("", "e")), ("ness", ("",)), ("able", ("", "e")), ("ies", ("y",)), ("less", ("",)),
    ("iness", ("y",)), ("ier", ("y",)), ("ily", ("y",)), ("wise", ("",)), ("like", ("",)), ("in", ("ing",)),
)  # fmt: skip


def unknown(words: Words, i: int) -> bool:
    """No list knows word ``i``: probably a name."""
    low = words.low[i]
    if (first(words.flags[i]) or last(words.flags[i])) == 0 and derived(low):
        return False
    return (
        len(words.bare[i]) > 1
        and words.bare[i].replace("'", "").isalpha()
        and not words.flags[i] & (DICTIONARY | SAFE | STATE)
        and not closed(words, i)
        and low not in v.EMAIL_HOSTS
    )


def closed(words: Words, i: int) -> bool:
    """Word ``i`` belongs to the closed classes: no name by itself."""
    low = words.low[i]
    return (
        low in v.STOP
        or words.bare[i] in v.STOP
        or low in v.HESITATIONS
        or is_number(low)
        or low in v.ORDINALS
        or low in v.NOT_A_NAME
        or words.bare[i] in v.NOT_A_NAME
        or low in v.MULTIPLIERS
        or low in v.REPEATS
        or low in v.TLDS
        and len(low) < 4
        or low.startswith("[")
        or any(c.isdigit() for c in low)
    )


def strength(words: Words, i: int) -> int:
    """How much word ``i`` looks like a name: 0 not at all ... 4 nothing else."""
    if closed(words, i) or len(words.bare[i]) < 2:
        return 0
    flags, low = words.flags[i], words.low[i]
    given, family = first(flags), last(flags)
    if low in v.MONTHS or low in v.RELATIONS or low in v.TITLES or low in v.MEASURES and not given:
        return 1 if given >= 2 or family == 3 else 0
    if not given and not family and not flags & (DICTIONARY | SAFE) and derived(low):
        return 0
    if not flags & (DICTIONARY | SAFE | STATE):
        return 4 if given or family or not flags & PROPER else 3
    if not flags & DICTIONARY and not flags & STATE:  # known to the safe list only, or a place
        return 3 if given >= 2 or family >= 2 else 2 if given or family else 0
    if flags & COMMON:
        if given == 3:
            return 2
        return 1 if given or family >= 2 else 0
    if given == 3:
        return 3
    return 2 if given or family >= 2 else 1 if family else 0


class People:
    """Finds names in words."""

    def __init__(self, words: Words, asked: tuple[str, ...], known: frozenset[str] | set[str]):
        """Look at words.

        Args:
            words: The text; other identifiers are already labelled.
            asked: What the bot asked for.
            known: Names said earlier in this session, lower case.
        """
        self.words, self.low, self.n = words, words.low, len(words)
        self.asked, self.known = asked, known

    def free(self, i: int) -> bool:
        """Word ``i`` exists and has no label."""
        return i < self.n and self.words.label[i] is None

    def extend(self, i: int, floor: int, most: int = 4) -> int:
        """Index after the name words from ``i`` of at least strength ``floor``."""
        words, low, n = self.words, self.low, self.n
        j = count = 0
        j = i
        while j < n and count < most and self.free(j):
            if count and words.breaks(j - 1):
                break
            if strength(words, j) >= floor or count and self.surname(j, j - i == 1):
                j += 1
                count += 1
            elif (
                low[j] in TWO_WORD_SURNAMES
                and j + 1 < n
                and self.free(j + 1)
                and strength(words, j + 1) >= max(1, floor - 1)
                and (count or low[j] not in v.STOP)
            ):
                j += 2
                count += 1
            elif (
                count
                and is_letter(low[j])
                and low[j] not in ("a", "i")
                and j + 1 < n
                and self.free(j + 1)
                and strength(words, j + 1) >= floor
            ):
                j += 1
            elif (
                count
                and low[j] in v.HESITATIONS
                and j + 1 < n
                and self.free(j + 1)
                and strength(words, j + 1) >= max(2, floor)
                and last(words.flags[j + 1])
            ):
                j += 1
            else:
                break
        return j

    def surname(self, j: int, second: bool) -> bool:
        """Word ``j``, after a given name, is its family name though it has another meaning."""
        words, low = self.words, self.low
        sure = "NAME" in self.asked and j + 1 == self.n and first(words.flags[j - 1]) == 3
        if (
            not second
            or not sure
            and last(words.flags[j]) < 2
            and not (last(words.flags[j]) and strength(words, j))
        ):
            return False
        before = words.flags[j - 1]
        if (
            first(before) < 2
            and words.bare[j - 1] != low[j - 1]
            or first(before) == 0
            and before & DICTIONARY
        ):
            return False
        ends = (
            j + 1 == self.n or low[j + 1] in AFTER_NAME or is_letter(low[j + 1]) or words.breaks(j)
        )
        if closed(words, j):
            return ends and low[j] in ODD_SURNAMES
        if sure:
            return True
        return (
            "NAME" in self.asked or ends or last(words.flags[j]) == 3 and not words.flags[j] & SAFE
        )

    def find(self) -> None:
        """Label every name."""
        low, words = self.low, self.words
        text = " ".join(low)
        starts = {}
        position = 0
        for i, word in enumerate(low):
            starts[position] = i
            position += len(word) + 1
        self.remembered()
        self.titled()
        self.cued(text, starts)
        if "NAME" in self.asked:
            self.answered()
        self.modal()
        self.listed()
        self.neighbours()

    def remembered(self) -> None:
        """Names this session has heard before."""
        if not self.known:
            return
        for i in range(self.n):
            if self.free(i) and (self.words.bare[i] in self.known or self.low[i] in self.known):
                if closed(self.words, i) or len(self.low[i]) < 3:
                    continue
                wordy = self.words.flags[i] & COMMON and self.words.flags[i] & SAFE
                if wordy and not (strength(self.words, i) >= 2 or self.near_name(i)):
                    continue
                if (
                    self.low[i] in v.MONTHS
                    or self.low[i]
                    in v.words(
                        "will may hope long well young little best black white green brown price day good "
                        "rose hand cough case means case"
                    )
                    and not self.near_name(i)
                ):
                    continue
                self.words.put(i, i + 1, "NAME")

    def near_name(self, i: int) -> bool:
        """A name, a title or a relation stands before word ``i``."""
        if not i:
            return "NAME" in self.asked
        return (
            self.words.label[i - 1] == "NAME"
            or self.low[i - 1] in v.TITLES
            or self.low[i - 1] in v.RELATIONS
        )

    def titled(self) -> None:
        """ "doctor sullivan", "mrs price", "my son dean" """
        low, words = self.low, self.words
        for i in range(self.n - 1):
            if low[i] in v.SURE_TITLES or low[i] in v.TITLES:
                j = i + 1
                while j < self.n and low[j] in v.HESITATIONS:
                    j += 1
                if not self.free(j):
                    continue
                sure = low[i] in v.words("mr mrs ms mister missus missis dr")
                power = strength(words, j)
                previous = low[i - 1] if i else ""
                needs = 1 if sure else 2
                if (
                    not sure
                    and previous in v.words("see with saw by seeing from for and to is")
                    and (last(words.flags[j]) == 3 or first(words.flags[j]))
                ):
                    needs = 1
                if (
                    low[i] == "doctor"
                    and previous in v.words("with see saw by from to of is under seeing for")
                    and last(words.flags[j])
                    and not closed(words, j)
                ):
                    power = max(power, 1)
                    needs = 1
                if (
                    low[i] == "doctor"
                    and previous not in v.words("the a my your another any this")
                    and last(words.flags[j]) >= 2
                ):
                    needs = 1
                if low[i] not in v.SURE_TITLES and low[i] != "nurse" and low[i] != "miss":
                    needs = 3
                if low[i] == "miss" and previous in v.words(
                    "i to don't will might can't didn't you we a not"
                ):
                    needs = 4
                if sure and not closed(words, j) and power == 0:
                    power = 1
                if (
                    power >= needs
                    or sure
                    and low[j]
                    in v.words(
                        "may march june day long good best little young new price street wood"
                    )
                ):
                    words.put(j, max(j + 1, self.extend(j, 2, 3)), "NAME")
            elif words.bare[i] in v.RELATIONS:
                j = i + 1
                while j < self.n and (
                    low[j] in v.HESITATIONS or low[j] in v.words("named called name is in law s")
                ):
                    if low[j] == "is" and not (j + 1 < self.n and strength(words, j + 1) >= 3):
                        break
                    j += 1
                if not self.free(j):
                    continue
                power = strength(words, j)
                after = low[j + 1] if j + 1 < self.n else ""
                end_like = (
                    not after
                    or after
                    in v.words(
                        "is was has who and at he she on his her said had will just can needs got a last "
                        "in"
                    )
                    or is_number(after)
                    or after in v.HESITATIONS
                    or words.label[j + 1] is not None
                )
                if (
                    power >= 3
                    or power == 2
                    and first(words.flags[j]) >= 2
                    and (end_like or strength(words, j + 1) >= 2)
                ):
                    if (
                        low[j] in v.words("will may hope long well")
                        and not is_number(after)
                        and after not in ("is", "and", "at", "who")
                    ):
                        continue
                    words.put(j, max(j + 1, self.extend(j, 2, 3)), "NAME")

    def cued(self, text: str, starts: dict[int, int]) -> None:
        """ "my name is", "speaking with", and the weaker "this is", "i'm", "hi"."""
        words, low = self.words, self.low

        def after(position: int) -> int | None:
            while position < len(text) and text[position] in " ,:":
                position += 1
            return starts.get(position)

        for match in STRONG.finditer(text):
            k = after(match.end())
            if k is None:
                continue
            cue = match.group()
            named = (
                "name" in cue or "call" in cue or "go" in cue or "known" in cue or "under" in cue
            )
            lead = k
            while (
                k < self.n
                and (
                    low[k] in v.HESITATIONS
                    or named
                    and low[k] in v.words("is the a it's uh actually mister doctor that's spelled")
                )
                and k - lead < 4
            ):
                k += 1
            if not self.free(k):
                continue
            real = "name" in cue
            power = strength(words, k)
            if not power and real and not closed(words, k) and ("is" in cue or cue.endswith("'s")):
                power = 1
            if real and power >= 1 and (cue.startswith(("your", "the names")) is False):
                stop = max(k + 1, self.extend(k, 1, 4))
                if (
                    power == 1
                    and not (first(words.flags[k]) or last(words.flags[k]))
                    and stop - k < 2
                    and k + 1 < self.n
                    and "is" not in cue
                ):
                    continue
                words.put(k, stop, "NAME")
            elif power >= 3 or power == 2 and (first(words.flags[k]) >= 2 or named):
                after_word = low[k + 1] if k + 1 < self.n else ""
                if (
                    power == 2
                    and not named
                    and words.flags[k] & COMMON
                    and after_word
                    and not (self.free(k + 1) and strength(words, k + 1) >= 2)
                    and after_word
                    not in v.words(
                        "and at in on yesterday about today is last for from again please"
                    )
                ):
                    continue
                words.put(k, max(k + 1, self.extend(k, 2, 4)), "NAME")
        for match in GREETING.finditer(text):
            k = after(match.end())
            if k is None or not self.free(k):
                continue
            while k < self.n and low[k] in v.HESITATIONS:
                k += 1
            if not self.free(k):
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
            next_power = strength(words, k + 1) if self.free(k + 1) else 0
            if low[k].endswith(("ing", "ed")) and power < 4:
                continue
            if (
                power >= 3
                and (first(words.flags[k]) or last(words.flags[k]) >= 2)
                and (self_intro or first(words.flags[k]) >= 2 or next_power >= 2)
            ):
                words.put(k, max(k + 1, self.extend(k, 2, 3)), "NAME")
            elif (
                self_intro
                and power == 2
                and first(words.flags[k]) >= 2
                and (
                    next_power >= 2
                    or k + 1 == self.n
                    or low[k + 1] in v.words("and here calling i'm from again speaking")
                )
            ):
                if (
                    low[k + 1 : k + 2] == []
                    and match.group() not in ("this is", "i'm", "i am")
                    and "NAME" not in self.asked
                ):
                    continue
                words.put(k, max(k + 1, self.extend(k, 2, 3)), "NAME")

    def answered(self) -> None:
        """The bot asked for a name: the first words of the answer that are not a lead-in."""
        words, low, n = self.words, self.low, self.n
        k = 0
        while k < n and (
            low[k] in ANSWER_LEAD or low[k] in v.HESITATIONS or words.bare[k] in v.RELATIONS
        ):
            k += 1
        if not self.free(k) or closed(words, k):
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
            words.put(k, max(k + 1, self.extend(k, 1, 4)), "NAME")
        elif power == 1 and lead not in DETERMINERS:
            stop = max(k + 1, self.extend(k, 1, 4))
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
            words.put(k, max(k + 2, self.extend(k + 1, 1, 3)), "NAME")

    def modal(self) -> None:
        """ "will baker here", "this is may": a name that is an auxiliary verb everywhere else."""
        low, words = self.low, self.words
        for i in range(self.n):
            if low[i] not in v.words(
                "will may mark grant chance hope grace faith joy sue pat art drew dean bill rose "
                "summer autumn"
            ) or not self.free(i):
                continue
            before = " ".join(low[max(0, i - 2) : i])
            introduced = (
                before in ("this is", "hi this", "i am")
                or before.endswith(
                    ("i'm", "it's", "hi", "hello", "thanks", "dear", "named", "called")
                )
                or i == 0
                or low[i - 1] in v.RELATIONS
            )
            following = low[i + 1] if i + 1 < self.n else ""
            if introduced and (
                following in ("here", "speaking", "calling", "i'm")
                or following == ""
                and (i or "NAME" in self.asked)
            ):
                words.put(i, i + 1, "NAME")
            elif (
                (introduced or before.endswith(("morning", "afternoon", "evening")))
                and self.free(i + 1)
                and last(words.flags[i + 1]) == 3
                and not closed(words, i + 1)
                and (i + 2 == self.n or low[i + 2] in AFTER_NAME)
            ):
                words.put(i, i + 2, "NAME")

    def listed(self) -> None:
        """Names of the lists that are nothing else, and pairs of given and family name."""
        words, low, flags = self.words, self.low, self.words.flags
        for i in range(self.n):
            if not self.free(i):
                continue
            power = strength(words, i)
            given, family = first(flags[i]), last(flags[i])
            following = strength(words, i + 1) if self.free(i + 1) and not words.breaks(i) else 0
            next_flags = flags[i + 1] if following else 0
            if (
                power >= 3
                and given >= 2
                and not flags[i] & STATE
                and not (city(flags[i]) == 3 and given < 3)
                and low[i]
                not in v.words(
                    "tia ok virginia georgia carolina dakota asia india ma min so an in bid"
                )
            ):
                words.put(i, max(i + 1, self.extend(i, 2, 3)), "NAME")
            elif (
                power >= 3
                and (given or family >= 2)
                and following >= 3
                and (last(next_flags) or first(next_flags) or unknown(words, i + 1))
            ):
                words.put(i, max(i + 2, self.extend(i, 3, 3)), "NAME")
            elif power == 2 and given >= 2 and following >= 3 and last(next_flags):
                words.put(i, max(i + 2, self.extend(i + 1, 3, 2)), "NAME")
            elif (
                power == 2
                and given == 3
                and following == 2
                and last(next_flags) == 3
                and not next_flags & SAFE
                and not flags[i] & SAFE
            ):
                words.put(i, i + 2, "NAME")
            elif (
                words.capital(i)
                and power >= 1
                and (
                    given >= 2
                    or family >= 2
                    and power >= 2
                    or words.capital(i + 1 if i + 1 < self.n else i)
                    and power >= 2
                )
                and not words.text.istitle()
            ):
                words.put(i, max(i + 1, self.extend(i, 2, 3)), "NAME")

    def neighbours(self) -> None:
        """A word of no other meaning right beside a name is part of it."""
        words, low = self.words, self.low
        for i in range(1, self.n):
            if (
                words.label[i - 1] == "NAME"
                and self.free(i)
                and not words.breaks(i - 1)
                and not is_letter(low[i - 1])
            ):
                if unknown(words, i) or strength(words, i) >= 3 and last(words.flags[i]):
                    words.put(i, i + 1, "NAME")
                elif (
                    low[i] in ("hyphen", "dash")
                    and self.free(i + 1)
                    and last(words.flags[i + 1])
                    and not closed(words, i + 1)
                ):
                    words.put(i, i + 2, "NAME")
                elif (
                    low[i] in TWO_WORD_SURNAMES
                    and self.free(i + 1)
                    and strength(words, i + 1) >= 2
                    and low[i] not in v.STOP
                ):
                    words.put(i, i + 2, "NAME")
        for i in range(self.n - 1):
            if (
                words.label[i + 1] == "NAME"
                and self.free(i)
                and not words.breaks(i)
                and unknown(words, i)
                and not is_letter(low[i + 1])
            ):
                words.put(i, i + 1, "NAME")

"""Names of people: by cue, title, relation, by what the bot asked, by the name lists, by memory."""

from sessions.phi import introductions
from sessions.phi import vocabulary as v
from sessions.phi.lexicon import COMMON, DICTIONARY, SAFE, STATE, city, first, last
from sessions.phi.name_cues import (
    AFTER_NAME,
    ODD_SURNAMES,
    TWO_WORD_SURNAMES,
)
from sessions.phi.names import closed, strength, unknown
from sessions.phi.tokens import Words, is_letter, is_number


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
        self.remembered()
        self.titled()
        introductions.cued(self)
        if "NAME" in self.asked:
            introductions.answered(self)
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
        """Such as "doctor sullivan", "mrs price", "my son dean"."""
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

    def modal(self) -> None:
        """Such as "will baker here", "this is may": a name that is an auxiliary verb everywhere else."""
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
                and low[i] not in v.MONTHS
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
                written = words.capital(i) and words.text[words.start[i - 1]].isupper()
                written = written and not closed(words, i) and low[i] not in v.MONTHS
                if written or unknown(words, i) or strength(words, i) >= 3 and last(words.flags[i]):
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

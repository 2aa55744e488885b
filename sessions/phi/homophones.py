"""What ears write instead of digits, letters and dots: "ate" for eight, "see" for C, "dart" for dot.

A sound-alike is read as what it stands for only where its neighbours make it so; the words keep their
place in the text, only the reading changes.
"""

from sessions.phi import vocabulary as v
from sessions.phi.tokens import Words, is_letter

# No everyday words: one numeric neighbour is enough.
STRONG = v.words("fife nein sicks sics wan owe ow fore xero tu ait fourty ninty ninedy fivety")
# Everyday words that seldom stand by digits.
MEDIUM = v.words(
    "hive hero heaven tree ate won tin sex sick free mine thirsty weight den tents forth"
)
# Words that stand by digits all the time ("five to six"): only deep inside a run, or by its length.
WEAK = v.words("to too for wait know own door when")
LEADS = v.words(
    "is it's its that's says in number code was with reads at are at: sure okay yeah uh um yes to on "
    "flat apartment unit suite digits be my ending ends as card plate member id four social zip fax cell phone mobile and born "
    "license record account policy group birthday double triple date birth his zero reference claim"
)
PAUSES = v.words("no i mean sorry moment wait actually bear with me hang then okay")
AFTER_SPELLING = v.words("thank thanks and that's uh um please okay that got") | {""}
DOT_SOUNDS = v.words("dart dought dott doc dock dark dat don")
AT_SOUNDS = v.words("add hat ad et")
TLD_SOUNDS = {"calm": "com", "comm": "com", "come": "com", "kom": "com", "neat": "net", "nets": "net", "knit": "net", "orc": "org"}  # fmt: skip


def settle(words: Words, asked: tuple[str, ...]) -> None:
    """Rewrite ``words.low`` where a sound-alike stands for a digit, a letter, a dot or an at.

    Args:
        words: The text.
        asked: What the bot asked for.
    """
    low = words.low
    likely = [
        i for i, word in enumerate(low)
        if word in SOUNDS and not (word == "oh" and (i == 0 or not is_letter(low[i - 1])))
    ]  # fmt: skip
    if not likely:
        return
    wants = bool(asked)
    for _ in range(2):  # a settled neighbour settles the next one
        for i in likely:
            word = low[i]
            if word in v.HOMOPHONES and digit_here(low, i, wants):
                words.read(i, DIGIT_WORD[v.HOMOPHONES[word]])
            elif word in v.LETTER_SOUNDS and letter_here(low, i):
                words.read(i, v.LETTER_SOUNDS[word])
            elif word in DOT_SOUNDS and dot_here(low, i):
                words.read(i, "dot")
            elif word in TLD_SOUNDS and i and low[i - 1] in ("dot", "period"):
                words.read(i, TLD_SOUNDS[word])
            elif (
                word in AT_SOUNDS
                and i
                and i + 1 < len(low)
                and (low[i + 1] in v.EMAIL_HOSTS or low[i + 2 : i + 3] == ["dot"])
            ):
                words.read(i, "at")


DIGIT_WORD = {digit: word for word, digit in {**v.TENS, **v.TEENS, **v.DIGITS}.items() if word not in v.words("o oh nought naught niner fourty")}  # fmt: skip
SOUNDS = (
    frozenset(v.HOMOPHONES)
    | frozenset(v.LETTER_SOUNDS)
    | DOT_SOUNDS
    | AT_SOUNDS
    | frozenset(TLD_SOUNDS)
)


def solid(word: str) -> bool:
    """A number word or a letter without doubt."""
    return (
        word in v.DIGITS
        or word in v.TEENS
        or word in v.TENS
        or word in v.REPEATS
        or word in v.MULTIPLIERS
        or word.isdigit()
        or is_letter(word)
        and word not in ("a", "i")
    )


def stretch(low: list[str], i: int, step: int) -> tuple[int, str]:
    """Solid words from ``i`` in one direction, and the word after them ("" at the edge)."""
    count, gap = 0, 0
    while 0 <= i < len(low):
        word = low[i]
        if solid(word) or word in v.ORDINALS and count == 0:
            count += 1
        elif word in STRONG or word in MEDIUM and count:
            count += 1
        elif word in v.MONTHS and len(word) > 3 and word != "may":
            count += 1
        elif (word in v.HESITATIONS or word in PAUSES) and gap < 4:
            gap += 1
        else:
            return count, word
        i += step
    return count, ""


def digit_here(low: list[str], i: int, wants: bool) -> bool:
    """The sound-alike at ``i`` is a digit."""
    word = low[i]
    left, before = stretch(low, i - 1, -1)
    right, after = stretch(low, i + 1, 1)
    if not left and not right:
        return False
    if word in STRONG:
        return True
    starts = not left and (before in LEADS or before == "")
    ends = not right and (after == "" or after in v.words("years year and if uh um dot in thanks"))
    if word in MEDIUM:
        if left and right:
            return True
        if left:
            return left >= 2 and (ends or wants) or ends and wants
        return starts and (right >= 2 or wants)
    if word not in WEAK and word not in ("fourth",):
        return bool(left and right)
    if word == "fourth":
        return left >= 2 and right >= 2
    if left and right:
        single = left + right >= 5 or left >= 2 and right >= 2 or wants and left + right >= 3
        return single and not (left == 1 and right == 1)
    if left:
        return word in ("to", "too", "for") and after == "" and (left >= 3 and wants or left >= 5)
    return (
        word in ("to", "too", "for")
        and right >= 3
        and (
            before in ("is", "it's", "in", "that's", "says", "", "his", "ending", "number")
            or before == "to"
            and word != "to"
        )
        and (wants or before != "")
    )


def letter_here(low: list[str], i: int) -> bool:
    """The sound-alike at ``i`` is a letter of a spelled run or a code."""
    n = len(low)

    def letter(k: int) -> bool:
        return 0 <= k < n and is_letter(low[k])

    def near(k: int) -> bool:
        return letter(k) or 0 <= k < n and (low[k] in v.DIGITS or low[k] in v.REPEATS)

    before = low[i - 1] if i else ""
    following = low[i + 1] if i + 1 < n else ""
    ends = following in AFTER_SPELLING
    if low[i] == "oh":
        spelled = letter(i - 1) and (before not in ("a", "i") or letter(i - 2))
        return spelled and (letter(i + 1) or ends and letter(i - 2) and letter(i - 3))
    if near(i - 1) and before != "one" and (before not in ("a", "i") or letter(i - 2)):
        if near(i + 1) and (following not in ("a", "i") or near(i + 2) or letter(i - 2)):
            return True
        if following in v.LETTER_SOUNDS and near(i + 2):
            return True
        if letter(i - 1) and near(i - 2) and (ends or following in v.TEENS or following in v.TENS):
            return True
        return before in v.REPEATS and letter(i - 2)
    if before == "" or before in LEADS or before in ("goes", "spelled", "course"):
        ahead = 0
        for k in range(i + 1, min(n, i + 5)):
            if not (near(k) or low[k] in v.LETTER_SOUNDS or low[k] in v.TENS or low[k] in v.TEENS):
                break
            ahead += 1
        if low[i] in v.words("you are see be why oh tea eye"):
            return ahead >= 3 and (letter(i + 1) or ahead >= 4)
        return ahead >= 2
    return False


def dot_here(low: list[str], i: int) -> bool:
    """The sound-alike at ``i`` is a dot."""
    if not i or i + 1 >= len(low):
        return False
    following, before = low[i + 1], low[i - 1]
    if following in v.words("com net org edu gov calm"):
        return True
    return solid(before) and solid(following) and low[i] in ("dart", "dought", "dott")

"""A small conditional random field that adds the names and places which no rule reaches.

It sees classes of words, not the words: a name of the training dialogues cannot be learnt by heart.
Its finds are added to those of the rules, never subtracted. Trained by ``training/train.py``.
"""

import functools
from pathlib import Path

from sessions.phi import vocabulary as v
from sessions.phi.lexicon import COMMON, DATA, DICTIONARY, PROPER, SAFE, STATE, city, first, last
from sessions.phi.names import closed, strength
from sessions.phi.tokens import Words, is_letter, is_number

KIND = {"NAME": "NAME", "GEO": "GEO", "DATE": "DATE", "EMAIL": "EMAIL", "URL": "EMAIL"}
DETERMINERS = v.words("the a an this that these those some any no each every another")
CUE_WORDS = (
    v.STOP | v.RELATIONS | v.TITLES | v.STREETS | v.MEASURES | v.HESITATIONS | v.UNITS_OF_HOME
    | v.words(
        "live lives living moved born spoke speak talked talking met saw seen see referred named "
        "called signed surname maiden middle given family legal spelled under behalf list contact "
        "emergency with by for from near downtown outside county city town state village corner "
        "appointment prescription nurse therapist pharmacist receptionist said says told wants thinks "
        "asked prescribed recommended ordered tell ask thank remind call text email let is's policy "
        "holder subscriber guardian caregiver carer dog cat baby client attending surgeon"
    )
)  # fmt: skip


@functools.lru_cache(maxsize=32_768)
def word_class(low: str, flags: int) -> str:
    """What kind of word this is, in a few letters."""
    if low in v.DIGITS and low != "o" or len(low) == 1 and low.isdigit():
        return "#1"
    if is_letter(low):
        return "#a" if low in ("a", "i", "o") else "#L"
    if low in v.TEENS or low in v.TENS:
        return "#2"
    if low in v.ORDINALS:
        return "#o"
    if low in v.MONTHS:
        return "#m"
    if low in v.MULTIPLIERS or low in v.REPEATS:
        return "#x"
    if any(c.isdigit() for c in low):
        return "#9"
    if low in CUE_WORDS:
        return "=" + low
    known = (
        "C" if flags & COMMON else "D" if flags & DICTIONARY else "S" if flags & SAFE
        else "P" if flags & PROPER else "U"
    )  # fmt: skip
    return f"{known}{first(flags)}{last(flags)}{city(flags)}{'s' if flags & STATE else ''}"


def features(words: Words, asked: tuple[str, ...]) -> list[list[str]]:
    """Feature strings of every word.

    Args:
        words: The text, labelled by the rules.
        asked: What the bot asked for.
    """
    low, flags, n = words.low, words.flags, len(words)
    classes = ["<<", "<", *(word_class(low[i], flags[i]) for i in range(n)), ">", ">>"]
    label = ["-", *(kind or "-" for kind in words.label), "-"]
    wants = [kind for kind in ("NAME", "GEO", "DATE", "EMAIL") if kind in asked]
    if asked and not wants:
        wants = ["NUM"]
    out = []
    for i in range(n):
        c2, c1, c0, n1, n2 = classes[i : i + 5]
        f = flags[i]
        row = [
            "c=" + c0, "p=" + c1, "n=" + n1, "q=" + c2, "m=" + n2,
            f"pc={c1}|{c0}", f"cn={c0}|{n1}", f"pn={c1}|{n1}", f"qp={c2}|{c1}", f"qpc={c2}|{c1}|{c0[:2]}",
            "r=" + label[i + 1], "rp=" + label[i], "rn=" + label[i + 2],
            f"g={first(f)}|{c1}", f"f={last(f)}|{c1}", f"t={city(f)}|{c1}",
        ]  # fmt: skip
        if c0[0] in "CDSPU":
            row.append("k=" + c0[0] + "|" + c1)
            row.append(f"s={low[i][-2:]}")
        for kind in wants:
            row.append(f"a={kind}")
            row.append(f"ac={kind}|{c0}")
            row.append(f"ap={kind}|{min(i, 4)}|{c0[0]}")
        if i == 0:
            row.append("first|" + c0)
        if i == n - 1:
            row.append("last|" + c0)
        if n <= 3:
            row.append("short|" + c0[0])
        out.append(row)
    return out


class Tagger:
    """The trained field. One a process; it holds the text being tagged, so calls must not overlap."""

    def __init__(self, path: Path | None = None):
        """Load the model.

        Args:
            path: The model; the shipped one when None.
        """
        import pycrfsuite

        self._crf = pycrfsuite.Tagger()  # pyright: ignore[reportAttributeAccessIssue]
        self._crf.open(str(path or DATA / "tagger.crf"))

    def label(self, words: Words, asked: tuple[str, ...], threshold: float) -> None:
        """Add labels to words that have none.

        Args:
            words: The text, labelled by the rules.
            asked: What the bot asked for.
            threshold: Least probability of a kind.
        """
        open_words = [
            i for i in range(len(words))
            if words.label[i] is None and (strength(words, i) or city(words.flags[i]) or is_number(words.low[i]) or is_letter(words.low[i]))
        ]  # fmt: skip
        if not open_words:
            return
        self._crf.set(features(words, asked))
        found = []
        for i in open_words:
            for kind in ("NAME", "GEO", "DATE"):
                share = self._crf.marginal(kind, i)
                common = words.flags[i] & COMMON
                least = max(threshold, 0.5 if kind in asked else 0.6) if common else threshold
                if share >= least and allowed(words, i, kind, asked):
                    found.append((i, kind))
                    break
        for i, kind in found:
            words.put(i, i + 1, kind)


def allowed(words: Words, i: int, kind: str, asked: tuple[str, ...]) -> bool:
    """What the rules know better: a name is no closed word, a number alone no place and no date."""
    low, label = words.low[i], words.label
    number = is_number(low)
    near = {*label[max(0, i - 3) : i], *label[i + 1 : i + 4]}
    if kind == "NAME":
        before = words.low[i - 1] if i else ""
        if before in DETERMINERS and words.flags[i] & DICTIONARY:
            return False
        single = len(low) == 1 and not (i and label[i - 1] == "NAME")
        return not single and not closed(words, i) and not words.flags[i] & STATE
    if kind == "GEO":
        return low not in v.STOP and low not in v.HESITATIONS if not number else "GEO" in near
    return (number or low in v.ORDINALS or low in v.MONTHS) and (kind in near or kind in asked)


@functools.cache
def tagger() -> Tagger:
    """The one tagger of this process."""
    return Tagger()

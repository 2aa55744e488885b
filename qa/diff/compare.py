"""Compares two calls and names the stage in which each difference begins.

Stages in causal order: ``vad`` (when the caller was heard to speak), ``stt``, ``redaction``,
``turn`` (when the caller was judged done), ``llm`` (what it was asked, and what it made of it),
``tools``, ``tts``, ``output`` (what the caller heard). Of a turn's differences the first in this
order is where it began; what follows from it is not reported again.
"""

import difflib
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qa.diff.turns import Call, Recorded, Turn, call_of
from qa.replay.match import difference, key_of, nearly
from qa.replay.misses import Miss

_SURROGATE = re.compile(r"\[[A-Z]+_\d+\]")


@dataclass(frozen=True)
class Tolerances:
    """What may differ.

    Parameters:
        stage_secs: A stage of a turn may take so much more or less.
        cut_words: What the caller heard of an answer that was interrupted may differ by so
            many words.
        same_sound: Whether what the bot sounds like must be the same to the sample.
    """

    stage_secs: float = 0.02
    cut_words: int = 1
    same_sound: bool = True


_ORDER = ("door", "vad", "stt", "redaction", "turn", "tools", "llm", "tts", "output")

REPLAYS = Tolerances()
"""Between two replays: they are exact, but for CPython's order within an instant."""

TAPE = Tolerances(stage_secs=0.4, cut_words=3, same_sound=False)
"""Between a replay and its tape: the host of the call was busy with other things too."""


@dataclass(frozen=True)
class Difference:
    """Something that differs.

    Parameters:
        turn: In which turn; 0 is the greeting.
        stage: Where it began.
        what: What, in words: B, then A.
        lacking: Whether it is only that B has less.
    """

    turn: int
    stage: str
    what: str
    lacking: bool = False

    def __str__(self):
        return f"turn {self.turn}, {self.stage}: {self.what}"


def compare(
    a: Recorded | Call,
    b: Recorded | Call,
    tolerances: Tolerances = REPLAYS,
    *,
    misses: list[Miss] | None = None,
) -> list[Difference]:
    """Compare two calls.

    Args:
        a: The call as it was.
        b: The call as it is.
        tolerances: What may differ.
        misses: What ``b`` asked that the tape had no answer for; they are differences too, and
            what ``b`` lacks after the first of them is none.

    Returns:
        At most one difference a turn, where it began, in order; empty when the calls are the same.
    """
    before = a if isinstance(a, Call) else call_of(a)
    after = b if isinstance(b, Call) else call_of(b)
    found: dict[int, Difference] = {}
    first = min((miss.turn for miss in misses or ()), default=None)
    for each in _differences(before, after, tolerances):
        if not (each.lacking and first is not None and each.turn >= first):
            found.setdefault(each.turn, each)
    for miss in misses or ():
        known = found.get(miss.turn)
        if known is None or _rank(miss.stage) < _rank(known.stage):
            found[miss.turn] = Difference(miss.turn, miss.stage, miss.what)
    return [found[turn] for turn in sorted(found)]


def _rank(stage: str) -> int:
    return _ORDER.index(stage) if stage in _ORDER else 0


def as_json(differences: list[Difference]) -> dict[str, Any]:
    """What ``runner.py diff --json`` prints."""
    plain = [{"turn": d.turn, "stage": d.stage, "what": d.what} for d in differences]
    return {"same": not differences, "differences": plain}


def _urls(call: Call, stage: str) -> list[str]:
    return [url for whose, url in call.connections if whose == stage]


def _differences(a: Call, b: Call, tolerances: Tolerances) -> Iterator[Difference]:
    # Stage by stage: which of two stages connects first is nobody's choice.
    for stage in sorted({stage for stage, _ in a.connections} - {"tools"}):
        for then, now in zip(_urls(a, stage), _urls(b, stage)):
            if key_of(then) != key_of(now):
                yield Difference(0, stage, f"connects to {difference(then, now)}")
    for then, now in aligned(a.turns, b.turns):
        if then is None and now is not None:
            yield Difference(now.number, "turn", f"a turn is new: “{now.heard}”")
        elif now is None and then is not None:
            yield Difference(then.number, "turn", f"a turn is gone: “{then.heard}”", True)
        elif then is not None and now is not None:
            for stage, what, *lacking in _turn(then, now, tolerances):
                yield Difference(now.number, stage, what, lacking == [True])


def aligned(a: list[Turn], b: list[Turn]) -> Iterator[tuple[Turn | None, Turn | None]]:
    """Pair the turns of two calls; a turn that only one has is paired with None."""
    if len(a) == len(b):
        yield from zip(a, b)
        return
    keys = [turn.heard for turn in a], [turn.heard for turn in b]
    matcher = difflib.SequenceMatcher(None, *keys, autojunk=False)
    for _, a1, a2, b1, b2 in matcher.get_opcodes():
        yield from itertools.zip_longest(a[a1:a2], b[b1:b2])


def _turn(a: Turn, b: Turn, tolerances: Tolerances) -> Iterator[tuple]:
    """The differences of a turn, in causal order: stage, what, and True if B only lacks it."""
    limit = tolerances.stage_secs
    for name, then, now in (
        ("begin", a.started, b.started),
        ("end", a.stopped, b.stopped),
    ):
        if then is not None and now is None:
            yield "vad", f"the caller is not heard to {name}", True
        elif then is None and now is not None:
            yield "vad", f"the caller is heard to {name}"
        elif then is not None and now is not None and abs(now - then) > limit:
            yield "vad", f"the caller {name}s at {now:.2f} s, was {then:.2f} s"
    if a.finals != b.finals:
        redacted = bool(_SURROGATE.search(a.finals + b.finals))
        what = f"heard {difference(a.finals, b.finals)}"
        yield "redaction" if redacted else "stt", what, not b.finals
    yield from _slower(a, b, ("stt",), limit)
    if a.heard != b.heard:
        yield "turn", f"the turn is {difference(a.heard, b.heard)}", not b.heard
    yield from _slower(a, b, ("turn",), limit)
    yield from _thought(a, b, limit)
    if [key_of(r) for r in a.requested] != [key_of(r) for r in b.requested]:
        what, lacking = _first_unlike(a.requested, b.requested)
        yield "tts", what, lacking
    yield from _slower(a, b, ("tts",), limit)
    if a.interrupted != b.interrupted:
        yield "output", "is interrupted" if b.interrupted else "is not interrupted", a.interrupted
    elif not _said_alike(a, b, tolerances.cut_words):
        said = " ".join(a.said), " ".join(b.said)
        yield "output", f"the caller hears {difference(*said)}", said[0].startswith(said[1])
    elif abs(a.sounded - b.sounded) > limit and not a.interrupted:
        less = b.sounded < a.sounded
        yield "output", f"sounds for {b.sounded:.2f} s, was {a.sounded:.2f} s", less
    elif tolerances.same_sound and a.sound != b.sound and not a.interrupted:
        yield "output", "sounds different", b.sounded < a.sounded


def _thought(a: Turn, b: Turn, limit: float) -> Iterator[tuple]:
    """What the model was asked and did, and its tools, in turns: ask, call, ask again."""
    unlike = next(
        (
            n
            for n, (then, now) in enumerate(zip(a.asked, b.asked))
            if key_of(then) != key_of(now) and not nearly(then, now)
        ),
        None,
    )
    if unlike == 0:
        yield "llm", f"is asked {difference(a.asked[0], b.asked[0])}"
    yield from _slower(a, b, ("llm",), limit)
    yield from _tools(a, b, limit)
    if unlike is not None:
        yield "llm", f"is asked {difference(a.asked[unlike], b.asked[unlike])}"
    if len(a.asked) != len(b.asked):
        fewer = len(b.asked) < len(a.asked)
        yield "llm", f"is asked {len(b.asked)} times, was {len(a.asked)}", fewer
    if a.written.split() != b.written.split():
        lacking = a.written.startswith(b.written)
        yield "llm", f"wrote {difference(a.written, b.written)}", lacking


def _tools(a: Turn, b: Turn, limit: float) -> Iterator[tuple]:
    for then, now in zip(a.tools, b.tools):
        if then.name != now.name:
            yield "tools", f"calls {now.name}, was {then.name}"
        elif then.arguments != now.arguments:
            what = difference(_json(then.arguments), _json(now.arguments))
            yield "tools", f"{now.name} is called with {what}"
        elif then.result != now.result:
            what = difference(_json(then.result), _json(now.result))
            yield "tools", f"{now.name} answers {what}", now.result is None
        elif abs(now.took - then.took) > limit:
            yield "tools", f"{now.name} takes {_ms(now.took)}, was {_ms(then.took)}", not now.took
    if len(a.tools) != len(b.tools):
        fewer = len(b.tools) < len(a.tools)
        yield "tools", f"{len(b.tools)} calls, were {len(a.tools)}", fewer


def _slower(a: Turn, b: Turn, stages: tuple[str, ...], limit: float) -> Iterator[tuple[str, str]]:
    then, now = a.spans(), b.spans()
    for stage in stages:
        if stage in then and stage in now and abs(now[stage] - then[stage]) > limit:
            yield stage, f"takes {_ms(now[stage])}, was {_ms(then[stage])}"


def _said_alike(a: Turn, b: Turn, cut_words: int) -> bool:
    if a.said == b.said:
        return True
    if not a.interrupted or len(a.said) != len(b.said) or a.said[:-1] != b.said[:-1]:
        return False
    then, now = a.said[-1].split(), b.said[-1].split()
    shorter, longer = sorted((then, now), key=len)
    return longer[: len(shorter)] == shorter and len(longer) - len(shorter) <= cut_words


def _first_unlike(a: list[str], b: list[str]) -> tuple[str, bool]:
    for then, now in zip(a, b):
        if key_of(then) != key_of(now):
            return f"is asked {difference(then, now)}", False
    return f"is asked {len(b)} times, was {len(a)}", len(b) < len(a)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"

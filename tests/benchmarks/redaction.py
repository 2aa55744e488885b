"""How much of what must be hidden is hidden, and how much of the rest is left alone.

::

    python -m tests.benchmarks.redaction [--quick] [--data FILE]

Turns are streamed segment by segment with hold, then looked at as a whole, as in a session. An
identifier counts as found only when every word of it is redacted (hesitations aside). Presidio runs
on the same turns in the same run, with its patterns and no language model. Over-redaction is counted
on hand-written clinical turns without identifiers. The last line is one JSON object.
"""

import argparse
import json
import random
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from qa.redact import redact_turn
from sessions.phi import PHIEngine, PHIFirewall

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data" / "phi" / "intake_dev.json"
FIXTURES = ROOT / "tests" / "phi" / "data"
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
FILLERS = frozenset("uh um er hmm and the of as in double dash like area code".split())
HEARD = {
    "four": ["for", "fore"], "two": ["to", "too"], "eight": ["ate"], "one": ["won"], "six": ["sicks", "sex"],
    "nine": ["nein", "mine"], "oh": ["owe", "o"], "zero": ["hero"], "seven": ["heaven"], "five": ["hive", "fife"],
    "three": ["tree", "free"], "ten": ["tin"], "fourth": ["forth"], "may": ["mae"], "march": ["marsh"],
    "dot": ["dought", "dart"], "at": ["add", "hat"], "road": ["rode"], "lane": ["lain"], "way": ["weigh"],
    "b": ["be"], "c": ["see", "sea"], "r": ["are"], "u": ["you"], "y": ["why"], "t": ["tea"], "j": ["jay"],
    "k": ["kay"], "n": ["en"], "m": ["em"], "l": ["ell"], "knight": ["night"], "by": ["buy"],
}  # fmt: skip

Spans = list[tuple[int, int, str]]


class Score:
    """Counts identifiers found in full, and words redacted that are none."""

    def __init__(self):
        self.found: Counter[str] = Counter()
        self.all: Counter[str] = Counter()
        self.plain = 0
        self.over = 0

    def add(self, text: str, gold: Spans, predicted: Spans) -> None:
        """One turn. Words under OPT (countries, weekdays, organisations) count neither way."""
        words = [(m.start(), m.end(), m.group().lower()) for m in WORD.finditer(text)]

        def under(spans: Spans, a: int, b: int) -> str | None:
            return next((label for x, y, label in spans if a < y and b > x), None)

        for start, end, label in gold:
            if label == "OPT":
                continue
            inside = [w for w in words if w[0] < end and w[1] > start]
            core = [w for w in inside if w[2] not in FILLERS] or inside
            self.all[label] += 1
            self.found[label] += bool(core) and all(under(predicted, a, b) for a, b, _ in core)
        for a, b, word in words:
            if under(gold, a, b) is None:
                self.plain += 1
                self.over += under(predicted, a, b) is not None and word not in FILLERS

    @property
    def recall(self) -> float:
        """Percent of identifiers found in full."""
        return round(100 * sum(self.found.values()) / max(1, sum(self.all.values())), 2)

    @property
    def over_pct(self) -> float:
        """Percent of other words redacted."""
        return round(100 * self.over / max(1, self.plain), 3)

    def by_label(self) -> dict[str, float]:
        """Recall of each kind in percent, the frequent kinds first."""
        return {k: round(100 * self.found[k] / n, 2) for k, n in self.all.most_common()}


def dialogues(paths: list[Path]) -> list[dict[str, Any]]:
    """Dialogues: ``{"id", "turns": [{"bot", "text", "spans", "segments"}]}``."""
    return [dialogue for path in paths for dialogue in json.loads(path.read_text())]


def plain_turns() -> Iterator[tuple[str, str]]:
    """Prompt and answer of the hand-written turns without identifiers."""
    for line in (FIXTURES / "plain_turns.txt").read_text().splitlines():
        bot, _, text = line.partition(" | ")
        yield bot, text


def mishear(turn: dict[str, Any], share: float, r: random.Random) -> dict[str, Any]:
    """The turn with homophones for a share of the words that have one; spans follow."""
    text, out, moved, at = turn["text"], "", {0: 0}, 0
    for match in re.finditer(r"\S+", text):
        out += text[at : match.start()]
        moved[match.start()] = len(out)
        word = match.group()
        out += r.choice(HEARD[word]) if word in HEARD and r.random() < share else word
        moved[match.end()] = len(out)
        at = match.end()
    spans = [[moved.get(a, 0), moved.get(b, len(out)), label] for a, b, label in turn["spans"]]
    return {"bot": turn["bot"], "text": out, "spans": spans, "segments": [[0, len(out)]]}


def run(data: list[dict[str, Any]], profile: Any) -> tuple[Score, list[float]]:
    """Stream every turn; the score, and milliseconds a segment."""
    score, times, engine = Score(), [], PHIEngine(profile)
    for dialogue in data:
        firewall = PHIFirewall(profile, engine=engine)
        for number, turn in enumerate(dialogue["turns"]):
            segments = [turn["text"][a:b].strip() for a, b in turn["segments"]]
            line = {
                "session": dialogue["id"],
                "turn": number,
                "bot": turn["bot"],
                "segments": segments,
            }
            began = time.perf_counter()
            result = redact_turn(firewall, line)
            times.append((time.perf_counter() - began) * 1e3 / max(1, len(segments)))
            score.add(turn["text"], turn["spans"], result["spans"])
    return score, times


def run_presidio(data: list[dict[str, Any]]) -> tuple[Score | None, list[float], str]:
    """Presidio's patterns on the same turns: score, milliseconds a turn, why not when it cannot."""
    try:
        from sessions.phi.ner import patterns_only

        analyzer = patterns_only()
    except Exception as error:
        return None, [], f"{type(error).__name__}: presidio-analyzer cannot run here (extra 'phi')"
    score, times = Score(), []
    for dialogue in data:
        for turn in dialogue["turns"]:
            began = time.perf_counter()
            found = analyzer.analyze(turn["text"], language="en")
            times.append((time.perf_counter() - began) * 1e3)
            score.add(turn["text"], turn["spans"], [(f.start, f.end, f.entity_type) for f in found])
    return score, times, ""


def percentile(values: list[float], share: float) -> float | None:
    """A percentile in milliseconds."""
    return (
        round(sorted(values)[min(len(values) - 1, int(len(values) * share))], 3) if values else None
    )


def over_redaction(profile: Any) -> float:
    """Percent of the words of the hand-written turns that are redacted."""
    score, engine = Score(), PHIEngine(profile)
    for bot, text in plain_turns():
        firewall = PHIFirewall(profile, engine=engine)
        firewall.heard(bot)
        spans = [(s.start, s.end, s.label) for s in firewall.redact(text).spans]
        score.add(text, [], spans)
    return score.over_pct


def main(print_line: Callable[[str], None] = print) -> dict[str, Any]:
    """Print a table and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a third of the dialogues")
    parser.add_argument("--data", type=Path, help="dialogues in the format of intake_dev.json")
    args = parser.parse_args()
    held_out = sorted(FIXTURES.glob("strangers_*.json"))
    paths = [args.data] if args.data else [SHARED] if SHARED.exists() else held_out
    data = dialogues(paths)
    unseen = dialogues(held_out)
    if args.quick:
        data, unseen = data[::3], unseen[::3]
    score, times = run(data, "strict")
    r = random.Random(7)
    noisy = [{**d, "turns": [mishear(t, 0.1, r) for t in d["turns"]]} for d in data]
    heard, _ = run(noisy, "strict")
    strangers, _ = run(unseen, "strict")
    presidio, presidio_times, why = run_presidio(data)
    rows = [("kind", "n", "engine", "presidio")]
    for label, n in score.all.most_common():
        theirs = presidio.by_label()[label] if presidio else "-"
        rows.append((label, n, score.by_label()[label], theirs))
    rows.append(
        ("all", sum(score.all.values()), score.recall, presidio.recall if presidio else "-")
    )
    for a, b, c, d in rows:
        print_line(f"{a:12}{b!s:>7}{c!s:>9}{d!s:>10}")
    print_line(
        f"\n10 % homophones: {heard.recall} %; held-out dialogues of tests/phi: {strangers.recall} %"
    )
    result = {
        "data": [path.name for path in paths],
        "identifiers": sum(score.all.values()),
        "recall": score.recall,
        "recall_by_label": score.by_label(),
        "recall_noisy": heard.recall,
        "recall_held_out": strangers.recall,
        "over_redaction_pct": over_redaction("strict"),
        "over_redaction_balanced_pct": over_redaction("balanced"),
        "over_redaction_in_dialogues_pct": score.over_pct,
        "p50_ms": round(statistics.median(times), 3),
        "p99_ms": percentile(times, 0.99),
        "presidio_recall": presidio.recall if presidio else None,
        "presidio_p99_ms": percentile(presidio_times, 0.99),
    }
    if why:
        result["presidio_missing"] = why
    print_line(json.dumps(result))
    return result


if __name__ == "__main__":
    main()

"""Word error rate of a tape: what the ears heard against what was said."""

import json
import re
from dataclasses import dataclass

from qa.diff.turns import Recorded, call_of
from qa.replay.wires import stage_of
from sessions.tape.schemas import WIRE

_NOT_A_WORD = re.compile(r"[^\w\s']")


@dataclass(frozen=True)
class WordErrors:
    """How what was heard differs from what was said.

    Parameters:
        words: Words that were said.
        substitutions: Heard as others.
        deletions: Not heard.
        insertions: Heard, and not said.
    """

    words: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def rate(self) -> float:
        """Errors to words said; above 1 when more is made up than was said."""
        wrong = self.substitutions + self.deletions + self.insertions
        return wrong / self.words if self.words else float(wrong > 0)


def word_errors(recorded: Recorded, reference: str) -> WordErrors:
    """Compare a call with a reference transcript of its caller.

    Args:
        recorded: A tape, or what a replay left.
        reference: What the caller said, in words; case and punctuation do not count.

    Raises:
        ImportError: jiwer is not installed; it comes with the extra ``eval``.
    """
    import jiwer

    said = plain(reference)
    if not said:
        return WordErrors(0, 0, 0, len(plain(heard(recorded)).split()))
    counts = jiwer.process_words(said, plain(heard(recorded)))
    return WordErrors(
        words=len(said.split()),
        substitutions=counts.substitutions,
        deletions=counts.deletions,
        insertions=counts.insertions,
    )


def heard(recorded: Recorded) -> str:
    """What the ears made of the caller, before redaction where the wire still has it."""
    words: list[str] = []
    listening: set[int] = set()
    for message in recorded.messages(WIRE):
        data = message.data
        if stage_of(data.get("url", "")) == "stt":
            listening.add(data["connection"])
        if data["connection"] in listening and data["direction"] == "received":
            words.append(_final_words(data.get("text", "")))
    text = " ".join(filter(None, words))
    return text or " ".join(turn.finals for turn in call_of(recorded).turns)


def plain(text: str) -> str:
    """Text as it is compared: lower case, no punctuation, single spaces."""
    return " ".join(_NOT_A_WORD.sub(" ", text.lower()).split())


def _final_words(text: str) -> str:
    """The transcript of a final result of Deepgram's; empty for anything else."""
    try:
        result = json.loads(text)
        return result["channel"]["alternatives"][0]["transcript"] if result["is_final"] else ""
    except (ValueError, KeyError, TypeError, IndexError):
        return ""

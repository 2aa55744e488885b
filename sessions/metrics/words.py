"""How many of the words heard are wrong: an estimate from the recogniser's own confidence."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

TABLE = Path(__file__).parents[1] / "data" / "word_confidence.yaml"


def confidences(result: Any) -> list[float]:
    """The confidence of each word in a vendor's raw result; empty where it tells none.

    Args:
        result: Of Deepgram (``channel.alternatives[0].words``) or Flux (``words``), object or dict.
    """
    alternatives = _get(_get(result, "channel"), "alternatives") or [result]
    words = _get(alternatives[0], "words") or []
    told = [_get(word, "confidence") for word in words]
    return [float(value) for value in told if isinstance(value, (int, float))]


def expected_errors(told: Sequence[float]) -> float:
    """How many of these words are expected to be wrong, by the calibration in ``sessions/data``.

    Args:
        told: A confidence each, 0 to 1.
    """
    at, wrong = _table()
    return float(np.interp(told, at, wrong).sum()) if len(told) else 0.0


def errors_between(heard: str, said: str) -> tuple[int, int]:
    """Words that differ, and words said; case and punctuation do not count.

    Returns:
        Substitutions, deletions and insertions together; the length of ``said`` in words.
    """
    ours, theirs = _plain(heard), _plain(said)
    row = list(range(len(theirs) + 1))
    for i, word in enumerate(ours, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(theirs, 1):
            least = min(row[j] + 1, row[j - 1] + 1, before + (word != other))
            before, row[j] = row[j], least
    return row[-1], len(theirs)


@functools.cache
def _table() -> tuple[list[float], list[float]]:
    data = yaml.safe_load(TABLE.read_text())
    return data["confidence"], data["wrong"]


def _plain(text: str) -> list[str]:
    return ["".join(c for c in word if c.isalnum() or c == "'") for word in text.lower().split()]


def _get(thing: Any, name: str) -> Any:
    return thing.get(name) if isinstance(thing, dict) else getattr(thing, name, None)

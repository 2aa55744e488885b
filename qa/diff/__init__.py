"""Two calls side by side: which words, tools, timings and interruptions differ, and where it began."""

from qa.diff.compare import Difference, Tolerances, compare
from qa.diff.turns import Call, Turn, call_of

__all__ = ["Call", "Difference", "Tolerances", "Turn", "call_of", "compare"]

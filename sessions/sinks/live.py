"""Which redacting sessions live in this process, and what no sink may show of them."""

import re
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from sessions.phi import PHIFirewall

WITHHELD = "[withheld]"

# A firewall lives as long as its session: also what is logged after the call is scrubbed.
_live: "weakref.WeakSet[PHIFirewall]" = weakref.WeakSet()
_UNKNOWN: Any = object()
_here: ContextVar[PHIFirewall | None] = ContextVar("vivace_phi", default=_UNKNOWN)

session_id: ContextVar[str] = ContextVar("vivace_session", default="")
"""The session whose work is being done: traces and error reports name it."""

# Values that no vault knows yet, such as a number that a carrier announces before the session
# has read it. For log lines only, where a masked number too many costs nothing.
_SHAPES = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.-]+"
    r"|(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)"
    r"|\+\d[\d\s().-]{7,}\d"
    r"|(?<![\w.:/#-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\w)"
    r"|(?<![\w.:/#-])\d{9,11}(?![\w.-])"
    r"|(?i:\b(?:(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)\b[\s,.-]*){4,})"
)
_OURS = ("sessions.", "services.", "serving.")
_SHORTEST = 3


def protect(phi: PHIFirewall | None) -> None:
    """Say that the current task, and the tasks it starts, belong to a session.

    Args:
        phi: The session's firewall; None when it does not redact.

    Raises:
        PolicyError: If the log is so detailed that it would print whole frames.
    """
    from sessions.sinks import logs, traces

    _here.set(phi)
    if phi is None:
        return
    _live.add(phi)
    logs.install()
    traces.install()


def anyone() -> bool:
    """Whether a redacting session lives in this process."""
    return bool(_live)


def guarded() -> bool:
    """Whether what is told here may be about a redacting session.

    True in its tasks, and wherever it is not known whose work is being done while one lives.
    """
    here = _here.get()
    return bool(_live) if here is _UNKNOWN else here is not None


def scrub(text: str) -> str:
    """Replace the values of every live vault, by the surrogates of the session at work first."""
    here = _here.get()
    for phi in sorted(_live, key=lambda phi: phi is not here):
        text = phi.scrub(text)
    return text


def scrub_data(value: Any, how: Callable[[str], str] = scrub) -> Any:
    """Replace the values of every live vault in JSON-like data, keys included.

    Args:
        value: The data.
        how: Scrubs one text; one session's ``phi.scrub`` where only its values can occur.
    """
    if isinstance(value, str):
        return how(value)
    if isinstance(value, Mapping):
        return {scrub_data(key, how): scrub_data(item, how) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [scrub_data(item, how) for item in value]
    return value


def clean(text: str, error: BaseException | None = None) -> str:
    """A line that may be shown: without vault values, exception texts and telling shapes.

    An exception may quote anything, and no vault has to know it. Only its type is kept, unless
    its class is one of ours, which say what happened in words of ours.

    Args:
        text: The line.
        error: An exception it may quote, besides the one being handled now.
    """
    for quoted, name in sorted(_quotes(error, sys.exc_info()[1]), key=lambda q: -len(q[0])):
        text = text.replace(quoted, f"<{name}>")
    return masked(text)


def masked(text: str) -> str:
    """A line without vault values and telling shapes."""
    return _SHAPES.sub(WITHHELD, scrub(text))


def _quotes(*errors: BaseException | None) -> Iterator[tuple[str, str]]:
    """The texts by which exceptions and their causes may be quoted, and their types' names."""
    queue, seen = [error for error in errors if error], set()
    while queue:
        error = queue.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        queue += [e for e in (error.__cause__, error.__context__) if e]
        queue += getattr(error, "exceptions", ())
        if not type(error).__module__.startswith(_OURS):
            name = type(error).__name__
            for quoted in {str(error), repr(error), *map(str, error.args)}:
                if len(quoted.strip()) >= _SHORTEST:
                    yield quoted, name

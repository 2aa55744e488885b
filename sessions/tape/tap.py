"""What every tap does: wrap a method, and begin a connection if the session has a tape."""

import functools
from collections.abc import Callable
from typing import Any

from sessions.tape.wire import WireConnection, current_tap


def wrap(owner: Any, name: str, make: Callable) -> None:
    """Replace a method by ``make(method)``."""
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(make(original)))


def begin(url: str) -> WireConnection | None:
    """A taped connection of the session in whose context this is called; None if it has no tape."""
    tap = current_tap.get()
    return tap.connection(url) if tap else None

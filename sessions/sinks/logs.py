"""Logs without identifiers: loguru, which Pipecat and this kit use, and the standard library's."""

import logging
import traceback
from collections.abc import Callable
from typing import Any

from loguru import logger

from sessions.policy import PolicyError
from sessions.sinks.live import WITHHELD, anyone, clean, guarded, scrub, scrub_data

DEBUG = 10


def install() -> None:
    """Stand behind every log call of this process. Calls after the first change nothing.

    Raises:
        PolicyError: If a log takes TRACE, at which Pipecat prints whole frames.
    """
    core: Any = logger._core  # type: ignore[attr-defined]
    if core.handlers and core.min_level < DEBUG:
        raise PolicyError(
            "The log is at TRACE, where Pipecat prints every transcript, and this policy redacts. "
            "Log at DEBUG (runner.py -v) or above."
        )
    if not isinstance(core.patcher, _Patcher):
        logger.configure(patcher=_Patcher(core.patcher))
    factory = logging.getLogRecordFactory()
    if not isinstance(factory, _Factory):
        logging.setLogRecordFactory(_Factory(factory))


class _Patcher:
    """Cleans loguru's records before any handler sees them."""

    def __init__(self, before: Callable[[Any], Any] | None):
        self._before = before

    def __call__(self, record: Any) -> None:
        if self._before:
            self._before(record)
        if not anyone():
            return
        if guarded() and record["level"].no < DEBUG:
            record["message"], record["exception"], record["extra"] = WITHHELD, None, {}
            return
        error = record["exception"]
        record["message"] = told(record["message"], error.value if error else None)
        record["exception"] = None
        record["extra"] = scrub_data(record["extra"])


class _Factory:
    """Makes the standard library's log records, clean."""

    def __init__(self, make: Callable[..., logging.LogRecord]):
        self._make = make

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._make(*args, **kwargs)
        if anyone():
            error = record.exc_info[1] if record.exc_info else None
            try:
                # At DEBUG client libraries print what goes over the wire, cut anywhere.
                private = guarded() and record.levelno <= DEBUG
                record.msg = WITHHELD if private else told(record.getMessage(), error)
            except Exception:  # arguments that do not fit: they are not shown either
                record.msg = WITHHELD
            record.args, record.exc_info, record.exc_text = None, None, None
        return record


def told(message: str, error: BaseException | None) -> str:
    """What a log may tell: the message, and of an exception its type and where it was raised."""
    if not guarded():
        whole = "".join(traceback.format_exception(error)) if error else ""
        return scrub("\n".join(filter(None, (message, whole))))
    message = clean(message, error)
    if error is None:
        return message
    where = traceback.extract_tb(error.__traceback__)
    steps = [f"  {step.filename}:{step.lineno} in {step.name}" for step in where]
    return "\n".join([message, *steps, type(error).__name__])

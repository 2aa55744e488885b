"""One call: its rules, clock, tape and doors. Knows no bot and no model vendor."""

from typing import TYPE_CHECKING

from sessions.policy import EU, HIPAA, OPEN, Policy

if TYPE_CHECKING:
    from sessions.session import Session

__all__ = ["EU", "HIPAA", "OPEN", "Policy", "Session"]


def __getattr__(name: str):
    # The engines in here run without Pipecat, which only a Session needs.
    if name == "Session":
        from sessions.session import Session

        return Session
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

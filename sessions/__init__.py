"""One call: its rules, clock, tape and doors. Knows no bot and no model vendor."""

from sessions.policy import EU, HIPAA, OPEN, Policy
from sessions.session import Session

__all__ = ["EU", "HIPAA", "OPEN", "Policy", "Session"]

"""The last line before every sink: what leaves a redacting session carries no identifier.

Guards nearer to the source (the ears, the mind, the tools) replace identifiers where they enter.
What is here holds when one of them, or code that nobody here wrote, did not.
"""

from sessions.sinks.live import guarded, protect, scrub, scrub_data
from sessions.sinks.reports import init_sentry

__all__ = ["guarded", "init_sentry", "protect", "scrub", "scrub_data"]

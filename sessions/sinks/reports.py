"""Error reports without identifiers: how Sentry is set up here."""

import os
from typing import Any

from sessions.sinks.live import WITHHELD, anyone, clean, guarded, scrub_data


def init_sentry(dsn: str | None = None, **options: Any) -> bool:
    """Report errors to Sentry, if there is an address to report them to.

    Locals, request bodies and user data are never reported, whatever the policy. While a
    redacting session lives, texts are scrubbed and exceptions are reported by type and place.

    Args:
        dsn: The address; ``SENTRY_DSN`` when None.
        **options: More options of ``sentry_sdk.init``.

    Returns:
        Whether errors are reported.
    """
    dsn = dsn or os.environ.get("SENTRY_DSN")
    if not dsn:
        return False
    import sentry_sdk

    sentry_sdk.init(
        **{
            "dsn": dsn,
            "include_local_variables": False,
            "send_default_pii": False,
            "max_request_body_size": "never",
            "before_send": without_content,
            "before_send_transaction": without_content,
            "before_breadcrumb": breadcrumb,
            **options,
        }
    )
    return True


def without_content(event: Any, _hint: Any) -> Any:
    """An event as it may be sent: ``before_send`` and ``before_send_transaction``."""
    for name in ("request", "user"):
        event.pop(name, None)
    for entry in _values(event, "exception"):
        for frame in (entry.get("stacktrace") or {}).get("frames", ()):
            frame.pop("vars", None)
    if not anyone():
        return event
    if guarded():
        for entry in _values(event, "exception"):
            entry["value"] = WITHHELD
        for span in event.get("spans") or ():
            span.pop("data", None)
            span["description"] = WITHHELD
        event.pop("extra", None)
        if logged := event.get("logentry"):
            text = logged.get("formatted") or logged.get("message") or ""
            event["logentry"] = {"message": clean(str(text))}
        if isinstance(event.get("message"), str):
            event["message"] = clean(event["message"])
        for crumb in _values(event, "breadcrumbs"):
            breadcrumb(crumb, None)
    return scrub_data(event)


def breadcrumb(crumb: Any, _hint: Any) -> Any:
    """A breadcrumb as it may be kept: ``before_breadcrumb``."""
    if not anyone():
        return crumb
    if guarded():
        crumb.pop("data", None)
        if isinstance(crumb.get("message"), str):
            crumb["message"] = clean(crumb["message"])
        return crumb
    return scrub_data(crumb)


def _values(event: Any, name: str) -> list:
    part = event.get(name) or {}
    return (part.get("values") or []) if isinstance(part, dict) else list(part)

"""Error reports without identifiers: how Sentry is set up here."""

import os
import sys
from typing import Any

from sessions.sinks.live import WITHHELD, clean, guarded, masked, scrub_data, session_id


def init_sentry(dsn: str | None = None, **options: Any) -> bool:
    """Report errors to Sentry, if there is an address to report them to.

    Locals, request bodies and user data are never reported, whatever the policy, and numbers and
    addresses that look like a person's are masked. Of a redacting session, exceptions are reported
    by type and place, and texts without the values that its vault knows.

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
    """An event as it may be sent: ``before_send`` and ``before_send_transaction``.

    Pipecat catches what processors, tools and observers raise, and logs a line of it: such an event
    gets the stack of the exception that is being handled.
    """
    for name in ("request", "user"):
        event.pop(name, None)
    raised = sys.exc_info()
    if raised[1] and event.get("type") != "transaction" and not event.get("exception"):
        event["exception"] = _stack_of(raised)
    private = guarded()
    for entry in _values(event, "exception"):
        entry["value"] = WITHHELD if private else masked(str(entry.get("value") or ""))
        for frame in (entry.get("stacktrace") or {}).get("frames", ()):
            frame.pop("vars", None)
    if private:
        for span in event.get("spans") or ():
            span.pop("data", None)
            span["description"] = WITHHELD
        event.pop("extra", None)
    tell = clean if private else masked
    if logged := event.get("logentry"):
        text = logged.get("formatted") or logged.get("message") or ""
        event["logentry"] = {"message": tell(str(text))}
    if isinstance(event.get("message"), str):
        event["message"] = tell(event["message"])
    for crumb in _values(event, "breadcrumbs"):
        breadcrumb(crumb, None)
    if session := session_id.get():
        event["tags"] = {**(event.get("tags") or {}), "session": session}
    return scrub_data(event)


def breadcrumb(crumb: Any, _hint: Any) -> Any:
    """A breadcrumb as it may be kept: of a redacting session, that something was told, and by whom."""
    if guarded():
        crumb.pop("data", None)
        crumb["message"] = WITHHELD
    elif isinstance(crumb.get("message"), str):
        crumb["message"] = masked(crumb["message"])
    return scrub_data(crumb)


def _stack_of(raised: Any) -> dict[str, Any]:
    import sentry_sdk
    from sentry_sdk.utils import event_from_exception

    mechanism = {"type": "logged", "handled": True}
    options = sentry_sdk.get_client().options
    event: Any = event_from_exception(raised, client_options=options, mechanism=mechanism)[0]
    return event["exception"]


def _values(event: Any, name: str) -> list:
    part = event.get(name) or {}
    return (part.get("values") or []) if isinstance(part, dict) else list(part)

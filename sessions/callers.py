"""Who calls, as the line says: names and numbers that come with a call, not in it."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pipecat.transports.base_transport import BaseTransport

from sessions.ledger import Ledger
from sessions.phi import PHIFirewall

FIELDS = {
    "from": "PHONE",
    "from_number": "PHONE",
    "to": "PHONE",
    "to_number": "PHONE",
    "caller": "PHONE",
    "caller_id": "PHONE",
    "caller_number": "PHONE",
    "ani": "PHONE",
    "phone": "PHONE",
    "phone_number": "PHONE",
    "email": "EMAIL",
    "name": "NAME",
    "full_name": "NAME",
    "first_name": "NAME",
    "last_name": "NAME",
    "caller_name": "NAME",
    "patient_name": "NAME",
    "user_name": "NAME",
    "username": "NAME",
    "date_of_birth": "DATE",
    "dob": "DATE",
    "mrn": "MRN",
    "ssn": "SSN",
    "member_id": "HEALTHPLAN",
}
"""Fields of a session's body, a carrier's call data or a participant that hold an identifier."""

NAMELESS = {"", "guest", "anonymous", "unknown", "user", "caller"}


def remember(details: Any, *, phi: PHIFirewall, ledger: Ledger) -> None:
    """Put the caller's name and number into the vault, so that no sink shows them.

    Args:
        details: JSON-like data: a session's body, call data, a participant's info.
        phi: The session's firewall.
        ledger: Told the kinds.
    """
    kinds: Counter[str] = Counter()
    for label, value in _found(details):
        phi.vault.put(value, label)
        kinds[label] += 1
    ledger.note("line", kinds)


def remember_participants(transport: BaseTransport, *, phi: PHIFirewall, ledger: Ledger) -> None:
    """Remember whoever joins the room of this session, by name and by user id."""
    known = getattr(transport, "_event_handlers", {})
    if "on_participant_joined" in known:  # Daily

        @transport.event_handler("on_participant_joined")
        async def on_participant_joined(_transport, participant):
            remember((participant or {}).get("info") or {}, phi=phi, ledger=ledger)

    if "on_participant_connected" in known:  # LiveKit

        @transport.event_handler("on_participant_connected")
        async def on_participant_connected(transport, identity):
            metadata = await transport.get_participant_metadata(identity) or {}
            names = {"name": metadata.get("name", ""), "user_id": identity}
            remember([names, metadata.get("metadata")], phi=phi, ledger=ledger)


def _found(value: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Labels and values, wherever they stand in the data."""
    if hasattr(value, "model_dump"):
        value = value.model_dump(by_alias=True)
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _found(item, _snake(str(name)))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _found(item, field)
    elif isinstance(value, (str, int)) and not isinstance(value, bool):
        text = str(value).strip()
        if label := _label(field, text):
            yield label, text


def _label(field: str, text: str) -> str | None:
    label = FIELDS.get(field)
    if "@" in text and (label or field.endswith("id")):
        return "EMAIL"
    if label == "PHONE" and len(re.findall(r"\d", text)) < 7:
        label = "NAME"
    if label == "NAME" and (text.lower() in NAMELESS or not re.search(r"[^\W\d_]{2}", text)):
        return None
    return label


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower().removeprefix("x_")

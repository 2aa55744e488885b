"""Tool results: structured data redacted by field name, by schema and by the engine."""

import re
from collections.abc import Callable, Mapping
from typing import Any

FIELDS: list[tuple[str, re.Pattern[str]]] = [
    (label, re.compile(rf"(?:^|_)(?:{pattern})(?:_|$)"))
    for label, pattern in (
        ("FAX", r"fax"),
        ("SSN", r"ssn|social_security|itin|tin|sin|national_id"),
        ("EMAIL", r"e_?mail"),
        ("URL", r"url|website|link|homepage"),
        ("IP", r"ip|ip_addr(?:ess)?"),
        ("MRN", r"mrn|medical_record|chart_(?:id|number)|patient_(?:id|number|identifier)"),
        ("HEALTHPLAN", r"member(?:ship)?_(?:id|number)|subscriber(?:_id|_number)?|policy(?:_id|_number)?|group_(?:id|number)|"
                       r"plan_(?:id|number)|insurance_(?:id|number)|medicare|medicaid|beneficiary"),
        ("ACCOUNT", r"account(?:_id|_number|_no)?|acct|card(?:_number|_no)?|iban|routing|pan"),
        ("LICENSE", r"licen[sc]e(?:_number|_no|_id)?|npi|dea"),
        ("VEHICLE", r"vin|plate|vehicle_id"),
        ("DEVICE", r"serial(?:_number|_no)?|device_id|udi|imei|mac"),
        ("DATE", r"dob|birth_?da(?:te|y)|date_of_\w+|date|born|admitted(?:_at)?|discharged(?:_at)?|deceased|visit_date|(?:first|last|next)_(?:visit|seen|appointment|contact)"),
        ("PHONE", r"phone|telephone|tel|mobile|cell|callback|caller_id|msisdn"),
        ("GEO", r"address|addr|street|city|county|zip|zip_?code|postal_?code|postcode|latitude|longitude|lat|lng|lon|location"),
        ("NAME", r"name|family|surname|full_name|patient|caller|guardian|contact|provider|physician|doctor|nurse|"
                 r"subscriber_name|clinician|attending|participant|author|user_name|username"),
        ("ID", r"confirmation(?:_number|_code|_id)?|claim(?:_id|_number)?|reference(?:_number)?|booking_(?:id|code)|ticket|passport|"
               r"case_(?:id|number)|order_(?:id|number)|prescription_(?:id|number)|rx_number|auth(?:orization)?_(?:number|code)"),
    )
]  # fmt: skip
NOT_NAMES = re.compile(r"(?:^|_)(?:drug|medication|product|test|tool|file|plan|clinic|hospital|pharmacy|org|organization|company|"
                       r"department|specialty|service|state|country|device|event|field|type)_name$")  # fmt: skip


def field_label(name: str) -> str | None:
    """Kind of identifier that a field of this name holds, or None."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    snake = re.sub(r"[\s\-.]+", "_", snake).lower()
    if NOT_NAMES.search(snake):
        return None
    if snake in ("first", "last", "given", "middle"):
        return "NAME"
    for label, pattern in FIELDS:
        if pattern.search(snake):
            return label
    return None


def redact_data(
    value: Any,
    schema: Mapping[str, str | None] | None,
    *,
    put: Callable[[str, str], str],
    redact: Callable[[str], str],
    label: str | None = None,
) -> Any:
    """A copy of a JSON value with identifiers replaced.

    Args:
        value: What a tool returned.
        schema: Field name to label; None as a label lets a field pass as it is. It goes before the
            guess by field name.
        put: Value and label to surrogate.
        redact: Redacts free text.
        label: Kind of the field the value stands in.
    """
    if isinstance(value, Mapping):
        out = {}
        for key, item in value.items():
            if schema is not None and key in schema:
                kind = schema[key]
                out[key] = item if kind is None else redact_data(
                    item, schema, put=put, redact=redact, label=kind)  # fmt: skip
            else:
                inner = field_label(str(key))
                nested = isinstance(item, (Mapping, list, tuple))
                out[key] = redact_data(
                    item, schema, put=put, redact=redact,
                    label=inner or (label if nested or label in ("NAME", "GEO") else None),
                )  # fmt: skip
        return out
    if isinstance(value, (list, tuple)):
        return [redact_data(item, schema, put=put, redact=redact, label=label) for item in value]
    if value is None or isinstance(value, bool) or value == "":
        return value
    if isinstance(value, (int, float)):
        if label or isinstance(value, int) and abs(value) >= 1_000_000:
            return put(str(value), label or "ID")
        return value
    if isinstance(value, str):
        if label and not re.fullmatch(r"\[[A-Z]+_\d+\]", value.strip()):
            return put(value, label) if plausible(value, label) else redact(value)
        return redact(value)
    return redact(str(value))


def plausible(value: str, label: str) -> bool:
    """The text can be a value of this kind and not a sentence in a field of that name."""
    return len(value.split()) <= (5 if label == "NAME" else 14)

import pytest

from sessions.phi import PHIEngine, PHIFirewall
from sessions.phi.data import field_label

ENGINE = PHIEngine()


@pytest.mark.parametrize(
    ("field", "label"),
    [
        ("firstName", "NAME"), ("patient_name", "NAME"), ("dateOfBirth", "DATE"), ("dob", "DATE"),
        ("phone_number", "PHONE"), ("faxNumber", "FAX"), ("zip", "GEO"), ("street_address", "GEO"),
        ("memberId", "HEALTHPLAN"), ("mrn", "MRN"), ("email_address", "EMAIL"), ("card_number", "ACCOUNT"),
        ("confirmation_code", "ID"), ("drug_name", None), ("dose", None), ("duration", None), ("status", None),
    ],
)  # fmt: skip
def test_fields_are_known_by_name(field, label):
    assert field_label(field) == label


def test_a_tool_result_is_redacted_by_field_and_by_text():
    firewall = PHIFirewall(engine=ENGINE)
    result = firewall.redact_data(
        {
            "patient": {"firstName": "Rosalind", "dob": "1982-03-03", "mrn": 884201},
            "note": "call John Okafor at 555-201-3344",
            "slots": [{"time": "10:30", "open": True}],
            "count": 3,
        }
    )
    assert result["patient"] == {"firstName": "[NAME_1]", "dob": "[DATE_1]", "mrn": "[MRN_1]"}
    assert result["note"] == "call [NAME_2] at [PHONE_1]"
    assert result["slots"] == [{"time": "10:30", "open": True}]
    assert result["count"] == 3


def test_the_schema_goes_before_the_guess():
    firewall = PHIFirewall(engine=ENGINE)
    data = {"id": "A77", "name": "Main Street Clinic", "rows": [{"id": "B12"}]}
    clean = firewall.redact_data(data, {"id": "MRN", "name": None})
    assert clean == {"id": "[MRN_1]", "name": "Main Street Clinic", "rows": [{"id": "[MRN_2]"}]}


def test_what_the_caller_said_and_what_a_tool_returns_share_a_surrogate():
    firewall = PHIFirewall(engine=ENGINE)
    said = firewall.redact("my number is five five five two oh one three three four four").text
    assert said == "my number is [PHONE_1]"
    assert firewall.redact_data({"phone": "+1 (555) 201-3344"}) == {"phone": "[PHONE_1]"}

"""One value into one field: what is stored, and what is refused with which code."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from sandbox.salesforce.schema import FieldSpec, read_field
from sandbox.salesforce.values import RefusedValue, RowError, stored

ID = "001A0000006Vm9uIAC"


def field(notation: Any) -> FieldSpec:
    return read_field("Account", "Some_Field__c", notation)


@pytest.mark.parametrize(
    ("notation", "raw", "value"),
    [
        ("string(10)", "  trimmed ", "trimmed"),
        ("string(10)", "", None),
        ("string(10)", "東京" * 5, "東京" * 5),
        ("currency(18,2)", "1.25E3", Decimal("1250.00")),
        ("currency(18,2)", "-0.005", Decimal("-0.01")),
        ("double(5,2)", "999.99", Decimal("999.99")),
        ("int(8)", "42", 42),
        ("boolean", "TRUE", True),
        ("boolean", "0", False),
        ("date", "2026-01-31", date(2026, 1, 31)),
        ("date", "2026-01-31T23:00:00.000Z", date(2026, 1, 31)),
        ("datetime", "2026-01-31T08:15:30.000+01:00", datetime(2026, 1, 31, 7, 15, 30)),  # noqa: DTZ001  as stored
        ("datetime", "2026-01-31T08:15:30+0100", datetime(2026, 1, 31, 7, 15, 30)),  # noqa: DTZ001  as stored
        ("time", "08:15:30.000Z", time(8, 15, 30)),
        ("reference(Account)", ID[:15], ID),
        ({"is": "picklist(255) restricted", "values": ["Hot", "Cold"]}, "hot", "Hot"),
        ({"is": "picklist(255)", "values": ["Hot", "Cold"]}, "Lukewarm", "Lukewarm"),
        ({"is": "multipicklist(255) restricted", "values": ["A", "B"]}, "b;A", "B;A"),
    ],
)
def test_a_cell_is_stored_as_its_field_says(notation: Any, raw: str, value: object) -> None:
    assert stored(field(notation), raw, from_text=True) == value


@pytest.mark.parametrize(
    ("notation", "raw", "code"),
    [
        ("string(3)", "four", "STRING_TOO_LONG"),
        ("double(5,2)", "1000", "NUMBER_OUTSIDE_VALID_RANGE"),
        ("int(8)", "1.5", "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ("int(8)", "1,000", "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ("currency(18,2)", "NaN", "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ("boolean", "yes", "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ("date", "31.01.2026", "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ("datetime", "yesterday", "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ("email(80)", "a@b", "INVALID_EMAIL_ADDRESS"),
        ("email(80)", "a b@example.com", "INVALID_EMAIL_ADDRESS"),
        ("reference(Account)", "001", "MALFORMED_ID"),
        ("reference(Account)", ID[:17] + "X", "MALFORMED_ID"),
        ({"is": "picklist(255) restricted", "values": ["Hot"]}, "Cold", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
    ],
)
def test_a_wrong_cell_is_refused_with_its_code(notation: Any, raw: str, code: str) -> None:
    with pytest.raises(RefusedValue) as refused:
        stored(field(notation), raw, from_text=True)

    assert (refused.value.error.code, refused.value.error.fields) == (code, ("Some_Field__c",))


@pytest.mark.parametrize(
    ("notation", "raw"), [("boolean", "1"), ("double(5,2)", "much"), ("date", True), ("string(9)", [])]
)
def test_json_of_the_wrong_type_does_not_parse(notation: str, raw: object) -> None:
    with pytest.raises(RefusedValue) as refused:
        stored(field(notation), raw, from_text=False)

    assert refused.value.error.code == "JSON_PARSER_ERROR"


def test_an_error_reads_as_in_a_result_file() -> None:
    assert RowError("CODE", "why: so", ("A", "B")).as_text() == "CODE:why: so:A,B --"
    assert RowError("CODE", "why").as_text() == "CODE:why:--"

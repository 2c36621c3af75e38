"""Marketo's shapes → ours, without a server."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from crm_patterns.clients.bodies import Body
from crm_patterns.clients.marketo import wire
from crm_patterns.clients.marketo.connection import MarketoConnection
from crm_patterns.clients.marketo.extracts import read_rows, stretches
from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.errors import FixSettings, StopRun
from crm_patterns.core.targets import TargetField
from crm_patterns.core.values import Value


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (FieldKind.BOOLEAN, False, False),
        (FieldKind.BOOLEAN, "1", True),
        (FieldKind.BOOLEAN, "false", False),
        (FieldKind.INTEGER, 7, 7),
        (FieldKind.INTEGER, "7.0", 7),
        (FieldKind.DECIMAL, Decimal("12.10"), Decimal("12.1")),
        (FieldKind.DATE, "1999-12-31", date(1999, 12, 31)),
        (FieldKind.TIMESTAMP, "2026-11-01T02:03:04+0100", datetime(2026, 11, 1, 1, 3, 4, tzinfo=UTC)),
        (FieldKind.TEXT, "", None),
        (FieldKind.TEXT, 7, "7"),
        (FieldKind.DATE, "soon", "soon"),
    ],
)
def test_values_of_json_and_of_extracts_are_read_alike(kind: FieldKind, raw: object, value: Value) -> None:
    assert wire.read_value(TargetField("f", kind), raw) == value


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (None, None),
        (True, True),
        (5, 5),
        (Decimal("1234567890.10"), "1234567890.1"),
        (datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (date(2026, 1, 2), "2026-01-02"),
    ],
)
def test_values_are_written_as_marketo_takes_them(value: Value, sent: object) -> None:
    assert wire.write_value(value) == sent


@pytest.mark.parametrize(
    ("dedupe", "unique"),
    [({}, ["email"]), ({"dedupeFields": ["id", "email", "sfRecordId18"]}, ["email", "sfRecordId18"])],
)
def test_leads_are_told_apart_by_what_marketo_says_or_the_address(dedupe: dict[str, object], unique: list[str]) -> None:
    fields = [
        {"name": name, "dataType": "string", "updateable": True} for name in ("id", "email", "sfRecordId18", "city")
    ]
    told = {"searchableFields": [["id"], ["email"], ["city", "email"]], "fields": fields, **dedupe}

    found = wire.read_description({"result": [told]})

    assert [each.name for each in found.description.fields if each.unique] == unique
    assert found.searchable == {"id", "email"}


@pytest.mark.parametrize("told", ["[12,34]", "12,34", "12; 34"])
def test_the_losers_of_a_merge_are_read_in_any_form(told: str) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)

    assert wire.Happened("g", "1", 32, at, attributes={"Merge IDs": told}).merged_ids == ("12", "34")


def test_no_job_asks_for_more_than_31_days_and_none_overlap() -> None:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, 12, tzinfo=UTC)

    parts = list(stretches(start, end))

    assert (parts[0][0], parts[-1][1]) == (start, end - timedelta(seconds=1))
    assert all(last - first < timedelta(days=31) for first, last in parts)
    assert all(one[1] + timedelta(seconds=1) == other[0] for one, other in pairwise(parts))


def test_an_extract_with_fewer_rows_than_promised_is_no_whole_one() -> None:
    body = Body()
    body.write(b'id,notes\n1,null\n2,"two\nlines"\n')

    assert list(read_rows(body, 2)) == [[{"id": "1", "notes": None}, {"id": "2", "notes": "two\nlines"}]]
    with pytest.raises(StopRun, match="3 leads held 2"):
        list(read_rows(body, 3))


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("123-ABC-456", "https://123-abc-456.mktorest.com"),
        ("https://123-ABC-456", "https://123-abc-456.mktorest.com"),
        ("https://123-abc-456.mktorest.com/rest", "https://123-abc-456.mktorest.com"),
        ("https://123-abc-456.mktorest.com/identity/", "https://123-abc-456.mktorest.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_the_address_is_taken_in_the_forms_in_which_it_is_copied(given: str, url: str) -> None:
    assert MarketoConnection(given).url == url


def test_an_incomplete_connection_says_what_is_missing() -> None:
    with pytest.raises(FixSettings, match="Munchkin id"):
        _ = MarketoConnection("").url
    with pytest.raises(FixSettings, match="custom service"):
        _ = MarketoConnection("123-ABC-456", client_id="only").service
    assert "secret" not in repr(MarketoConnection("123-ABC-456", client_secret="secret"))

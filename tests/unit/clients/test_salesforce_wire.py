"""What Salesforce says, in our words."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from crm_patterns.clients.salesforce import wire
from crm_patterns.clients.salesforce_sign_in.answers import Problem, read_problem
from crm_patterns.core.contracts import DescribedField, FieldKind
from crm_patterns.core.ports import JobState, JobStatus


def described(**item: Any) -> DescribedField:
    return wire.read_description({"name": "X__c", "fields": [{"name": "F", **item}]}).fields[0]


@pytest.mark.parametrize(
    ("source_type", "kind"),
    [
        ("id", FieldKind.TEXT),
        ("reference", FieldKind.TEXT),
        ("multipicklist", FieldKind.TEXT),
        ("anyType", FieldKind.TEXT),
        ("encryptedstring", FieldKind.TEXT),
        ("something new", FieldKind.TEXT),
        ("boolean", FieldKind.BOOLEAN),
        ("int", FieldKind.INTEGER),
        ("long", FieldKind.INTEGER),
        ("double", FieldKind.DECIMAL),
        ("currency", FieldKind.DECIMAL),
        ("percent", FieldKind.DECIMAL),
        ("date", FieldKind.DATE),
        ("datetime", FieldKind.TIMESTAMP),
        ("time", FieldKind.TIME),
        ("address", FieldKind.UNREADABLE),
        ("location", FieldKind.UNREADABLE),
        ("base64", FieldKind.UNREADABLE),
    ],
)
def test_each_type_has_its_kind(source_type: str, kind: FieldKind) -> None:
    assert described(type=source_type).kind is kind


def test_numbers_carry_digits_and_texts_carry_characters() -> None:
    money = described(type="currency", precision=18, scale=2, length=0)
    name = described(type="string", length=120, precision=0, scale=0)

    assert (money.precision, money.scale, money.length) == (18, 2, None)
    assert (name.precision, name.scale, name.length) == (None, None, 120)


def test_picklists_list_inactive_values_too_because_old_rows_hold_them() -> None:
    values = [{"value": "A", "active": True}, {"value": "B", "active": False}]

    stage = described(type="picklist", picklistValues=values, restrictedPicklist=True, nillable=False)

    assert (stage.values, stage.values_restricted, stage.nullable) == (("A", "B"), True, False)


def test_hidden_fields_are_left_out() -> None:
    fields = [{"name": "Old", "type": "string", "deprecatedAndHidden": True}, {"name": "Id", "type": "id"}]

    description = wire.read_description({"name": "X__c", "fields": fields})

    assert [field.name for field in description.fields] == ["Id"]


@pytest.mark.parametrize(
    ("job", "status"),
    [
        ({"state": "UploadComplete"}, JobStatus(JobState.WAITING)),
        ({"state": "InProgress", "numberRecordsProcessed": 5}, JobStatus(JobState.WAITING)),
        ({"state": "JobComplete", "numberRecordsProcessed": 5}, JobStatus(JobState.READY, rows=5)),
        ({"state": "JobComplete"}, JobStatus(JobState.READY, rows=0)),
        ({"state": "Failed", "errorMessage": "why"}, JobStatus(JobState.FAILED, problem="why")),
        (
            {
                "state": "Failed",
                "errorMessage": "InvalidBatch : Failed to process query: INVALID_FIELD: No such column",
            },
            JobStatus(
                JobState.FAILED,
                problem="InvalidBatch : Failed to process query: INVALID_FIELD: No such column",
                schema_moved=True,
            ),
        ),
        ({"state": "Aborted"}, JobStatus(JobState.FAILED, problem="the job was aborted")),
    ],
)
def test_a_job_is_waiting_ready_or_failed(job: dict[str, Any], status: JobStatus) -> None:
    assert wire.read_job(job) == status


@pytest.mark.parametrize(
    ("headers", "locator"),
    [
        ({"sforce-locator": "null"}, None),
        ({"sforce-locator": ""}, None),
        ({}, None),
        ({"sforce-locator": "MTAw/+="}, "MTAw%2F%2B%3D"),
    ],
)
def test_the_last_page_is_known_by_a_null_locator_or_none(headers: dict[str, str], locator: str | None) -> None:
    assert wire.next_locator(headers) == locator


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"resultPages": [{"resultUrl": "/a"}], "nextRecordsUrl": "/n", "done": False}, (["/a"], "/n")),
        ({"resultPages": [{"resultUrl": "/a"}], "nextRecordUrl": "/n", "done": False}, (["/a"], "/n")),
        ({"resultPages": [{"resultUrl": "/a"}], "done": True}, (["/a"], None)),
        ({"resultPages": [], "done": True, "nextRecordsUrl": "/n"}, ([], None)),
        ({}, ([], None)),
    ],
)
def test_result_pages_are_followed_until_done(data: dict[str, Any], expected: tuple[list[str], str | None]) -> None:
    assert wire.result_links(data) == expected


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            b'[{"message":"Session expired","errorCode":"INVALID_SESSION_ID"}]',
            ("INVALID_SESSION_ID", "Session expired"),
        ),
        (b'{"error":"invalid_grant","error_description":"no"}', ("invalid_grant", "no")),
        (b'{"exceptionCode":"InvalidJob","exceptionMessage":"no"}', ("InvalidJob", "no")),
        (b"<html><body>Down for maintenance</body></html>", ("", "an HTML page")),
        (b"", ("", "")),
        (b"[]", ("", "")),
        (b"\xff\xfe", ("", "��")),
        (b"[1]", ("", "1")),
    ],
)
def test_any_shape_of_error_is_read(body: bytes, problem: tuple[str, str]) -> None:
    assert read_problem(body) == Problem(*problem)


def test_long_error_texts_are_cut() -> None:
    assert len(read_problem(b"x" * 5000).text) <= 301


@pytest.mark.parametrize(
    ("header", "usage"),
    [
        ("api-usage=18/15000", (18, 15000)),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=x)", (25, 5000)),
        ("", None),
    ],
)
def test_usage_is_read_from_the_limit_header(header: str, usage: tuple[int, int] | None) -> None:
    assert wire.read_usage({"sforce-limit-info": header}) == usage


def test_json_numbers_stay_exact() -> None:
    data = wire.read_json(b'{"a": 0.1, "b": 3.5E8, "c": 12500000000000000.01, "d": 7}')

    assert data == {"a": Decimal("0.1"), "b": Decimal("3.5E8"), "c": Decimal("12500000000000000.01"), "d": 7}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", None),
        ("null", "null"),
        (True, "true"),
        (False, "false"),
        (Decimal("3.5E8"), "3.5E+8"),
        (7, "7"),
    ],
)
def test_json_values_are_put_as_a_bulk_result_would(value: Any, text: str | None) -> None:
    assert wire.as_text(value) == text


def test_twins_are_jobs_of_the_same_object_and_operation_made_since() -> None:
    since = datetime(2026, 1, 2, 3, tzinfo=UTC)
    job = {"id": "750A", "object": "Account", "operation": "queryAll", "createdDate": "2026-01-02T03:00:01.000+0000"}
    others = [
        {**job, "id": "750B", "object": "Contact"},
        {**job, "id": "750C", "operation": "query"},
        {**job, "id": "750D", "createdDate": "2026-01-02T02:59:59.000+0000"},
    ]

    found = wire.jobs_like({"records": [job, *others]}, object_name="Account", operation="queryAll", since=since)

    assert found == ["750A"]

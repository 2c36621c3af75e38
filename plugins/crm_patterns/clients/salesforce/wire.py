"""Salesforce's JSON and headers → our words. Pure; the vendor's vocabulary stays here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from crm_patterns.clients.salesforce_sign_in.answers import Problem, short
from crm_patterns.core.contracts import ContractField, DescribedField, FieldKind, ObjectContract, ObjectDescription
from crm_patterns.core.ports import Allowance, Grant, JobState, JobStatus

KINDS: dict[str, FieldKind] = {
    "boolean": FieldKind.BOOLEAN,
    "int": FieldKind.INTEGER,
    "long": FieldKind.INTEGER,
    "double": FieldKind.DECIMAL,
    "currency": FieldKind.DECIMAL,
    "percent": FieldKind.DECIMAL,
    "date": FieldKind.DATE,
    "datetime": FieldKind.TIMESTAMP,
    "time": FieldKind.TIME,
    "base64": FieldKind.UNREADABLE,
    "address": FieldKind.UNREADABLE,
    "location": FieldKind.UNREADABLE,
    "complexvalue": FieldKind.UNREADABLE,
}
"""Every other type is text, `anyType` (the old and new values of history objects) included."""

TERMINAL_STATES = frozenset({"JobComplete", "Failed", "Aborted"})

_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")


def read_usage(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """(used, allowed) API calls of the org's rolling 24 hours, from `Sforce-Limit-Info: api-usage=18/15000`."""
    found = _USAGE.search(headers.get("sforce-limit-info", ""))
    return (int(found[1]), int(found[2])) if found else None


def read_allowance(limits: Mapping[str, Any], *, read_at: datetime) -> Allowance:
    """The answer of `/limits`; an edition without a limit does not list it."""

    def grant(name: str) -> Grant:
        told = limits.get(name) or {}
        return Grant(told.get("Remaining"), told.get("Max"))

    return Allowance(
        calls=grant("DailyApiRequests"),
        jobs=grant("DailyBulkV2QueryJobs"),
        job_mb=grant("DailyBulkV2QueryFileStorageMB"),
        read_at=read_at,
    )


def daily_calls_spent(problem: Problem, usage: tuple[int, int] | None) -> bool:
    """
    REQUEST_LIMIT_EXCEEDED stands for two limits that only its text tells apart: the day's calls, or those at once.

    Where the text says neither, the header decides.
    """
    text = problem.text.lower()
    if text.startswith("totalrequests"):
        return True
    if text.startswith("concurrent"):
        return False
    return usage is not None and usage[0] >= usage[1]


def read_description(data: Mapping[str, Any]) -> ObjectDescription:
    return ObjectDescription(
        object_name=data["name"],
        fields=tuple(_field(item) for item in data["fields"] if not item.get("deprecatedAndHidden")),
        queryable=bool(data.get("queryable", True)),
        logs_deletions=bool(data.get("replicateable", True)),
    )


def _field(item: Mapping[str, Any]) -> DescribedField:
    kind = KINDS.get(item["type"], FieldKind.TEXT)
    is_decimal = kind is FieldKind.DECIMAL
    return DescribedField(
        name=item["name"],
        kind=kind,
        length=(item.get("length") or None) if kind is FieldKind.TEXT else None,
        precision=(item.get("precision") or 18) if is_decimal else None,
        scale=(item.get("scale") or 0) if is_decimal else None,
        nullable=bool(item.get("nillable", True)),
        computed=bool(item.get("calculated", False)),
        values=tuple(value["value"] for value in item.get("picklistValues") or ()),
        values_restricted=bool(item.get("restrictedPicklist", False)),
        references=tuple(item.get("referenceTo") or ()),
        label=item.get("label") or "",
        source_type=item["type"],
        help=item.get("inlineHelpText") or "",
    )


def read_job(data: Mapping[str, Any]) -> JobStatus:
    state = data["state"]
    if state == "JobComplete":
        return JobStatus(JobState.READY, rows=int(data.get("numberRecordsProcessed") or 0))
    if state == "Failed":
        problem = data.get("errorMessage") or "no reason given"
        # The only place in which a failed job names a code: `InvalidBatch : Failed to process query: INVALID_FIELD: …`.
        moved = "INVALID_FIELD" in re.findall(r"[A-Z_]+", problem)
        return JobStatus(JobState.FAILED, problem=short(problem), schema_moved=moved)
    if state == "Aborted":
        return JobStatus(JobState.FAILED, problem="the job was aborted")
    return JobStatus(JobState.WAITING)


def read_json(body: bytes) -> Any:
    """JSON with exact numbers: what has a point or an exponent becomes a Decimal, never a float."""
    return json.loads(body, parse_float=Decimal)


def as_text(value: Any) -> str | None:
    """A JSON value as the text that a bulk result would hold; null and empty text are the same to Salesforce."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def columns_of(records: Iterable[Mapping[str, Any]], names: Iterable[str]) -> dict[str, list[str | None]]:
    """Texts by field name. KeyError where a record lacks a field that was asked for."""
    rows = list(records)
    return {name: [as_text(row[name]) for row in rows] for name in names}


def next_locator(headers: Mapping[str, str]) -> str | None:
    """Where the next page begins; None at the end, which is the literal text `null` or no header at all."""
    locator = headers.get("sforce-locator", "").strip()
    return quote(locator, safe="") if locator and locator != "null" else None


def record_count(headers: Mapping[str, str]) -> int | None:
    """Records in this page by the server's count."""
    value = headers.get("sforce-numberofrecords", "")
    return int(value) if value.isdigit() else None


def result_links(data: Mapping[str, Any]) -> tuple[list[str], str | None]:
    """Paths of result pages, and the path of the next list. The guide spells the latter in two ways."""
    links = [page["resultUrl"] for page in data.get("resultPages") or ()]
    following = data.get("nextRecordsUrl") or data.get("nextRecordUrl")
    return links, None if data.get("done", following is None) else following


def read_moment(text: str | None) -> datetime | None:
    """A date-time as JSON has it (`2026-01-02T03:04:05.000+0000`), in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def jobs_like(data: Mapping[str, Any], *, object_name: str, operation: str, since: datetime) -> list[str]:
    """Ids of the listed jobs of that object and operation that were made since then."""
    return [
        job["id"]
        for job in data.get("records") or ()
        if job.get("object") == object_name
        and job.get("operation") == operation
        and (made := read_moment(job.get("createdDate"))) is not None
        and made >= since
    ]


def key_contract(source: str, object_name: str, cursor: str | None = None) -> ObjectContract:
    """A contract of an object's Id and, where there is one, its cursor alone."""
    key = ContractField("Id", "id", FieldKind.TEXT, length=18, nullable=False)
    fields = (key, ContractField(cursor, "cursor", FieldKind.TIMESTAMP)) if cursor else (key,)
    return ObjectContract(source, object_name, object_name.upper(), fields, key="Id", cursor=cursor, deleted_flag=None)

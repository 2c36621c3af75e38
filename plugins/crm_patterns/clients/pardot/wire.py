"""Account Engagement's JSON and headers → our words. Pure; the vendor's vocabulary stays here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.ports.responses import CampaignResponse
from crm_patterns.core.targets import TargetDescription, TargetField, TargetRecord
from crm_patterns.core.values import Value, text_of

PROSPECTS = "prospects"
LONGEST_TEXT = 255
"""Of a default field. The API tells no lengths; these are those of "Field Type Reference"."""
LONGEST_CUSTOM = {"Textarea": 65_535, "Text": 56_000}

_WRITABLE = (
    "email", "firstName", "lastName", "salutation", "company", "website", "jobTitle", "department", "phone", "fax",
    "addressOne", "addressTwo", "city", "state", "country", "zip", "territory", "industry", "annualRevenue",
    "employees", "yearsInBusiness", "source", "comments",
)  # fmt: skip
_READ_ONLY = (
    "grade", "salesforceId", "salesforceContactId", "salesforceLeadId", "salesforceAccountId", "salesforceCampaignId",
    "salesforceOwnerId",
)  # fmt: skip
_BOOLEANS = {
    "optedOut": True, "isDoNotEmail": True, "isDoNotCall": True, "isReviewed": True, "isEmailHardBounced": False,
    "isArchived": False, "isDeleted": False,
}  # fmt: skip
_INTEGERS = {"id": False, "score": True, "campaignId": True, "assignedToId": False}
_STAMPS = ("createdAt", "updatedAt", "firstActivityAt", "lastActivityAt")
_CUSTOM_KINDS = {"Number": FieldKind.DECIMAL, "Date": FieldKind.DATE}
_MULTIPLE = frozenset({"Checkbox", "Multi-Select"})

ACTIVITY_FIELDS = "id,type,typeName,prospectId,campaignId,campaign.name,campaign.salesforceId,createdAt"
RESPONSES = frozenset({1, 4, 6, 11, 17, 21, 24, 25, 27, 28, 29, 34})
"""
Types of visitor activity that say how far somebody came in a campaign: clicks, forms and pages filled in, sent and
opened e-mail, custom redirects, webinars and events, videos. Bounces, complaints, visits and opt-outs do not.
"""

_TEXT_LIMIT = 300
_USAGE = re.compile(r"(\d+)\D+(\d+)")

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as the server put it; `code` is 0 where there is none (HTML pages, empty bodies)."""

    code: int = 0
    text: str = ""


def read_problem(body: bytes) -> Problem:
    """`{"code": 66, "message": "…"}`, or whatever a server before it says."""
    try:
        data = json.loads(body)
    except ValueError:
        text = body.decode("utf-8", errors="replace")
        return Problem(text="an HTML page" if "<html" in text.lower() else _short(text))
    if not isinstance(data, dict):
        return Problem(text=_short(str(data)))
    code = str(data.get("code") or "")
    return Problem(int(code) if code.isdigit() else 0, _short(str(data.get("message") or "")))


def read_usage(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """(used, allowed) calls of the business unit's day, where it was asked for."""
    found = _USAGE.search(headers.get("x-api-usage", ""))
    return (int(found[1]), int(found[2])) if found else None


def read_stamp(text: str | None) -> datetime | None:
    """ISO 8601 with an offset, in UTC."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC) if text else None


def write_stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def read_description(custom_fields: Iterable[Raw]) -> TargetDescription:
    """The default fields, which the API does not describe, and the custom ones, which it does."""
    fields = [TargetField(name, FieldKind.TEXT, length=LONGEST_TEXT, required=name == "email") for name in _WRITABLE]
    fields += [_read_only(name, FieldKind.TEXT) for name in _READ_ONLY]
    fields += [_read_only(name, FieldKind.TIMESTAMP) for name in _STAMPS]
    for kind, names in ((FieldKind.BOOLEAN, _BOOLEANS), (FieldKind.INTEGER, _INTEGERS)):
        fields += [TargetField(name, kind, creatable=may, updatable=may) for name, may in names.items()]
    return TargetDescription(PROSPECTS, (*fields, *map(_custom, custom_fields)))


def _read_only(name: str, kind: FieldKind) -> TargetField:
    return TargetField(name, kind, creatable=False, updatable=False)


def _custom(raw: Raw) -> TargetField:
    told = str(raw.get("type") or "")
    kind = _CUSTOM_KINDS.get(told, FieldKind.TEXT)
    return TargetField(
        name=str(raw["fieldId"]).removesuffix("__c") + "__c",
        kind=kind,
        length=LONGEST_CUSTOM.get(told, LONGEST_TEXT) if kind is FieldKind.TEXT and told not in _MULTIPLE else None,
        required=bool(raw.get("isRequired")),
        multiple=told in _MULTIPLE,
        label=str(raw.get("name") or ""),
    )


def read_record(raw: Raw, fields: Sequence[str], about: TargetDescription) -> TargetRecord:
    """A prospect with those of `fields` that have a value."""
    values = {name: read_value(raw.get(name), about.by_name[name.lower()]) for name in fields}
    return TargetRecord(
        record_id=str(raw["id"]),
        values={name: value for name, value in values.items() if value is not None},
        modified_at=read_stamp(raw.get("updatedAt")),
        is_deleted=bool(raw.get("isDeleted")),
    )


def read_value(told: Any, about: TargetField) -> Value:
    """A JSON value as one of the field's kind; what is none of that kind stays the text it is."""
    if told is None or told == "" or told == []:
        return None
    if isinstance(told, list):
        return ";".join(map(str, told))
    try:
        match about.kind:
            case FieldKind.BOOLEAN:
                return told if isinstance(told, bool) else {"true": True, "false": False}[str(told).lower()]
            case FieldKind.INTEGER:
                return int(told)
            case FieldKind.DECIMAL:
                return Decimal(str(told))
            case FieldKind.DATE:
                return date.fromisoformat(str(told)[:10])
            case FieldKind.TIMESTAMP:
                return read_stamp(str(told))
    except (KeyError, ValueError, InvalidOperation):
        return str(told)
    return str(told)


def write_value(value: Value, about: TargetField | None) -> Any:
    """A value as it goes into JSON; null clears."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, datetime):
        return write_stamp(value)
    text = text_of(value)
    if about is not None and about.multiple and text is not None:
        return [each.strip() for each in text.split(";") if each.strip()]
    return text


def read_activity(raw: Raw) -> CampaignResponse | None:
    """None where it is no response, or of nobody, or of no campaign."""
    at, campaign = read_stamp(raw.get("createdAt")), raw.get("campaign") or {}
    key = campaign.get("salesforceId") or campaign.get("name")
    if raw.get("type") not in RESPONSES or not raw.get("prospectId") or not key or at is None:
        return None
    return CampaignResponse(str(raw["prospectId"]), str(key), str(raw.get("typeName") or raw["type"]), at)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _TEXT_LIMIT else f"{flat[:_TEXT_LIMIT]}…"

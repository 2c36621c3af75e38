"""Marketo's JSON and CSV → our words. Pure; the vendor's vocabulary stays here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.targets import TargetDescription, TargetField, TargetRecord
from crm_patterns.core.values import Value, text_of

LEADS = "leads"
KINDS: dict[str, FieldKind] = {
    "integer": FieldKind.INTEGER,
    "score": FieldKind.INTEGER,
    "float": FieldKind.DECIMAL,
    "currency": FieldKind.DECIMAL,
    "percent": FieldKind.DECIMAL,
    "boolean": FieldKind.BOOLEAN,
    "date": FieldKind.DATE,
    "datetime": FieldKind.TIMESTAMP,
}
"""Every other type is text."""

NEVER_UNIQUE = frozenset({"id"})
_TEXT_LIMIT = 300
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as Marketo put it: its code is a text."""

    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class LeadsDescribed:
    """Leads as this user may use them, and the fields that may be asked by (`filterType`)."""

    description: TargetDescription
    searchable: frozenset[str]


@dataclass(frozen=True, slots=True)
class Happened:
    """One activity. `primary` is the id and the text of what it happened with; attributes by name."""

    guid: str
    lead_id: str
    type_id: int
    at: datetime
    primary_id: str = ""
    primary: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def merged_ids(self) -> tuple[str, ...]:
        """Of a merge: the leads that are gone."""
        return tuple(_DIGITS.findall(self.attributes.get("Merge IDs", "")))


def read_body(body: bytes) -> Mapping[str, Any] | None:
    """The envelope of an answer; None where the body is none. Numbers keep their digits."""
    try:
        data = json.loads(body, parse_float=Decimal)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def problem_of(data: Mapping[str, Any]) -> Problem | None:
    """Why a call was refused as a whole; None where it was not. Warnings beside `success: true` are no refusal."""
    if data.get("success") is not False:
        return None
    first: Mapping[str, Any] = next(iter(data.get("errors") or ()), {})
    return Problem(str(first.get("code") or ""), _short(str(first.get("message") or "")))


def skipped(result: Mapping[str, Any]) -> Problem | None:
    """Why one record of a batch was left out; None where it was not."""
    if result.get("status") != "skipped":
        return None
    first: Mapping[str, Any] = next(iter(result.get("reasons") or ()), {})
    return Problem(str(first.get("code") or ""), _short(str(first.get("message") or "")))


def read_description(data: Mapping[str, Any]) -> LeadsDescribed:
    """From the answer of describe2. Where it does not tell by what leads are told apart, it is the address."""
    [told] = data["result"]
    searchable = frozenset(names[0] for names in told.get("searchableFields") or () if len(names) == 1)
    unique = frozenset(told.get("dedupeFields") or ("email",)) - NEVER_UNIQUE
    fields = tuple(_field(each, unique) for each in told["fields"])
    return LeadsDescribed(TargetDescription(LEADS, fields), searchable)


def _field(data: Mapping[str, Any], unique: frozenset[str]) -> TargetField:
    writeable, length = bool(data.get("updateable")), data.get("length")
    return TargetField(
        name=str(data["name"]),
        kind=KINDS.get(str(data["dataType"]), FieldKind.TEXT),
        length=int(length) if length else None,
        creatable=writeable,
        updatable=writeable,
        unique=data["name"] in unique,
        label=str(data.get("displayName") or ""),
    )


def read_record(
    raw: Mapping[str, Any], fields: Sequence[str], about: TargetDescription, *, merged_into: str = ""
) -> TargetRecord:
    """A lead with the fields that were asked for. A blank one is left out."""
    values: dict[str, Value] = {}
    for name in fields:
        known = about.by_name[name.lower()]
        value = read_value(known, raw.get(known.name))
        if value is not None:
            values[name] = value
    return TargetRecord(str(raw["id"]), values, read_moment(raw.get("updatedAt")), merged_into=merged_into)


def read_value(known: TargetField, raw: Any) -> Value:
    """A value of JSON or of a CSV cell; what does not fit its type stays a text."""
    if raw is None or raw == "":
        return None
    if known.kind is FieldKind.TEXT:
        return str(raw).lower() if isinstance(raw, bool) else str(raw)
    text = str(raw).strip()
    try:
        return _typed(known.kind, raw, text)
    except (ValueError, InvalidOperation, KeyError):
        return text


def _typed(kind: FieldKind, raw: Any, text: str) -> Value:
    match kind:
        case FieldKind.BOOLEAN:
            return raw if isinstance(raw, bool) else {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        case FieldKind.INTEGER:
            return int(Decimal(text))
        case FieldKind.DECIMAL:
            return Decimal(text)
        case FieldKind.DATE:
            return date.fromisoformat(text[:10])
    return read_moment(text)


def write_value(value: Value) -> Any:
    """A value as Marketo takes it in JSON; None clears. Decimals go as texts, which keep every digit."""
    if isinstance(value, datetime):
        return write_moment(value)
    if value is None or isinstance(value, bool | int):
        return value
    return text_of(value)


def read_moment(text: str | None) -> datetime | None:
    """ISO 8601, or None; `+0000` without a colon is Marketo's too."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC) if text else None


def write_moment(moment: datetime) -> str:
    """In UTC, without the milliseconds that Marketo refuses."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_activity(raw: Mapping[str, Any]) -> Happened:
    attributes = {str(each["name"]): str(each.get("value") or "") for each in raw.get("attributes") or ()}
    at = read_moment(raw["activityDate"])
    if at is None:
        raise ValueError(f"Activity {raw.get('marketoGUID')} carries no date.")
    return Happened(
        guid=str(raw.get("marketoGUID") or raw.get("id")),
        lead_id=str(raw["leadId"]),
        type_id=int(raw["activityTypeId"]),
        at=at,
        primary_id=str(raw.get("primaryAttributeValueId") or ""),
        primary=str(raw.get("primaryAttributeValue") or ""),
        attributes=attributes,
    )


def read_cell(text: str) -> str | None:
    """A cell of an extract: the word null is an empty value."""
    return None if text in ("", "null") else text


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _TEXT_LIMIT else f"{flat[:_TEXT_LIMIT]}…"

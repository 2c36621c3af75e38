"""Objects that are written to, in Salesforce's JSON → our words, and values on their way in. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from crm_patterns.clients.salesforce.wire import KINDS, as_text, read_moment
from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.targets import TargetDescription, TargetField, TargetRecord
from crm_patterns.core.values import Value, is_blank, text_of

STAMP = "SystemModstamp"
_MARKS = ("IsDeleted", "MasterRecordId", "IsConverted", "ConvertedContactId")
"""Fields that tell that a record is no more, and which one is left; not every object has them."""


@dataclass(frozen=True, slots=True)
class SObject:
    """
    An object as Salesforce describes it. `prefix`: the first three characters of its ids, case and all.

    `keys` are the lower-cased names of fields by which an upsert finds a record; `case_sensitive` of those that tell
    upper from lower case. `marks`: those of the fields that tell of deletion, merge and conversion that it has.
    """

    description: TargetDescription
    prefix: str
    keys: frozenset[str]
    case_sensitive: frozenset[str]
    marks: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.description.object_name

    def holds(self, record_id: str) -> bool:
        return record_id[:3] == self.prefix


def read_sobject(data: Mapping[str, Any]) -> SObject:
    fields = [item for item in data["fields"] if not item.get("deprecatedAndHidden")]
    names = {item["name"] for item in fields}
    return SObject(
        TargetDescription(
            object_name=data["name"],
            fields=tuple(_field(item) for item in fields),
            creatable=bool(data.get("createable", True)),
            updatable=bool(data.get("updateable", True)),
            deletable=bool(data.get("deletable", True)),
        ),
        prefix=data.get("keyPrefix") or "",
        keys=frozenset(item["name"].lower() for item in fields if _is_unique(item) and item["type"] != "id"),
        case_sensitive=frozenset(item["name"].lower() for item in fields if item.get("caseSensitive")),
        marks=tuple(mark for mark in _MARKS if mark in names),
    )


def _is_unique(item: Mapping[str, Any]) -> bool:
    """`idLookup` alone (mail addresses have it) says that one may look by it, not that no two records share a value."""
    return bool(item.get("unique") or item.get("externalId") or item["type"] == "id")


def _field(item: Mapping[str, Any]) -> TargetField:
    kind = KINDS.get(item["type"], FieldKind.TEXT)
    is_decimal = kind is FieldKind.DECIMAL
    digits = item.get("precision") or 18 if is_decimal else item.get("digits") or None
    creatable = bool(item.get("createable"))
    values = tuple(each["value"] for each in item.get("picklistValues") or () if each.get("active", True))
    return TargetField(
        name=item["name"],
        kind=kind,
        length=(item.get("length") or None) if kind is FieldKind.TEXT else None,
        precision=digits if kind in (FieldKind.DECIMAL, FieldKind.INTEGER) else None,
        scale=(item.get("scale") or 0) if is_decimal else None,
        required=_is_required(item, creatable=creatable),
        creatable=creatable,
        updatable=bool(item.get("updateable")),
        unique=_is_unique(item),
        values=values,
        values_restricted=bool(item.get("restrictedPicklist")) and bool(values),
        multiple=item["type"] == "multipicklist",
        label=item.get("label") or "",
    )


def _is_required(item: Mapping[str, Any], *, creatable: bool) -> bool:
    """By describe. A checkbox is never null and never required: unset it is false."""
    needed = creatable and not item.get("nillable", True) and not item.get("defaultedOnCreate")
    return needed and item["type"] != "boolean"


def read_record(data: Mapping[str, Any], fields: Sequence[str], about: SObject) -> TargetRecord:
    """A record with those of `fields` that have a value, by the names that were asked for."""
    told, known = {name.lower(): value for name, value in data.items()}, about.description.by_name
    values = {name: read_value(told.get(name.lower()), known[name.lower()].kind) for name in fields}
    marks = {mark: data.get(mark) for mark in about.marks}
    return TargetRecord(
        record_id=str(data["Id"]),
        values={name: value for name, value in values.items() if value is not None},
        modified_at=read_moment(data.get(STAMP)),
        is_deleted=bool(marks.get("IsDeleted")),
        merged_into=str(marks.get("MasterRecordId") or _contact_of(marks)),
    )


def _contact_of(marks: Mapping[str, Any]) -> str:
    return str(marks.get("ConvertedContactId") or "") if marks.get("IsConverted") else ""


def read_value(value: Any, kind: FieldKind) -> Value:
    """A JSON value (numbers exact) as a value of its kind; one that is none of that kind stays a text."""
    text = as_text(value)
    if text is None:
        return None
    try:
        match kind:
            case FieldKind.BOOLEAN:
                return value if isinstance(value, bool) else {"true": True, "false": False}[text.lower()]
            case FieldKind.INTEGER:
                return int(Decimal(text))
            case FieldKind.DECIMAL:
                return Decimal(text)
            case FieldKind.DATE:
                return date.fromisoformat(text[:10])
            case FieldKind.TIMESTAMP:
                return read_moment(text)
            case FieldKind.TIME:
                return time.fromisoformat(text.removesuffix("Z"))
    except (KeyError, ValueError, ArithmeticError):
        return text
    return text


def json_record(values: Mapping[str, Value], *, object_name: str = "", record_id: str = "") -> str:
    """A record of a collection: null clears, and every number has all of its digits."""
    parts = [f'"attributes":{{"type":{json.dumps(object_name)}}}']
    parts += [f'"Id":{json.dumps(record_id)}'] if record_id else []
    parts += [f"{json.dumps(name)}:{_json_value(value)}" for name, value in values.items()]
    return f"{{{','.join(parts)}}}"


def _json_value(value: Value) -> str:
    if is_blank(value):
        return "null"
    if isinstance(value, bool | int | Decimal):
        return str(text_of(value))
    return json.dumps(said(value), ensure_ascii=False)


def said(value: Value) -> str:
    """A value that is not blank, as Salesforce reads it in a text: a cell, or a JSON string."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, time):
        return f"{value.isoformat(timespec='milliseconds')}Z"
    return text_of(value) or ""


def same_id(record_id: str) -> str:
    """What the 15 and the 18 characters of an id have in common."""
    return record_id[:15]

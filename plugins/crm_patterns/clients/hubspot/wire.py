"""HubSpot's JSON and headers → our words. Pure; the vendor's vocabulary stays here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.targets import TargetDescription, TargetField, TargetRecord
from crm_patterns.core.values import Value, text_of

KINDS: dict[str, FieldKind] = {
    "number": FieldKind.DECIMAL,
    "bool": FieldKind.BOOLEAN,
    "date": FieldKind.DATE,
    "datetime": FieldKind.TIMESTAMP,
}
"""Every other type is text."""

LONGEST_TEXT = 65_536
OPT_OUT = "hs_email_optout"
MERGED_IDS = "hs_merged_object_ids"
OTHER_EMAILS = "hs_additional_emails"

_TEXT_LIMIT = 300
_EXISTING = re.compile(r"Existing ID: (\d+)")


@dataclass(frozen=True, slots=True)
class Problem:
    """
    An error as the server put it. `category` is empty where there is none (HTML pages); `policy` is a rate's name.

    `code` and `field_name` are those of the first thing that is wrong with a record, `existing_id` the record that has
    a value which must be unique, `scopes` those that are missing.
    """

    category: str = ""
    text: str = ""
    policy: str = ""
    code: str = ""
    field_name: str = ""
    existing_id: str = ""
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One refusal in the answer to a batch: which inputs it is about, by trace id and by id."""

    problem: Problem
    trace_ids: tuple[str, ...]
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """Results and refusals of a batch, each in an order of its own."""

    results: tuple[Mapping[str, Any], ...]
    errors: tuple[Item, ...]


def read_problem(body: bytes) -> Problem:
    """Any of the shapes in which HubSpot and the servers before it report an error."""
    try:
        data = json.loads(body)
    except ValueError:
        text = body.decode("utf-8", errors="replace")
        return Problem(text="an HTML page" if "<html" in text.lower() else _short(text))
    return problem_of(data) if isinstance(data, dict) else Problem(text=_short(str(data)))


def problem_of(data: Mapping[str, Any]) -> Problem:
    """The error of a body, or of one entry of a batch's `errors`."""
    errors = [each for each in data.get("errors") or () if isinstance(each, dict)]
    first = errors[0] if errors else {}
    context = first.get("context") or {}
    text = str(data.get("message") or data.get("error_description") or "")
    found = _EXISTING.search(text)
    scopes = [str(scope) for each in errors for scope in (each.get("context") or {}).get("requiredGranularScopes", ())]
    return Problem(
        category=str(data.get("category") or data.get("errorType") or data.get("error") or ""),
        text=_short(str(first.get("message") or text)),
        policy=str(data.get("policyName") or ""),
        code=str(first.get("code") or ""),
        field_name=str(next(iter(context.get("propertyName") or ()), "")),
        existing_id=found[1] if found else "",
        scopes=tuple(scopes),
    )


def read_batch(data: Mapping[str, Any]) -> BatchAnswer:
    """`results` and `errors`: also an answer of 200 may have the latter."""
    return BatchAnswer(tuple(data.get("results") or ()), tuple(_item(each) for each in data.get("errors") or ()))


def _item(data: Mapping[str, Any]) -> Item:
    context = data.get("context") or {}
    traces = [*context.get("objectWriteTraceId", ()), *filter(None, [data.get("objectWriteTraceId")])]
    ids = [*context.get("ids", ()), *context.get("id", ()), *filter(None, [data.get("id")])]
    return Item(problem_of(data), tuple(map(str, traces)), tuple(map(str, ids)))


def read_usage(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """(used, allowed) calls of the account's day; None for OAuth and search, which are not told."""
    allowed, left = headers.get("x-hubspot-ratelimit-daily", ""), headers.get("x-hubspot-ratelimit-daily-remaining", "")
    return (int(allowed) - int(left), int(allowed)) if allowed.isdigit() and left.isdigit() else None


def read_burst(headers: Mapping[str, str]) -> int | None:
    """How many calls this app may make in ten seconds."""
    most = headers.get("x-hubspot-ratelimit-max", "")
    return int(most) if most.isdigit() else None


def read_moment(text: str | None) -> datetime | None:
    """ISO 8601 with a zone, or None."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC) if text else None


def read_description(object_name: str, data: Mapping[str, Any]) -> TargetDescription:
    """The properties that are in use."""
    listed = [each for each in data["results"] if not each.get("archived")]
    return TargetDescription(object_name, tuple(_field(each) for each in listed))


def _field(data: Mapping[str, Any]) -> TargetField:
    name, metadata = str(data["name"]), data.get("modificationMetadata") or {}
    writeable = not (metadata.get("readOnlyValue") or data.get("calculated"))
    is_enumeration, kind = data["type"] == "enumeration", KINDS.get(data["type"], FieldKind.TEXT)
    options = tuple(str(each["value"]) for each in data.get("options") or ()) if is_enumeration else ()
    return TargetField(
        name=name,
        kind=kind,
        length=LONGEST_TEXT if kind is FieldKind.TEXT else None,
        creatable=writeable or name == OPT_OUT,  # by way of the subscriptions
        updatable=writeable or name == OPT_OUT,
        unique=bool(data.get("hasUniqueValue")),
        values=options,
        values_restricted=bool(options) and not data.get("externalOptions"),
        multiple=is_enumeration and data.get("fieldType") == "checkbox",
        label=str(data.get("label") or ""),
    )


def read_record(data: Mapping[str, Any], fields: Sequence[str], description: TargetDescription) -> TargetRecord:
    """A record with those of `fields` that have a value."""
    told, known = data["properties"], description.by_name
    values = {name: read_value(told.get(name), known[name.lower()].kind) for name in fields if name.lower() in known}
    return TargetRecord(
        record_id=str(data["id"]),
        values={name: value for name, value in values.items() if value is not None},
        modified_at=read_moment(data.get("updatedAt")),
        is_deleted=bool(data.get("archived")),
    )


def read_value(text: str | None, kind: FieldKind) -> Value:
    """A property's text as a value of its kind; a text that is none of that kind stays what it is."""
    if text is None or not text.strip():
        return None
    try:
        match kind:
            case FieldKind.BOOLEAN:
                return {"true": True, "false": False}[text.lower()]
            case FieldKind.DECIMAL:
                return Decimal(text)
            case FieldKind.DATE:
                return _moment_or_ms(text).date() if text.isdigit() else date.fromisoformat(text[:10])
            case FieldKind.TIMESTAMP:
                return _moment_or_ms(text)
    except (KeyError, ValueError, InvalidOperation):
        return text
    return text


def write_value(value: Value) -> str:
    """A value as HubSpot takes it; the empty text clears."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return text_of(value) or ""


def merged_ids(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Ids of the records that were merged into this one."""
    return tuple(filter(None, (data["properties"].get(MERGED_IDS) or "").split(";")))


def epoch_ms(moment: datetime) -> str:
    """As filters of a search take it."""
    return str(int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000))


def _moment_or_ms(text: str) -> datetime:
    if text.isdigit():
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _TEXT_LIMIT else f"{flat[:_TEXT_LIMIT]}…"

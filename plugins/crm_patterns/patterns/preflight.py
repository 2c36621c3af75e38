"""What the target would refuse, found in its own description before a call is spent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal

from crm_patterns.core.changes import Action, Change, Fate, FieldChange, RecordOutcome
from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.targets import TargetDescription, TargetField
from crm_patterns.core.values import Value, is_blank
from crm_patterns.patterns.conflicts import Policy

SHOWN_VALUES = 20


def check(changes: Iterable[Change], description: TargetDescription) -> tuple[list[Change], list[RecordOutcome]]:
    """
    The changes that the target would take, and for every other one the first reason why not.

    A record is refused whole: half of what was planned would be nobody's plan. Restrictions are the exception, they
    never wait: what is left of a refused update are its restrictions, where it has any. A create comes out without
    what a new record does not have.
    """
    accepted, refused = [], []
    for change in changes:
        problem = next(problems(change, description), None)
        if problem is None:
            accepted.append(_as_new(change, description))
            continue
        refused.append(problem)
        if change.action is Action.UPDATE and (rest := _restrictions(change, description)):
            accepted.append(rest)
    return accepted, refused


def problems(change: Change, description: TargetDescription) -> Iterator[RecordOutcome]:
    """Everything that is wrong with one change, the object first, then its fields in their order."""
    allowed = {
        Action.CREATE: description.creatable,
        Action.UPDATE: description.updatable,
        Action.DELETE: description.deletable,
        Action.LINK: True,
    }
    if not allowed[change.action]:
        reason = f"This user may not {change.action} {description.object_name}. Give the permission."
        yield _refusal(change, reason, "object_permission")
    if change.action in (Action.DELETE, Action.LINK):
        return
    for each in _as_new(change, description).fields:
        if problem := _field_problem(change.action, each, description.by_name):
            rule, reason, values = problem
            yield _refusal(change, reason, rule, each.name, values)
    if change.action is Action.CREATE:
        yield from _missing(change, description)


def _as_new(change: Change, description: TargetDescription) -> Change:
    """Without the fields that a new record does not have, where it is one."""
    if change.action is not Action.CREATE or not description.not_on_new:
        return change
    return replace(change, fields=tuple(each for each in change.fields if each.name not in description.not_on_new))


def _restrictions(change: Change, description: TargetDescription) -> Change | None:
    kept = tuple(each for each in change.fields if each.rule == Policy.MOST_RESTRICTIVE)
    rest = replace(change, fields=kept)
    return rest if kept and next(problems(rest, description), None) is None else None


def _missing(change: Change, description: TargetDescription) -> Iterator[RecordOutcome]:
    given = {each.name.lower() for each in change.fields if not is_blank(each.after)}
    for wanted in description.fields:
        if wanted.required and wanted.creatable and wanted.name.lower() not in given:
            reason = f"{wanted.name} is required for a new {description.object_name}, and has no value. Fill it."
            yield _refusal(change, reason, "required", wanted.name)


Problem = tuple[str, str, tuple[str, ...]]
"""Rule, reason, allowed values."""


def _field_problem(action: Action, change: FieldChange, fields: Mapping[str, TargetField]) -> Problem | None:
    field = fields.get(change.name.lower())
    if field is None:
        return "unknown_field", f"The target has no field {change.name}, or this user may not see it.", ()
    if not (field.creatable if action is Action.CREATE else field.updatable):
        return "field_permission", f"This user may not write {field.name}. Give the permission, or stop mapping it.", ()
    if is_blank(change.after):
        if field.required:
            return "required", f"{field.name} cannot be emptied: the target requires a value.", ()
        return None
    return _wrong_kind(field, change.after) or _too_large(field, change.after) or _not_listed(field, change.after)


def _wrong_kind(field: TargetField, value: Value) -> Problem | None:
    if field.kind is FieldKind.UNREADABLE:
        return "type", f"{field.name} cannot be written as a value.", ()
    expected = _TYPES[field.kind]
    is_right = isinstance(value, expected) and (isinstance(value, bool) == (field.kind is FieldKind.BOOLEAN))
    if field.kind is FieldKind.DATE and isinstance(value, datetime):
        is_right = False
    if field.kind is FieldKind.INTEGER and isinstance(value, Decimal):
        is_right = value == value.to_integral_value()
    return None if is_right else ("type", f"{field.name} takes a {field.kind}, and {value!r} is none.", ())


def _too_large(field: TargetField, value: Value) -> Problem | None:
    if isinstance(value, str) and field.length is not None and len(value) > field.length:
        reason = f"{field.name} takes {field.length:,} characters, and the value has {len(value):,}. Shorten it."
        return "length", reason, ()
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if is_number and field.precision is not None:
        number = Decimal(str(value))
        whole = field.precision - (field.scale or 0)
        if abs(number) >= Decimal(10) ** whole:
            return "range", f"{field.name} takes {whole} digits before the point, and {value} has more.", ()
    return None


def _not_listed(field: TargetField, value: Value) -> Problem | None:
    if not (field.values_restricted and field.values):
        return None
    parts = str(value).split(";") if field.multiple else [str(value)]
    unknown = [part for part in parts if part not in field.values]
    if not unknown:
        return None
    shown = ", ".join(field.values[:SHOWN_VALUES]) + (", …" if len(field.values) > SHOWN_VALUES else "")
    return "picklist", f"{field.name} does not know {unknown[0]!r}. It may be: {shown}.", field.values


def _refusal(
    change: Change, reason: str, rule: str, field_name: str = "", allowed: tuple[str, ...] = ()
) -> RecordOutcome:
    return RecordOutcome(
        change.change_id, Fate.REJECTED, change.record_id, reason=reason, rule=rule, field_name=field_name,
        allowed=allowed,
    )  # fmt: skip


_TYPES: Mapping[FieldKind, type | tuple[type, ...]] = {
    FieldKind.TEXT: str,
    FieldKind.BOOLEAN: bool,
    FieldKind.INTEGER: (int, Decimal),
    FieldKind.DECIMAL: (int, Decimal),
    FieldKind.DATE: date,
    FieldKind.TIMESTAMP: datetime,
    FieldKind.TIME: time,
}

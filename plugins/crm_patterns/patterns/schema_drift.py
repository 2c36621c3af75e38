"""
Schema drift: what an object's description says, held against what proven runs know of it.

The rules, in the order in which they are asked. A field that once got a column keeps it. A column is never dropped,
emptied or retyped: a type it cannot hold without loss goes on in a new column, `<column>_v2`, `_v3`, … (no field name
gives such a column, as digits are set apart by an underscore). A column that appears or resumes is filled for old rows
by a read of that field alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, replace

from crm_patterns.core.arrow_types import MAX_PRECISION
from crm_patterns.core.contracts import ContractField, DescribedField, FieldKind, ObjectContract, ObjectDescription
from crm_patterns.core.fingerprints import short_fingerprint
from crm_patterns.core.schema_changes import (
    ChangeKind,
    ColumnShape,
    FieldStatus,
    KnownField,
    KnownSchema,
    SchemaChange,
    SchemaPlan,
)
from crm_patterns.patterns.naming import column_name
from crm_patterns.patterns.schema_sentences import change, values_change
from crm_patterns.patterns.warehouse_elt import FieldChoice, make_contract

_NUMBERS = frozenset({FieldKind.INTEGER, FieldKind.DECIMAL})
_INT64_DIGITS = 19


@dataclass(frozen=True, slots=True)
class Decision:
    """What moves in this run, and what is known once it is proven."""

    contract: ObjectContract
    plan: SchemaPlan


def vanished(known: KnownSchema | None, description: ObjectDescription) -> tuple[str, ...]:
    """Fields that were read so far and are not described any more: deleted, or hidden from this user."""
    fields = known.fields if known else ()
    return tuple(f.name for f in fields if f.status is FieldStatus.READ and not description.has(f.name))


def decide(
    source: str,
    description: ObjectDescription,
    choice: FieldChoice,
    *,
    known: KnownSchema | None,
    existing: Set[str] | None = None,
) -> Decision:
    """
    The contract and the changes. `existing`: lower-cased names of all fields the object has, whoever may see them;
    None where the source does not tell, which matters only to tell a deleted field from a hidden one.
    """
    held = known or KnownSchema(())
    fresh = make_contract(source, description, choice, known=frozenset(held.by_name))
    settled = [_settle(held, field, description.by_name[field.name.lower()]) for field in fresh.fields]
    contract = replace(fresh, fields=tuple(field for field, _ in settled))
    now = {after.name.lower(): after for _, after in settled}
    absent = {
        name: replace(field, status=_status(field, description, existing))
        for name, field in held.by_name.items()
        if name not in now
    }
    after = KnownSchema(tuple(sorted((now | absent).values(), key=lambda f: f.name.lower())), held.version + 1)
    if known is None:
        return Decision(contract, SchemaPlan(after, 0, contract.fingerprint))
    if after.fields == held.fields:
        return Decision(contract, SchemaPlan(held, held.version, contract.fingerprint))
    changes = _changes(held, now=now, absent=absent)
    identified = tuple(c.identified(source, description.object_name, held.version) for c in changes)
    refill = tuple(sorted(f.name for name, f in now.items() if _needs_values(held.by_name.get(name), f)))
    return Decision(contract, SchemaPlan(after, held.version, contract.fingerprint, identified, refill))


def holds(shape: ColumnShape, field: ContractField) -> ContractField | None:
    """
    The field as a column of this shape holds every value of it; None where it cannot.

    Warehouse columns are as wide as they can be (text without a length, numbers of 38 digits), so only the kind and the
    decimal places decide. A column never changes its decimal places: Snowflake cannot, and rounding would be silent.
    """
    if not {shape.kind, field.kind} <= _NUMBERS:
        return field if shape.kind is field.kind else None
    scale = field.scale or 0
    whole = _INT64_DIGITS if field.kind is FieldKind.INTEGER else (field.precision or MAX_PRECISION) - scale
    if scale == shape.scale:
        return field
    if scale > shape.scale or whole > MAX_PRECISION - shape.scale:
        return None
    return replace(field, kind=FieldKind.DECIMAL, precision=whole + shape.scale, scale=shape.scale)


def in_known_columns(contract: ObjectContract, known: KnownSchema | None) -> ObjectContract:
    """
    The contract's fields under the columns they have by now, for whoever works between windows: a field that no window
    took up yet, or whose column cannot hold it, is left out until one does.
    """
    if known is None:
        return contract
    fields = []
    roles = {contract.key, contract.cursor, contract.deleted_flag}
    for field in contract.fields:
        before = known.by_name.get(field.name.lower())
        if before is not None and before.status is FieldStatus.READ:
            fits = holds(before.column, field)
            fields += [replace(fits, column=before.column.column)] if fits else []
        elif field.name in roles:
            fields.append(field)
    return replace(contract, fields=tuple(fields))


def _settle(held: KnownSchema, field: ContractField, described: DescribedField) -> tuple[ContractField, KnownField]:
    """The field under its settled column, and what is known of it afterwards."""
    before = held.by_name.get(field.name.lower())
    if before is None:
        fits, columns = _first_column(held, field)
    else:
        fits, columns = _column_of_known(before, field)
    after = KnownField(
        name=field.name,
        columns=columns,
        source_type=described.source_type,
        kind=described.kind,
        length=described.length,
        precision=described.precision,
        scale=described.scale,
        label=described.label,
        values=described.values,
        hashed=field.hashed,
        hash_key=field.hash_key,
    )
    return fits, after


def _first_column(held: KnownSchema, field: ContractField) -> tuple[ContractField, tuple[ColumnShape, ...]]:
    column = field.column
    if column in held.columns:
        column = f"{column_name(field.name)}_{short_fingerprint(field.name, digits=4)}"
    return replace(field, column=column), (_shape(column, field),)


def _column_of_known(before: KnownField, field: ContractField) -> tuple[ContractField, tuple[ColumnShape, ...]]:
    """The present column where it holds the field, else a former one that does, else a new one."""
    for shape in reversed(before.columns):
        fits = holds(shape, field)
        if fits is not None:
            others = tuple(other for other in before.columns if other != shape)
            return replace(fits, column=shape.column), (*others, shape)
    base = min(before.columns, key=lambda shape: len(shape.column)).column
    column = f"{base}_v{len(before.columns) + 1}"
    return replace(field, column=column), (*before.columns, _shape(column, field))


def _shape(column: str, field: ContractField) -> ColumnShape:
    return ColumnShape(column, field.kind, (field.scale or 0) if field.kind is FieldKind.DECIMAL else 0)


def _status(field: KnownField, description: ObjectDescription, existing: Set[str] | None) -> FieldStatus:
    """Why a known field is not read. One that was missing before keeps its reason until it is described again."""
    described = description.by_name.get(field.name.lower())
    if described is not None:
        return FieldStatus.UNREADABLE if described.kind is FieldKind.UNREADABLE else FieldStatus.EXCLUDED
    if field.status in (FieldStatus.REMOVED, FieldStatus.ACCESS_LOST, FieldStatus.VANISHED):
        return field.status
    if existing is None:
        return FieldStatus.VANISHED
    return FieldStatus.ACCESS_LOST if field.name.lower() in existing else FieldStatus.REMOVED


def _needs_values(before: KnownField | None, after: KnownField) -> bool:
    """Old rows lack what the column should hold: it is new, was not read for a while, or is hashed otherwise."""
    if before is None or before.status is not FieldStatus.READ:
        return True
    return before.column != after.column or _is_hashed_otherwise(before, after)


def _is_hashed_otherwise(before: KnownField, after: KnownField) -> bool:
    return (before.hashed, before.hash_key) != (after.hashed, after.hash_key)


_GONE = {
    FieldStatus.REMOVED: ChangeKind.REMOVED,
    FieldStatus.ACCESS_LOST: ChangeKind.ACCESS_LOST,
    FieldStatus.VANISHED: ChangeKind.VANISHED,
    FieldStatus.UNREADABLE: ChangeKind.UNREADABLE,
    FieldStatus.EXCLUDED: ChangeKind.EXCLUDED,
}


def _changes(held: KnownSchema, *, now: dict[str, KnownField], absent: dict[str, KnownField]) -> list[SchemaChange]:
    added = [field for name, field in now.items() if name not in held.by_name]
    gone = [field for name, field in absent.items() if field.status is not held.by_name[name].status]
    found: list[SchemaChange] = []
    for old, new in renames(gone, added):
        found.append(change(ChangeKind.RENAMED, new, before=old))
        gone.remove(old)
        added.remove(new)
    found += [change(ChangeKind.ADDED, field) for field in added]
    found += [change(_GONE[field.status], field, before=held.by_name[field.name.lower()]) for field in gone]
    for name, field in now.items():
        if name in held.by_name:
            found += _changes_of(held.by_name[name], field)
    order = list(ChangeKind)
    return sorted(found, key=lambda c: (order.index(c.kind), c.field.lower()))


def _changes_of(before: KnownField, after: KnownField) -> Iterable[SchemaChange]:
    """What changed of a field that is still, or again, described."""
    if before.status is not FieldStatus.READ:
        yield change(ChangeKind.RETURNED, after, before=before)
    if before.column.column != after.column.column:
        yield change(ChangeKind.RETYPED, after, before=before)
    elif before.type_text != after.type_text:
        yield change(ChangeKind.WIDENED, after, before=before)
    if _is_hashed_otherwise(before, after):
        yield change(ChangeKind.HASHING, after, before=before)
    if before.label != after.label:
        yield change(ChangeKind.RELABELLED, after, before=before)
    if before.values != after.values and set(before.values) != set(after.values):
        yield values_change(before, after)


def renames(gone: list[KnownField], added: list[KnownField]) -> list[tuple[KnownField, KnownField]]:
    """
    Pairs of a deleted and a new field that are most likely one: the same type and size, and the same label or the same
    picklist values. A field that only lost access, or has more than one possible partner, is never paired.
    """
    likely = [(old, new) for old in gone if _may_be_renamed(old) for new in added if _alike(old, new)]
    return [
        (old, new)
        for old, new in likely
        if sum(one is old for one, _ in likely) == 1 and sum(other is new for _, other in likely) == 1
    ]


def _may_be_renamed(field: KnownField) -> bool:
    return field.status in (FieldStatus.REMOVED, FieldStatus.VANISHED)


def _alike(old: KnownField, new: KnownField) -> bool:
    same_label = bool(old.label) and old.label.casefold() == new.label.casefold()
    same_values = bool(old.values) and set(old.values) == set(new.values)
    return old.type_text == new.type_text and old.hashed == new.hashed and (same_label or same_values)

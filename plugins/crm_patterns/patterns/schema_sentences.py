"""What people read about a change of a schema: one or two sentences each, what happened and what was done about it."""

from __future__ import annotations

from crm_patterns.core.schema_changes import ChangeKind, KnownField, SchemaChange, Severity

_SHOWN_VALUES = 10

_SEVERITY = {
    ChangeKind.ADDED: Severity.MEDIUM,
    ChangeKind.RETURNED: Severity.MEDIUM,
    ChangeKind.RENAMED: Severity.HIGH,
    ChangeKind.REMOVED: Severity.HIGH,
    ChangeKind.ACCESS_LOST: Severity.HIGH,
    ChangeKind.VANISHED: Severity.HIGH,
    ChangeKind.UNREADABLE: Severity.HIGH,
    ChangeKind.RETYPED: Severity.HIGH,
    ChangeKind.WIDENED: Severity.LOW,
    ChangeKind.HASHING: Severity.MEDIUM,
    ChangeKind.RELABELLED: Severity.LOW,
    ChangeKind.VALUES_CHANGED: Severity.LOW,
    ChangeKind.EXCLUDED: Severity.LOW,
}

_ACTION = {
    ChangeKind.ADDED: "column added and filled for all rows",
    ChangeKind.RETURNED: "column filled again for all rows",
    ChangeKind.RENAMED: "new column added and filled for all rows, old column kept",
    ChangeKind.RETYPED: "goes on in another column, filled for all rows; old column kept",
    ChangeKind.WIDENED: "column holds it",
    ChangeKind.HASHING: "column filled again for all rows",
    ChangeKind.RELABELLED: "none",
    ChangeKind.VALUES_CHANGED: "none",
}
_KEPT = "column kept with its last values"

_SENTENCE = {
    ChangeKind.ADDED: "{field} ({after}) is new. Column {column} was added and filled for all rows.",
    ChangeKind.RETURNED: "{field} can be read again. Its column {column} was filled again for all rows.",
    ChangeKind.RENAMED: "{before} was probably renamed to {field}: one went, one came, both {type}, {evidence}. "
    "{old_column} keeps its last values; {column} was added and filled for all rows.",
    ChangeKind.REMOVED: "{field} is gone from the source. Column {column} keeps its last values and gets no new ones.",
    ChangeKind.ACCESS_LOST: "{field} still exists, but the integration user may not read it any more: access lost. "
    "Column {column} keeps its last values. Give the user read access; the next run then fills it again.",
    ChangeKind.VANISHED: "{field} is not shown to the integration user any more: access lost, or removed; the source "
    "does not let the user find out which. Column {column} keeps its last values.",
    ChangeKind.UNREADABLE: "{field} is of a type that cannot be moved now. Column {column} keeps its last values.",
    ChangeKind.RETYPED: "{field} changed from {before} to {after}, which column {old_column} cannot hold. It goes on "
    "in column {column}, filled for all rows; {old_column} keeps its last values.",
    ChangeKind.WIDENED: "{field} changed from {before} to {after}. Column {column} holds it.",
    ChangeKind.HASHING: "{field} is {after} now. Its column {column} was written again for all rows.",
    ChangeKind.RELABELLED: 'The label of {field} changed from "{before}" to "{after}".',
    ChangeKind.EXCLUDED: "{field} is taken out by our settings. Column {column} keeps its last values.",
}


def change(kind: ChangeKind, field: KnownField, *, before: KnownField | None = None) -> SchemaChange:
    """The change of a field, told. `before` is the field as it was known; of a renaming, the one that went."""
    was, now = _before_and_after(kind, field, before)
    words = {
        "field": field.name,
        "column": field.column.column,
        "old_column": before.column.column if before else "",
        "before": was,
        "after": now,
        "type": field.type_text,
        "evidence": _evidence(before, field) if before else "",
    }
    sentence = _SENTENCE[kind].format(**words)
    return SchemaChange(
        kind, field.name, field.column.column, was, now, _ACTION.get(kind, _KEPT), sentence, _SEVERITY[kind]
    )


def values_change(before: KnownField, after: KnownField) -> SchemaChange:
    """A picklist that gained or lost values. `before` lists the lost ones, `after` the gained ones."""
    gained = [value for value in after.values if value not in set(before.values)]
    lost = [value for value in before.values if value not in set(after.values)]
    told = [f"{word} {_listed(values)}" for word, values in (("gained", gained), ("lost", lost)) if values]
    kind = ChangeKind.VALUES_CHANGED
    sentence = f"The picklist {after.name} {' and '.join(told)}."
    column = after.column.column
    return SchemaChange(
        kind, after.name, column, _listed(lost), _listed(gained), _ACTION[kind], sentence, _SEVERITY[kind]
    )


def _before_and_after(kind: ChangeKind, field: KnownField, before: KnownField | None) -> tuple[str, str]:
    if kind is ChangeKind.RENAMED and before:
        return before.name, field.name
    if kind is ChangeKind.RELABELLED and before:
        return before.label, field.label
    if kind is ChangeKind.HASHING:
        was_hashed = before is not None and before.hashed
        return _hashing(was_hashed), "hashed with another key" if was_hashed and field.hashed else _hashing(
            field.hashed
        )
    if kind is ChangeKind.ADDED:
        return "", _type(field)
    if kind in (ChangeKind.RETYPED, ChangeKind.WIDENED) and before:
        return _type(before), _type(field)
    if kind is ChangeKind.RETURNED and before:
        return before.status.value, field.type_text
    return field.type_text, field.status.value


def _hashing(hashed: bool) -> str:
    return "hashed" if hashed else "in clear"


def _type(field: KnownField) -> str:
    return f"{field.type_text}, hashed" if field.hashed else field.type_text


def _evidence(old: KnownField, new: KnownField) -> str:
    if old.label and old.label.casefold() == new.label.casefold():
        return f'both labelled "{new.label}"'
    return "with the same picklist values"


def _listed(values: list[str]) -> str:
    more = f" and {len(values) - _SHOWN_VALUES} more" if len(values) > _SHOWN_VALUES else ""
    return ", ".join(values[:_SHOWN_VALUES]) + more

"""
What the records and the plan of a pairing have to keep, and the rows that are checked for it.

Values are checked as text, as they are staged: a rule is about whether there is one, its form, its length or whether it
is among those that are allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from crm_patterns.core.changes import Action, Change, ChangeSet, Side
from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.identity import EMAIL_FORM
from crm_patterns.core.mapping import Email, Picklist
from crm_patterns.core.rules import OnFailure, Rule
from crm_patterns.core.targets import TargetRecord
from crm_patterns.core.values import text_of
from crm_patterns.patterns.comparison import FieldEnd, Pairing

RECORD_KEY = "_record_id"
CHANGE_KEY = "change_id"
_TRIMMED_EMAIL = rf"^\s*{EMAIL_FORM}\s*$"
_TEXTS = (CHANGE_KEY, "system", "object_name", "action", "record_key", "record_id")
_COUNTS = ("fields", "fields_as_before")


def record_contract(pairing: Pairing, side: Side) -> ObjectContract:
    """The columns of one side's staged records: the fields of the pairing, in lower case, as text."""
    end = pairing.end(side)
    fields = (
        ContractField(RECORD_KEY, RECORD_KEY, FieldKind.TEXT, nullable=False),
        ContractField("_modified_at", "_modified_at", FieldKind.TIMESTAMP),
        *(ContractField(name, name.lower(), FieldKind.TEXT) for name in pairing.names(side)),
    )
    return ObjectContract(end.system, end.object_name, "RECORDS", fields, RECORD_KEY, None, None)


def record_rows(pairing: Pairing, side: Side, records: Iterable[TargetRecord]) -> Iterator[Mapping[str, Any]]:
    names = pairing.names(side)
    for record in records:
        values = {name.lower(): text_of(record.values.get(name)) for name in names}
        yield {RECORD_KEY: record.record_id, "_modified_at": record.modified_at, **values}


def record_rules(pairing: Pairing, side: Side) -> Iterator[Rule]:
    """What the pairing implies for the records of a side; duplicates are only told: they wait for a person already."""
    end = pairing.end(side)
    yield from _unique(RECORD_KEY, f"A record of {end.system} came twice, or without its id. Clear the plan task.")
    if end.find_by:
        sentence = f"Several records of {end.system} share their {end.find_by}. Merge them: none of them is linked."
        yield _rule(end.find_by, "expect_column_values_to_be_unique", OnFailure.WARN, sentence)
    for field in _ends(pairing, side, Email):
        sentence = f"{field.name} is no mail address. Correct it in {end.system}."
        yield _rule(field.name, "expect_column_values_to_match_regex", OnFailure.REJECT_ROWS, sentence,
                    regex=_TRIMMED_EMAIL)  # fmt: skip


def change_contract(pairing: Pairing) -> ObjectContract:
    """One row per change: what it is, of how many fields, and under `to_<system>_<field>` what it would write."""
    fields = (
        *(ContractField(name, name, FieldKind.TEXT) for name in _TEXTS),
        *(ContractField(name, name, FieldKind.INTEGER) for name in _COUNTS),
        *(ContractField(name, name, FieldKind.TEXT) for name in _written(pairing)),
    )
    return ObjectContract(pairing.name, "changes", "CHANGES", fields, CHANGE_KEY, None, None)


def change_rows(pairing: Pairing, changes: ChangeSet) -> Iterator[Mapping[str, Any]]:
    """Counts are null where a change has no fields to count: a link, a delete."""
    columns = dict.fromkeys(_written(pairing))
    for change in changes:
        is_counted = change.action in (Action.CREATE, Action.UPDATE)
        same = sum(1 for each in change.fields if each.before == each.after)
        wanted = {column_of(change.system, name): text_of(value) for name, value in change.wanted.items()}
        yield {
            CHANGE_KEY: change.change_id,
            "system": change.system,
            "object_name": change.object_name,
            "action": change.action.value,
            "record_key": change.key,
            "record_id": change.record_id or None,
            "fields": len(change.fields) if is_counted else None,
            "fields_as_before": same if is_counted else None,
            **columns,
            **({name: value for name, value in wanted.items() if name in columns} if is_counted else {}),
        }


def change_rules(pairing: Pairing) -> Iterator[Rule]:
    """What a plan of this pairing has to keep, whoever made it."""
    fault = "This is a fault of the planner; please report it."
    yield from _unique(CHANGE_KEY, f"A change is planned twice. {fault}")
    yield _rule("record_key", "expect_column_values_to_not_be_null", OnFailure.STOP, f"A change names nobody. {fault}")
    systems = [pairing.left.system, pairing.right.system, pairing.name]
    yield _rule("system", "expect_column_values_to_be_in_set", OnFailure.STOP,
                f"The plan writes to a system that is not of this pairing. {fault}", value_set=systems)  # fmt: skip
    yield _rule("fields", "expect_column_values_to_be_between", OnFailure.REJECT_ROWS,
                f"The change sets no field. {fault}", min_value=1)  # fmt: skip
    yield _rule("fields_as_before", "expect_column_values_to_be_between", OnFailure.REJECT_ROWS,
                f"The change sets a field to what it holds. {fault}", max_value=0)  # fmt: skip
    for side in Side:
        system = pairing.end(side).system
        for field in _ends(pairing, side, Email):
            yield _rule(column_of(system, field.name), "expect_column_values_to_match_regex", OnFailure.REJECT_ROWS,
                        f"{field.name} would be no mail address.", regex=_TRIMMED_EMAIL)  # fmt: skip
        for field in _ends(pairing, side, Picklist):
            allowed = sorted({native for native, _ in field.translation.rows})  # type: ignore[attr-defined]
            yield _rule(column_of(system, field.name), "expect_column_values_to_be_in_set", OnFailure.REJECT_ROWS,
                        f"{field.name} would hold a value that translations.yaml does not know for {system}. "
                        "Map the value.", value_set=allowed)  # fmt: skip


def column_of(system: str, field_name: str) -> str:
    return f"to_{system}_{field_name}".lower()


def places(pairing: Pairing, change: Change) -> Iterator[tuple[Side, str]]:
    """The records that a change is about: those of its link, and the one that it writes to."""
    for side in Side:
        end = pairing.end(side)
        if change.link is not None and change.link.id_of(side):
            yield side, change.link.id_of(side)
        if change.record_id and (change.system, change.object_name) == (end.system, end.object_name):
            yield side, change.record_id


def _written(pairing: Pairing) -> tuple[str, ...]:
    return tuple(column_of(pairing.end(side).system, name) for side in Side for name in pairing.names(side))


def _ends(pairing: Pairing, side: Side, kind: type) -> Iterator[FieldEnd]:
    return (p.end(side) for p in pairing.fields if isinstance(p.end(side).translation, kind))


def _unique(column: str, sentence: str) -> Iterator[Rule]:
    for kind in ("expect_column_values_to_not_be_null", "expect_column_values_to_be_unique"):
        yield _rule(column, kind, OnFailure.STOP, sentence)


def _rule(column: str, kind: str, on_failure: OnFailure, sentence: str, **kwargs: Any) -> Rule:
    column = column.lower()
    name = f"pairing.{kind.removeprefix('expect_')}"
    return Rule(name, kind, {"column": column, **kwargs}, on_failure, sentence, (column,))

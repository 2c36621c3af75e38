"""A change set as rows: one for each record and field, as it is staged, read by people and read back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from crm_patterns.core.changes import Action, Agreement, Change, ChangeSet, FieldChange, LinkEnds
from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.values import kind_of, text_of, value_of

_RECORD = ("system", "object_name", "action", "record_key", "record_id", "lookup_field", "lookup_value", "parent")
_LINK = ("link_id", "pairing", "left_object", "left_id", "right_object", "right_id")
_FIELD = ("field_name", "before", "before_kind", "after", "after_kind", "reason", "rule")
_AGREED = ("agreed_as", "left_print", "right_print", "written_side", "print_before")

CHANGES = ObjectContract(
    source="",
    object_name="changes",
    table="CHANGES",
    fields=(
        ContractField("position", "position", FieldKind.INTEGER, nullable=False),
        *(ContractField(name, name, FieldKind.TEXT) for name in ("change_id", *_RECORD, *_FIELD, *_LINK, *_AGREED)),
    ),
    key="change_id",
    cursor=None,
    deleted_flag=None,
)
"""`position` counts the changes of the set: the rows of one change share it. Null is no value."""


def rows_of(changes: ChangeSet) -> Iterator[Mapping[str, Any]]:
    """In order. A change without fields has one row, with none named."""
    for position, change in enumerate(changes):
        lookup = change.lookup or (None, None)
        head = {
            "position": position,
            "change_id": change.change_id,
            **dict(zip(_RECORD, (change.system, change.object_name, change.action.value, change.key,
                                 change.record_id, *lookup, change.group), strict=True)),
            **{name: getattr(change.link, name) if change.link else None for name in _LINK},
        }  # fmt: skip
        for each in change.fields or (None,):
            yield {**head, **_field_row(each)}


def change_set_of(rows: Iterable[Mapping[str, Any]]) -> ChangeSet:
    """What `rows_of` wrote. The rows of a change have to follow one another."""
    return ChangeSet.of(_change(list(some)) for _, some in groupby(rows, key=lambda row: row["position"]))


def _field_row(each: FieldChange | None) -> Mapping[str, str | None]:
    if each is None:
        return dict.fromkeys((*_FIELD, *_AGREED))
    before, after = (text_of(each.before), kind_of(each.before).value), (text_of(each.after), kind_of(each.after).value)
    agreed = each.agreement
    prints = (agreed.left, agreed.right, agreed.written, agreed.before) if agreed else (None,) * 4
    values = (each.name, *before, *after, each.reason, each.rule, each.agreed_as, *prints)
    return dict(zip((*_FIELD, *_AGREED), values, strict=True))


def _change(rows: list[Mapping[str, Any]]) -> Change:
    head = rows[0]
    return Change(
        system=head["system"],
        object_name=head["object_name"],
        action=Action(head["action"]),
        key=head["record_key"],
        record_id=head["record_id"],
        fields=tuple(_field(row) for row in rows if row["field_name"] is not None),
        lookup=(head["lookup_field"], head["lookup_value"]) if head["lookup_field"] is not None else None,
        link=LinkEnds(**{name: head[name] for name in _LINK}) if head["link_id"] is not None else None,
        group=head["parent"],
    )


def _field(row: Mapping[str, Any]) -> FieldChange:
    prints = (row["left_print"], row["right_print"], row["written_side"], row["print_before"])
    return FieldChange(
        name=row["field_name"],
        before=value_of(row["before"], FieldKind(row["before_kind"])),
        after=value_of(row["after"], FieldKind(row["after_kind"])),
        reason=row["reason"],
        rule=row["rule"],
        agreement=Agreement(*prints) if prints[0] is not None else None,
        agreed_as=row["agreed_as"],
    )

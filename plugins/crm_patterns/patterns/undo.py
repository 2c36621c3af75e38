"""A run turned round: what it changed gets its value of before, except where somebody edited it since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from crm_patterns.core.changes import Action, Agreement, Change, ChangeSet, Fate, FieldChange, RecordOutcome, Side
from crm_patterns.core.targets import TargetRecord
from crm_patterns.core.values import Value, print_of
from crm_patterns.patterns.comparison import KEY_RULE
from crm_patterns.patterns.conflicts import Policy


@dataclass(frozen=True, slots=True)
class Kept:
    """What undo leaves as it is, and why."""

    change: Change
    field_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reversal:
    """The plan that turns a run round, and what stays. It is a plan like any other: gated, applied, undone."""

    changes: ChangeSet
    kept: tuple[Kept, ...]


def to_reverse(changes: ChangeSet, outcomes: Mapping[str, RecordOutcome]) -> list[tuple[Change, str]]:
    """The changes that were written, each with the id of its record."""
    written = {Action.CREATE: Fate.CREATED, Action.UPDATE: Fate.UPDATED, Action.DELETE: Fate.DELETED}
    return [
        (change, outcome.record_id or change.record_id)
        for change in changes.writes
        if (outcome := outcomes.get(change.change_id)) is not None and outcome.fate is written[change.action]
    ]


def reverse(written: Iterable[tuple[Change, str]], present: Mapping[tuple[str, str, str], TargetRecord]) -> Reversal:
    """
    `present` is every record as it is now, by system, object and id. What a field holds now decides, not its stamp.

    A record that the run created is deleted only if it holds in every field what the run gave it; its link stays, so
    that no later run creates it again. A deleted one is not brought back: a new record with another id would not be the
    one that others know. A restriction stays: only evidence lifts it.

    Both sides of a link then differ as they did before the run, and that is agreed: no later run writes it again.
    """
    changes: list[Change] = []
    kept: list[Kept] = []
    for change, record_id in written:
        back, left = _reverse_one(change, record_id, present.get((change.system, change.object_name, record_id)))
        changes += back
        kept += left
    return Reversal(ChangeSet.of(changes), tuple(kept))


def _reverse_one(change: Change, record_id: str, record: TargetRecord | None) -> tuple[list[Change], list[Kept]]:
    if change.action is Action.DELETE:
        return [], [Kept(change, "", "A deleted record is not brought back. Restore it from the target's bin.")]
    if record is None or record.is_deleted or record.merged_into:
        return [], [Kept(change, "", "The record is gone, or was merged.")]
    kept = [Kept(change, e.name, "Edited since.") for e in change.fields if not _holds(record, e.name, e.after)]
    if change.action is Action.CREATE:
        return [] if kept else [Change(change.system, change.object_name, Action.DELETE, record_id, record_id)], kept
    ours = [each for each in change.fields if _holds(record, each.name, each.after)]
    lasting = [each for each in ours if each.rule in _LASTING]
    kept += [Kept(change, each.name, _LASTING[each.rule]) for each in lasting]
    back = tuple(_back(each) for each in ours if each not in lasting)
    return [replace(change, key=record_id, record_id=record_id, fields=back)] if back else [], kept


_LASTING: Mapping[str, str] = {
    Policy.MOST_RESTRICTIVE.value: "A restriction is lifted by evidence alone.",
    KEY_RULE: "It names its counterpart.",
}


def _holds(record: TargetRecord, name: str, value: Value) -> bool:
    return print_of(record.values.get(name)) == print_of(value)


def _back(each: FieldChange) -> FieldChange:
    agreed = each.agreement
    if agreed is not None and agreed.written:
        is_left = agreed.written == Side.LEFT
        now = agreed.left if is_left else agreed.right
        left, right = (agreed.before, agreed.right) if is_left else (agreed.left, agreed.before)
        agreed = Agreement(left, right, agreed.written, now)
    return replace(each, before=each.after, after=each.before, reason="undone", agreement=agreed)

"""Read back what was written: does the other system hold what it said it took?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crm_patterns.core.changes import Action, Change, ChangeSet, Fate, RecordOutcome
from crm_patterns.core.pieces import pieces
from crm_patterns.core.ports import Sink
from crm_patterns.core.values import Value, print_of

_READ_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that does not hold what was written: the target changed it, or somebody did right afterwards."""

    change: Change
    record_id: str
    field_name: str
    written: Value
    present: Value


@dataclass(frozen=True, slots=True)
class Verification:
    """How many accepted records were read back of how many; what was `lost` is there no more, or never was."""

    accepted: int
    read: int
    differences: tuple[Difference, ...] = ()
    lost: tuple[Change, ...] = ()


def verify(
    sinks: Mapping[str, Sink], changes: ChangeSet, outcomes: Mapping[str, RecordOutcome], *, share: float = 1.0
) -> Verification:
    """
    Reads every record, or an even `share` (0..1) of them, at least one: the same ones each time it is asked.

    Nothing is corrected here. A difference is an edit to the next run, which decides by the rules.
    """
    accepted, read = 0, 0
    differences: list[Difference] = []
    lost: list[Change] = []
    for (system, object_name), some in changes.by_target():
        written = [(c, outcomes[c.change_id]) for c in some if _was_written(c, outcomes.get(c.change_id))]
        chosen = _sample(written, share)
        accepted, read = accepted + len(written), read + len(chosen)
        for part in pieces(chosen, _READ_AT_ONCE):
            missing, different = _read_back(sinks[system], object_name, part)
            lost += missing
            differences += different
    return Verification(accepted, read, tuple(differences), tuple(lost))


def _was_written(change: Change, outcome: RecordOutcome | None) -> bool:
    fates = (Fate.CREATED, Fate.UPDATED)
    return change.action in (Action.CREATE, Action.UPDATE) and outcome is not None and outcome.fate in fates


def _sample(written: Sequence[tuple[Change, RecordOutcome]], share: float) -> Sequence[tuple[Change, RecordOutcome]]:
    wanted = min(len(written), max(1, round(len(written) * share))) if share > 0 else 0
    return [written[number * len(written) // wanted] for number in range(wanted)]


def _read_back(
    sink: Sink, object_name: str, part: Sequence[tuple[Change, RecordOutcome]]
) -> tuple[list[Change], list[Difference]]:
    ids = {change.change_id: outcome.record_id or change.record_id for change, outcome in part}
    names = tuple(dict.fromkeys(each.name for change, _ in part for each in change.fields))
    there = sink.read_records(object_name, names, list(ids.values()))
    lost, differences = [], []
    for change, _ in part:
        record_id = ids[change.change_id]
        record = there.get(record_id)
        if record is None or record.is_deleted:
            lost.append(change)
            continue
        for each in change.fields:
            present = record.values.get(each.name)
            if print_of(present) != print_of(each.after):
                differences.append(Difference(change, record_id, each.name, each.after, present))
    return lost, differences

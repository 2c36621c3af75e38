"""Plan the undoing of a run, from its own change sets and outcomes. It is applied like any other plan."""

from __future__ import annotations

from collections.abc import Mapping

from crm_patterns.core.changes import Change, ChangeSet
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.pieces import pieces
from crm_patterns.core.ports import RunKey, Sink, Stage, State
from crm_patterns.core.targets import TargetRecord
from crm_patterns.patterns.undo import Kept, Reversal, reverse, to_reverse
from crm_patterns.steps.staged_changes import read_changes

_READ_AT_ONCE = 100


def plan_undo(sinks: Mapping[str, Sink], stage: Stage, state: State, run: RunKey) -> Reversal:
    """
    Everything the run wrote and nobody changed since. Reads, and writes nothing.

    FixSettings where the run has no plan: it wrote nothing, or its stage was cleaned up.
    """
    plans = state.plans(run)
    if not plans:
        raise FixSettings(
            f"There is no plan of run {run.run_id} of {run.dag_id}.", fix="Name a run that wrote, as Airflow names it."
        )
    outcomes = state.outcomes_of(run)
    changes: list[Change] = []
    kept: list[Kept] = []
    for ref in plans.values():
        written = to_reverse(read_changes(stage, ref), outcomes)
        turned = reverse(written, _present(sinks, written))
        changes += turned.changes
        kept += turned.kept
    return Reversal(ChangeSet.of(changes), tuple(kept))


def _present(
    sinks: Mapping[str, Sink], written: list[tuple[Change, str]]
) -> Mapping[tuple[str, str, str], TargetRecord]:
    by_target: dict[tuple[str, str], dict[str, Change]] = {}
    for change, record_id in written:
        by_target.setdefault((change.system, change.object_name), {})[record_id] = change
    found: dict[tuple[str, str, str], TargetRecord] = {}
    for (system, object_name), records in by_target.items():
        if system not in sinks:
            raise FixSettings(f"The run wrote to {system}, which no connection is given for.")
        names = tuple(dict.fromkeys(each.name for change in records.values() for each in change.fields))
        for ids in pieces(list(records), _READ_AT_ONCE):
            there = sinks[system].read_records(object_name, names, ids)
            found |= {(system, object_name, record_id): record for record_id, record in there.items()}
    return found

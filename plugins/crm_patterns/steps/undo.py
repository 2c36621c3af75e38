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

    Where two plans of the run changed one record, the later one in the order of their names is turned round, and the
    other one is kept for another undo. FixSettings where the run has no plan: it wrote nothing, or there is none.
    """
    plans = state.plans(run)
    if not plans:
        raise FixSettings(
            f"There is no plan of run {run.run_id} of {run.dag_id}.",
            fix="Name a run that wrote, as Airflow names it (on the run's page and in OPS.RUNS): for example "
            "scheduled__2026-01-31T06:00:00+00:00 or manual__2026-01-31T06:07:08+00:00. A dry run wrote nothing.",
        )
    outcomes = state.outcomes_of(run)
    changes: dict[tuple[str, str, str], Change] = {}
    kept: list[Kept] = []
    for _, ref in sorted(plans.items(), reverse=True):
        written = to_reverse(read_changes(stage, ref), outcomes)
        turned = reverse(written, _present(sinks, written))
        kept += turned.kept
        for change in turned.changes:
            record = (change.system, change.object_name, change.key)
            if record in changes:
                kept.append(Kept(change, "", "Another plan of the run changed it too: undo the run once more."))
            changes.setdefault(record, change)
    return Reversal(ChangeSet.of(changes.values()), tuple(kept))


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

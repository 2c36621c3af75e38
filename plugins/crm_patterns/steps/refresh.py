"""
Formula and roll-up fields: read key, stamp and these columns of every living record, and put right what differs.

The columns are staged and loaded like any attempt, compared in the warehouse, and changed by one MERGE that touches
nothing else. Twice is once: what an earlier try of the run changed counts as changed by the run.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.errors import StopRun
from crm_patterns.core.outcomes import RunState, Tally
from crm_patterns.core.ports import (
    LookRequest,
    ReadRequest,
    RunKey,
    Source,
    Stage,
    State,
    StepOutcome,
    Table,
    Warehouse,
)
from crm_patterns.core.staging import Manifest, StageRef
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.computed_fields import refresh_contract, unknown_names
from crm_patterns.patterns.quota import AS_USUAL, Means
from crm_patterns.patterns.warehouse_elt import FieldChoice, likely_cursor
from crm_patterns.steps.history import HistoryOf, begin_history, history_of, record_history
from crm_patterns.steps.load import copy_into_attempt
from crm_patterns.steps.quota import choose
from crm_patterns.steps.read_plan import ReadPlan
from crm_patterns.steps.reconcile import drop_table
from crm_patterns.steps.schema import present_contract

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RefreshCounts:
    """Rows that were read, by what became of them. `other_version`: moved on or deleted since, due in a window."""

    changed: int
    unchanged: int
    other_version: int
    unknown: int


def plan_refresh(
    source: Source, state: State, object_name: str, choice: FieldChoice, *, read: str, rest_below: int,
    by: Means = AS_USUAL,
) -> ReadPlan | None:  # fmt: skip
    """What to read of the object; None where it has no field that changes without a stamp."""
    read_at = source.now()
    cursor, window = likely_cursor(object_name, choice), Window(None, read_at, WindowKind.FULL)
    seen = source.look(LookRequest(object_name, cursor, window, include_deleted=False))
    if missing := unknown_names(seen.description, choice.refresh):
        log.warning("Settings name %s under refresh of %s, which has no such field.", ", ".join(missing), object_name)
    contract = refresh_contract(present_contract(source, state, object_name, seen.description, choice))
    if contract is None:
        return None
    names = tuple(field.name for field in contract.fields)
    request = ReadRequest(object_name, names, None, window, include_deleted=False)
    count = seen.count if seen.count is not None and contract.cursor == cursor else source.count(request)
    method, reason = choose(read, rows=count, rest_below=rest_below, by=by)
    log.info("%s: %s of %s rows, by %s: %s.", object_name, ", ".join(_computed(contract)), count, method, reason)
    return ReadPlan(request, contract, method, reason, count, read_at)


def refresh(
    stage: Stage, warehouse: Warehouse, state: State, run: RunKey, ref: StageRef, *, target_schema: str,
    attempt_schema: str, history_schema: str | None,
) -> StepOutcome:  # fmt: skip
    """
    Put the staged values into the current table, for the versions that they belong to, and into its history.

    Values that do not fit the contract go to quarantine. StopRun where rows went missing between source and warehouse.
    """
    manifest = stage.manifest(ref)
    contract, name = manifest.contract, manifest.address.object_name
    _check_read(manifest)
    if manifest.rejected:
        state.quarantine(
            run, manifest.address.source, name, stage.rejected_rows(ref), stage_uri=ref.uri, at=datetime.now(UTC)
        )
    counts = RefreshCounts(0, 0, 0, 0)
    if manifest.rows:
        attempt = Table(attempt_schema, f"{contract.table}__{manifest.address.attempt_id}".upper())
        state.remember_attempt_table(run, name, attempt)
        loaded = copy_into_attempt(stage, warehouse, ref, manifest, attempt)
        of = history_of(contract, target_schema=target_schema, history_schema=history_schema or target_schema)
        counts = _merge(warehouse, run, manifest, of, attempt=attempt, with_history=history_schema is not None)
        _check_loaded(manifest, loaded, counts)
        drop_table(warehouse, state, attempt)
    return _outcome(manifest, counts)


def _merge(
    warehouse: Warehouse, run: RunKey, manifest: Manifest, of: HistoryOf, *, attempt: Table, with_history: bool
) -> RefreshCounts:
    """A history that is not there yet begins with the next publish, and with these values."""
    contract = _held(warehouse, of.target, manifest.contract)
    if contract is None:
        return RefreshCounts(0, 0, 0, manifest.rows)
    of = replace(of, contract=contract)
    with_history = with_history and bool(warehouse.columns(of.history))
    if with_history:
        begin_history(warehouse, of)
    names = {"target": of.target, "attempt": attempt, "contract": contract}
    values = {"read_at": datetime.fromisoformat(manifest.evidence.read_at), "run_id": run.run_id}
    counted = warehouse.run("warehouse_elt/plan_refresh", names=names, values=values)[0]
    counts = RefreshCounts(*(int(number or 0) for number in counted))
    if counts.changed:
        warehouse.run("warehouse_elt/merge_refreshed", names=names, values=values)
        if with_history:
            record_history(warehouse, of, run_id=run.run_id)
    return counts


def _held(warehouse: Warehouse, target: Table, contract: ObjectContract) -> ObjectContract | None:
    """The contract without the columns that the target lacks or holds in another type: the next window sees to them."""
    present = warehouse.columns(target)
    fields = tuple(f for f in contract.fields if present.get(f.column) == warehouse.column_type(f))
    left = [field.name for field in contract.fields if field not in fields]
    if present and left:
        log.warning("%s has no such column (yet) for %s.", target.name, ", ".join(left))
    return replace(contract, fields=fields) if any(field.computed for field in fields) else None


def _check_read(manifest: Manifest) -> None:
    read, sent = manifest.rows + manifest.rejected, manifest.evidence.server_rows
    if read != sent:
        raise StopRun(
            f"{manifest.address.object_name}: the source said it sent {sent:,} rows, {read:,} were staged.",
            fix="Nothing was changed. Clear this task to read them again.",
        )


def _check_loaded(manifest: Manifest, loaded: int, counts: RefreshCounts) -> None:
    compared = counts.changed + counts.unchanged + counts.other_version + counts.unknown
    if not manifest.rows == loaded == compared:
        raise StopRun(
            f"{manifest.address.object_name}: {manifest.rows:,} rows staged, {loaded:,} loaded, {compared:,} compared.",
            fix="Clear this task to read them again; if it repeats, look at the COPY history of the warehouse.",
        )


def _outcome(manifest: Manifest, counts: RefreshCounts) -> StepOutcome:
    left = counts.other_version + counts.unknown
    tally = Tally(
        read=manifest.rows + manifest.rejected,
        updated=counts.changed,
        unchanged=counts.unchanged,
        rejected=manifest.rejected,
        deferred=left,
    )
    note = (
        f"{', '.join(_computed(manifest.contract))}: {counts.changed:,} of {tally.read:,} rows changed without a stamp"
        + (f"; {counts.other_version:,} are another version, due in a window" if counts.other_version else "")
        + (f"; {counts.unknown:,} are not in the warehouse (yet)" if counts.unknown else "")
    )
    state = RunState.PARTIAL if manifest.rejected else RunState.SUCCESS
    return StepOutcome(manifest.address.object_name, "refresh_computed", state, tally, note)


def _computed(contract: ObjectContract) -> list[str]:
    return [field.name for field in contract.fields if field.computed]

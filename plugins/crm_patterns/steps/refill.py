"""
Old rows get the values of a column that appeared or resumed, by a read of that field alone.

Only these columns of rows that are there already are written: no stamp moves, no other column, no row is added. Killed
anywhere and run again, it gives the same: a job that was submitted is gone on with, and all else is done anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.errors import RetryLater, SchemaMoved, StopRun
from crm_patterns.core.ports import ReadRequest, RunKey, Source, Stage, State, Table, Warehouse
from crm_patterns.core.references import PublishedRef
from crm_patterns.core.schema_changes import part_of
from crm_patterns.core.staging import Manifest, StageRef
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.quota import Means
from crm_patterns.steps.history import catch_up_history, history_of
from crm_patterns.steps.load import copy_into_attempt
from crm_patterns.steps.quota import choose
from crm_patterns.steps.read_plan import ExtractOrder, ReadPlan
from crm_patterns.steps.reading import read_now

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ColumnRead:
    """
    How columns are read and where they go. `attempt_id` is unique per try; `history_schema` is None where the object
    keeps no history.

    `reading`: by which interface, with a run of its own that its job is remembered by. `admit`: what the quota leaves.
    """

    attempt_id: str
    target_schema: str
    attempt_schema: str
    history_schema: str | None
    reading: ExtractOrder
    admit: Callable[[Source], Means]
    job_deadline_s: float


def refill(
    open_source: Callable[[], Source],
    stage: Stage,
    warehouse: Warehouse,
    state: State,
    run: RunKey,
    published: PublishedRef,
    how: ColumnRead,
) -> bool:
    """
    Fill the columns that this run's schema plan names; True where the current table was read for and written.

    Nothing to do where the plan names none, or the run's own window held every row. OutOfBudget where the source's
    quota does not allow the read: then the run is not proven, and the next one plans the same read anew.
    """
    manifest = stage.manifest(published.checked.loaded.stage)
    names = _due(state, run, manifest)
    if not names:
        return False
    object_name = manifest.address.object_name
    log.info("Reading %s of all rows of %s, and nothing else.", ", ".join(names), object_name)
    with _reported(open_source, state, run, object_name) as source:
        try:
            ref = read_columns(source, stage, state, part_of(manifest.contract, names), how)
        except SchemaMoved as moved:
            description = source.describe(object_name)
            names = tuple(name for name in names if description.has(name))
            log.warning("%s Still there: %s.", moved.problem, ", ".join(names) or "none of them")
            if not names:
                return False
            ref = read_columns(source, stage, state, part_of(manifest.contract, names), how)
    write_columns(stage, warehouse, state, run, ref, how)
    if how.history_schema:
        # Every row that history lacks, not this run's alone: a run that was killed here left its rows to us.
        schemas = {"target_schema": how.target_schema, "history_schema": how.history_schema}
        catch_up_history(warehouse, history_of(manifest.contract, **schemas))
    return True


def _due(state: State, run: RunKey, manifest: Manifest) -> tuple[str, ...]:
    address, contract = manifest.address, manifest.contract
    plan = state.planned_schema(run, address.source, address.object_name)
    if plan is None or plan.contract_fingerprint != contract.fingerprint:
        return ()
    if plan.refill and (address.window.start is None or contract.cursor is None):
        log.info("Every row was read in full, %s included.", ", ".join(plan.refill))
        return ()
    return plan.refill


def read_columns(source: Source, stage: Stage, state: State, contract: ObjectContract, how: ColumnRead) -> StageRef:
    """
    Stage the contract's few columns of all rows, soft-deleted ones included; by a bulk job where the rows are many.

    RetryLater where other than the announced number of rows came.
    """
    ref = read_now(
        source, stage, state, how.reading, admit=lambda: how.admit(source), attempt_id=how.attempt_id,
        plan=lambda order: _plan(source, contract, order), job_deadline_s=how.job_deadline_s,
    )  # fmt: skip
    announced, came = stage.manifest(ref).evidence.server_rows, ref.rows + ref.rejected
    if came != announced:
        raise RetryLater(f"{contract.object_name} announced {announced:,} rows and sent {came:,}.")
    return ref


def _plan(source: Source, contract: ObjectContract, order: ExtractOrder) -> ReadPlan:
    read_at = source.now()
    window, names = Window(None, read_at, WindowKind.FULL), tuple(field.name for field in contract.fields)
    request = ReadRequest(contract.object_name, names, None, window)
    count = source.count(request)
    method, reason = choose(order.read, rows=count, rest_below=order.rest_below, by=order.means)
    return ReadPlan(request, contract, method, reason, count, read_at)


def write_columns(
    stage: Stage, warehouse: Warehouse, state: State, run: RunKey, ref: StageRef, how: ColumnRead
) -> None:
    """Write the staged columns into the rows of the current table; values that do not fit go to quarantine."""
    manifest = stage.manifest(ref)
    contract, address = manifest.contract, manifest.address
    if manifest.rejected:
        kept = state.quarantine(
            run, address.source, address.object_name, stage.rejected_rows(ref),
            stage_uri=ref.uri, at=datetime.now(UTC),
        )  # fmt: skip
        log.warning("%s values of %s do not fit; their rows are in quarantine.", kept, address.object_name)
    if manifest.rows == 0:
        return
    attempt = Table(how.attempt_schema, f"{contract.table}__{address.attempt_id}".upper())
    state.remember_attempt_table(run, address.object_name, attempt)
    rows = copy_into_attempt(stage, warehouse, ref, manifest, attempt)
    if rows != manifest.rows:
        raise StopRun(
            f"{attempt.schema}.{attempt.name} holds {rows:,} rows, but {manifest.rows:,} were staged at {ref.uri}.",
            fix="Nothing was written. Clear this task; if it repeats, look at the COPY history of the warehouse.",
        )
    warehouse.run(
        "warehouse_elt/merge_columns",
        names={"target": Table(how.target_schema, contract.table), "attempt": attempt, "contract": contract},
        values={"read_at": datetime.fromisoformat(manifest.evidence.read_at), "run_id": run.run_id},
    )
    names = ", ".join(column for column in contract.columns if column != contract.key_column)
    log.info("Wrote %s of %s rows of %s.", names, rows, address.object_name)


@contextmanager
def _reported(open_source: Callable[[], Source], state: State, run: RunKey, object_name: str) -> Iterator[Source]:
    """The source; what it cost is on record, however the read ends."""
    source = open_source()
    try:
        yield source
    finally:
        usage, at = source.usage(), datetime.now(UTC)
        state.record_calls(run, source.name, object_name, step="refill", usage=usage, at=at)
        source.close()

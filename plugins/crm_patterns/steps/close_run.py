"""The end of a run: its summary for people, its rows for analysts, and the clean-up of what earlier runs left."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_patterns.core.contracts import ContractField
from crm_patterns.core.errors import StopRun
from crm_patterns.core.fingerprints import short_fingerprint
from crm_patterns.core.ops import OPS_DATASETS, OpsColumn
from crm_patterns.core.outcomes import RunState, run_state
from crm_patterns.core.ports import ObjectOutcome, RunKey, RunSummary, State, Table, Warehouse
from crm_patterns.patterns.marts import unaccounted
from crm_patterns.steps.load import ensure_schema, prepare_landing
from crm_patterns.steps.reconcile import drop_old_attempt_tables

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

OPS_SCHEMA = "OPS"


def close_run(
    warehouse: Warehouse,
    state: State,
    run: RunKey,
    *,
    attempt_schema: str,
    keep_attempts: timedelta,
    expected: Sequence[str],
    marts: Mapping[str, Sequence[str]] | None = None,
) -> RunSummary:
    """
    Set the run's state from its objects', publish the OPS datasets, drop attempts older than `keep_attempts`.

    An object of `expected` without a proven outcome (its task was killed, say) is recorded as failed first. So is a
    mart of `marts` (with its objects) of which nothing is known although its objects are proven.
    """
    now = datetime.now(UTC)
    states = [_settled(state, run, name, now) for name in expected]
    states += [_settled_mart(state, run, name, objects, now) for name, objects in (marts or {}).items()]
    summary = state.finish_run(run, state=run_state(states), at=now)
    landing = prepare_landing(warehouse, attempt_schema)
    ensure_schema(warehouse, OPS_SCHEMA)
    for dataset in OPS_DATASETS:
        publish_dataset(warehouse, state, run, dataset, landing=landing)
    drop_old_attempt_tables(warehouse, state, older_than=now - keep_attempts)
    log.info("%s", render(summary))
    return summary


def _settled(state: State, run: RunKey, object_name: str, now: datetime) -> RunState:
    known = state.outcome(run, object_name)
    if known is not None and known.state is not RunState.RUNNING:
        return known.state
    unfinished = replace(
        known or ObjectOutcome(object_name, RunState.FAILED),
        state=RunState.FAILED,
        problem=f"{object_name} was not finished: a task of it ended without a word, or never ran.",
        fix="Look at its tasks in the grid, then clear the task group.",
        finished_at=now,
    )
    state.record_outcome(run, unfinished)
    return RunState.FAILED


def _settled_mart(state: State, run: RunKey, mart: str, objects: Sequence[str], now: datetime) -> RunState:
    """A mart that failed makes the run red; whatever else becomes of one says nothing about the run."""
    outcomes = {name: outcome for name in objects if (outcome := state.outcome(run, name)) is not None}
    problem = unaccounted(mart, objects, state.mart_builds(run), outcomes)
    if not problem:
        return RunState.SKIPPED
    label = f"marts.{mart.lower()}"
    if state.outcome(run, label) is None:
        failed = ObjectOutcome(label, RunState.FAILED, problem=problem, fix="Clear its task.", finished_at=now)
        state.record_outcome(run, failed)
    return RunState.FAILED


def raise_if_failed(summary: RunSummary) -> None:
    """StopRun that names each object that is not proven."""
    failed = [outcome for outcome in summary.outcomes if outcome.state is RunState.FAILED]
    if summary.state is RunState.FAILED and failed:
        listed = "; ".join(f"{outcome.object_name}: {outcome.problem}" for outcome in failed)
        raise StopRun(f"{len(failed)} of {len(summary.outcomes)} objects are not proven. {listed}", fix=failed[0].fix)


def publish_dataset(warehouse: Warehouse, state: State, run: RunKey, dataset: str, *, landing: Table) -> int:
    """Merge one dataset's rows of this run into its OPS table, made or widened as needed; returns how many rows."""
    names, rows = state.ops_rows(dataset, run)
    columns = OPS_DATASETS[dataset]
    target = Table(OPS_SCHEMA, dataset.upper())
    _prepare_dataset(warehouse, target, columns)
    if not rows:
        return 0
    attempt = Table(landing.schema, f"OPS_{dataset.upper()}__{short_fingerprint([run.dag_id, run.run_id]).upper()}")
    folder = attempt.name.lower()
    context = {"target": target, "attempt": attempt, "columns": columns, "stage": landing, "folder": folder}
    warehouse.run("control/create_ops_attempt", names={**context, "table": attempt})
    with tempfile.TemporaryDirectory(prefix="crm-ops-") as local_folder:
        local = Path(local_folder) / f"{dataset}.parquet"
        _write(local, columns, names, rows)
        warehouse.upload(local, stage_path=f"{landing.schema}.{landing.name}/{folder}")
    warehouse.run("control/copy_into_ops_attempt", names={**context, "table": attempt})
    warehouse.run("control/merge_into_ops", names=context)
    warehouse.run("control/drop_table", names={"table": attempt})
    return len(rows)


def _prepare_dataset(warehouse: Warehouse, target: Table, columns: tuple[OpsColumn, ...]) -> None:
    """A table that an older release made gets the columns that came since."""
    present = warehouse.columns(target)
    if not present:
        warehouse.run("control/create_ops", names={"table": target, "columns": columns})
        return
    for column in columns:
        if column.name not in present:
            warehouse.run("control/add_ops_column", names={"table": target, "column": column})


def _write(local: Path, columns: tuple[OpsColumn, ...], names: Any, rows: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(columns)
    if tuple(names) != tuple(schema.names):
        raise ValueError(f"OPS columns differ: the state gives {list(names)}, the dataset has {schema.names}.")
    values = list(zip(*rows, strict=True))
    arrays = [pa.array(column, type=field.type) for column, field in zip(values, schema, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), local, compression="zstd")


def _schema(columns: tuple[OpsColumn, ...]) -> pa.Schema:
    import pyarrow as pa

    from crm_patterns.core.arrow_types import arrow_type

    return pa.schema([(c.name, arrow_type(ContractField(c.name, c.name, c.kind))) for c in columns])


def render(summary: RunSummary) -> str:
    """The run as a table for the task's log, and the changes of fields that it met."""
    head = (
        f"{'object':24} {'state':8} {'read':>9} {'created':>9} {'updated':>9} {'deleted':>8} {'same':>9} {'aside':>7}"
    )
    lines = [f"Run {summary.key.run_id} of {summary.key.dag_id}: {summary.state.value}", head]
    for o in sorted(summary.outcomes, key=lambda outcome: outcome.object_name):
        t = o.tally
        lines.append(
            f"{o.object_name:24} {o.state.value:8} {t.read:>9,} {t.created:>9,} {t.updated:>9,} {t.deleted:>8,} "
            f"{t.unchanged:>9,} {t.rejected:>7,}" + (f"  {o.problem}" if o.problem else "")
        )
    lines += [f"{r.object_name}, fields: {r.change.sentence}" for r in summary.schema_changes]
    return "\n".join(lines)

"""Parquet → a table of this attempt alone. The table that people query is only made or widened here, never filled."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from crm_patterns.core.contracts import ContractField, ObjectContract
from crm_patterns.core.deletions import TOMBSTONES
from crm_patterns.core.errors import StopRun
from crm_patterns.core.own_columns import OWN_COLUMNS, OwnColumn
from crm_patterns.core.ports import RunKey, Stage, State, Table, Warehouse
from crm_patterns.core.references import LoadedRef
from crm_patterns.core.staging import Manifest, PartFile, StageRef

log = logging.getLogger(__name__)


def load(
    stage: Stage,
    warehouse: Warehouse,
    state: State,
    run: RunKey,
    ref: StageRef,
    *,
    target_schema: str,
    attempt_schema: str,
) -> LoadedRef:
    """
    PUT and COPY a stage into a new per-attempt table, and keep the rows set aside while reading in quarantine.

    Running it again makes another attempt table and leaves nothing else. StopRun where the warehouse loaded another
    number of rows than the manifest says.
    """
    manifest = stage.manifest(ref)
    target = Table(target_schema, manifest.contract.table)
    prepare_target(warehouse, target, manifest.contract)
    if manifest.rejected:
        kept = state.quarantine(
            run, manifest.address.source, manifest.address.object_name, stage.rejected_rows(ref),
            stage_uri=ref.uri, at=datetime.now(UTC),
        )  # fmt: skip
        log.warning(
            "%s rows of %s do not fit the contract; they are in quarantine.", kept, manifest.address.object_name
        )
    attempt = Table(attempt_schema, f"{manifest.contract.table}__{manifest.address.attempt_id}".upper())
    buried = Table(attempt.schema, f"{attempt.name}__TOMBSTONES")
    for table, contract, parts in (
        (attempt, manifest.contract, manifest.parts),
        (buried, TOMBSTONES, manifest.tombstone_parts),
    ):
        if parts:
            state.remember_attempt_table(run, manifest.address.object_name, table)
            _copy_all(stage, warehouse, ref, table, contract=contract, parts=parts)
    return LoadedRef(
        ref,
        attempt.name if manifest.parts else "",
        manifest.rows,
        buried.name if manifest.tombstone_parts else "",
        manifest.tombstones,
    )


def _copy_all(
    stage: Stage, warehouse: Warehouse, ref: StageRef, table: Table, *, contract: ObjectContract,
    parts: Sequence[PartFile],
) -> None:  # fmt: skip
    staged = sum(part.rows for part in parts)
    rows = _copy(stage, warehouse, ref, table, contract=contract, parts=parts)
    if rows != staged:
        raise StopRun(
            f"{table.schema}.{table.name} holds {rows:,} rows, but {staged:,} were staged at {ref.uri}.",
            fix="Nothing was published. Clear this task; if it repeats, look at the COPY history of the warehouse.",
        )
    log.info("Loaded %s rows into %s.%s.", rows, table.schema, table.name)


def prepare_target(
    warehouse: Warehouse,
    target: Table,
    contract: ObjectContract,
    *,
    create: str = "warehouse_elt/create_current",
    own: tuple[OwnColumn, ...] = OWN_COLUMNS,
) -> None:
    """
    Make a table that people query, or add the columns it lacks. Columns are never dropped or narrowed here.

    `create` is the statement that makes it, with the contract's columns and those of ours in `own`.

    Columns of a table made by others are widened where that loses nothing. StopRun where a column is of another type:
    decimal places would be rounded, silently. What changes at the source never ends here: see `patterns.schema_drift`.
    """
    present = warehouse.columns(target)
    if not present:
        ensure_schema(warehouse, target.schema)
        warehouse.run(create, names={"table": target, "contract": contract})
        present = warehouse.columns(target)
    wanted: tuple[ContractField | OwnColumn, ...] = (*contract.fields, *own)
    for field in wanted:
        if field.column not in present:
            warehouse.run("warehouse_elt/add_column", names={"table": target, "field": field})
            warehouse.run("warehouse_elt/comment_column", names={"table": target, "field": field})
            log.info("Added column %s to %s.%s.", field.column, target.schema, target.name)
    differing = [f for f in contract.fields if present.get(f.column, wide := warehouse.column_type(f)) != wide]
    for field in [field for field in differing if warehouse.can_widen(present[field.column], field)]:
        warehouse.run("warehouse_elt/widen_column", names={"table": target, "field": field})
        log.info("Widened column %s of %s.%s.", field.column, target.schema, target.name)
        differing.remove(field)
    if differing:
        listed = (f"{f.column} is {present[f.column]}, not {warehouse.column_type(f)}" for f in differing)
        raise StopRun(
            f"{len(differing)} columns of {target.schema}.{target.name} have other types than {contract.object_name} "
            f"needs: {'; '.join(listed)}.",
            fix="Somebody altered the table, or the operational state was lost. Alter the columns back, or drop them "
            "and run the object with mode full.",
        )


def ensure_schema(warehouse: Warehouse, schema: str) -> None:
    """Create it where it is missing. Looked for first: a role may use a schema without the right to create any."""
    if not warehouse.run("control/find_schema", values={"schema": schema}):
        warehouse.run("control/create_schema", names={"schema": schema})


def prepare_landing(warehouse: Warehouse, attempt_schema: str) -> Table:
    """The internal stage that files are PUT into, made with its schema where it is missing."""
    landing = Table(attempt_schema, "LANDING")
    ensure_schema(warehouse, attempt_schema)
    warehouse.run("control/create_stage", names={"stage": landing})
    return landing


def copy_into_attempt(stage: Stage, warehouse: Warehouse, ref: StageRef, manifest: Manifest, attempt: Table) -> int:
    """PUT and COPY a stage into a new table, in place of one of the same name; returns how many rows it holds."""
    return _copy(stage, warehouse, ref, attempt, contract=manifest.contract, parts=manifest.parts)


def _copy(
    stage: Stage, warehouse: Warehouse, ref: StageRef, attempt: Table, *, contract: ObjectContract,
    parts: Sequence[PartFile],
) -> int:  # fmt: skip
    landing = prepare_landing(warehouse, attempt.schema)
    folder = attempt.name.lower()
    warehouse.run("warehouse_elt/create_attempt", names={"table": attempt, "contract": contract})
    for part in parts:
        with stage.local_part(ref, part.name) as local:
            warehouse.upload(local, stage_path=f"{landing.schema}.{landing.name}/{folder}")
    warehouse.run(
        "warehouse_elt/copy_into_attempt",
        names={"table": attempt, "stage": landing, "folder": folder, "contract": contract},
    )
    return int(warehouse.run("control/count_rows", names={"table": attempt})[0][0])

"""Attempts as tests need them: a contract with every type, rows, and the road from rows to a loaded table."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from crm_patterns.core.arrow_types import arrow_schema
from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.ports import Table
from crm_patterns.core.records import Page, RejectedRow
from crm_patterns.core.staging import ReadEvidence, StageAddress, StageRef
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.warehouse.parquet_files import Sizes
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from crm_patterns.warehouse.stage import ParquetStage

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

ORDER = ObjectContract(
    source="salesforce",
    object_name="Order",
    table="ORDER",
    fields=(
        ContractField("Id", "id", FieldKind.TEXT, length=18, nullable=False),
        ContractField("Name", "name", FieldKind.TEXT, length=80),
        ContractField("Group", "group", FieldKind.TEXT, length=80),  # a reserved word
        ContractField("Amount", "amount", FieldKind.DECIMAL, precision=18, scale=2),
        ContractField("Quantity", "quantity", FieldKind.INTEGER),
        ContractField("EffectiveDate", "effective_date", FieldKind.DATE),
        ContractField("Start", "start", FieldKind.TIME),  # and another
        ContractField("IsDeleted", "is_deleted", FieldKind.BOOLEAN, nullable=False),
        ContractField("SystemModstamp", "system_modstamp", FieldKind.TIMESTAMP, nullable=False),
    ),
    key="Id",
    cursor="SystemModstamp",
    deleted_flag="IsDeleted",
)

ORDER_WITHOUT_CURSOR = replace(
    ORDER,
    fields=tuple(field for field in ORDER.fields if field.name not in ("SystemModstamp", "IsDeleted")),
    cursor=None,
    deleted_flag=None,
)

WITH_COMPUTED_AMOUNT = replace(
    ORDER,
    fields=tuple(
        replace(field, computed=field.name == "Amount")
        for field in ORDER.fields
        if field.name in ("Id", "Amount", "SystemModstamp")
    ),
    deleted_flag=None,
)


def order(key: str = "801000000000001AAA", *, hour: int = 0, deleted: bool = False, **values: Any) -> dict[str, Any]:
    """One row. `hour` moves the cursor."""
    row = {
        "id": key,
        "name": 'Ångström & Söhne, "quoted"\nsecond line, 50 % off',
        "group": "NA",
        "amount": Decimal("1234567890123456.78"),
        "quantity": 3,
        "effective_date": date(2026, 2, 28),
        "start": time(9, 30, 0, 123456),
        "is_deleted": deleted,
        "system_modstamp": NOON + timedelta(hours=hour),
    }
    return {**row, **values}


def page(
    rows: list[dict[str, Any]], contract: ObjectContract = ORDER, *, rejected: tuple[RejectedRow, ...] = ()
) -> Page:
    known = [{column: row[column] for column in contract.columns} for row in rows]
    return Page(pa.RecordBatch.from_pylist(known, schema=arrow_schema(contract)), rejected)


def evidence(rows: int, *, read_at: datetime = NOON) -> ReadEvidence:
    return ReadEvidence("rest", "a test", rows, rows, None, read_at.isoformat(), 1)


def address(contract: ObjectContract = ORDER) -> StageAddress:
    window = Window(None, NOON + timedelta(days=1), WindowKind.INCREMENTAL)
    return StageAddress(contract.source, contract.object_name, window, f"a{uuid.uuid4().hex[:10]}")


def staged(
    root: Path, rows: list[dict[str, Any]], contract: ObjectContract = ORDER, *, sizes: Sizes | None = None
) -> tuple[ParquetStage, StageRef]:
    stage = ParquetStage(LocalFileSystem(), str(root), sizes=sizes)
    with stage.open(address(contract), contract) as writer:
        writer.write(page(rows, contract))
        return stage, writer.commit(evidence(len(rows)))


def loaded(
    warehouse: SnowflakeWarehouse, schema: str, root: Path, rows: list[dict[str, Any]],
    contract: ObjectContract = ORDER, *, sizes: Sizes | None = None,
) -> Table:  # fmt: skip
    """The rows in an attempt table of their own, by Parquet, PUT and COPY."""
    stage, ref = staged(root, rows, contract, sizes=sizes)
    manifest = stage.manifest(ref)
    attempt = Table(schema, f"{contract.table}__{manifest.address.attempt_id}".upper())
    landing, folder = Table(schema, "LANDING"), attempt.name.lower()
    warehouse.run("control/create_stage", names={"stage": landing})
    warehouse.run("warehouse_elt/create_attempt", names={"table": attempt, "contract": contract})
    for part in manifest.parts:
        with stage.local_part(ref, part.name) as local:
            warehouse.upload(local, stage_path=f"{schema}.LANDING/{folder}")
    names = {"table": attempt, "stage": landing, "folder": folder, "contract": contract}
    warehouse.run("warehouse_elt/copy_into_attempt", names=names)
    return attempt


def target_of(warehouse: SnowflakeWarehouse, schema: str, contract: ObjectContract = ORDER) -> Table:
    target = Table(schema, contract.table)
    warehouse.run("warehouse_elt/create_current", names={"table": target, "contract": contract})
    return target


def publish(
    warehouse: SnowflakeWarehouse, target: Table, attempt: Table, contract: ObjectContract = ORDER, *,
    read_at: datetime = NOON, run_id: str = "run 1", rejects: Table | None = None,
) -> tuple[tuple[int, ...], int]:  # fmt: skip
    """Plan (created, updated, deleted, unchanged), MERGE, and the count of published rows."""
    names = {"target": target, "attempt": attempt, "rejects": rejects, "contract": contract}
    values = {"read_at": read_at, "run_id": run_id}
    plan = warehouse.run("warehouse_elt/plan_publish", names=names, values=values)[0]
    warehouse.run("warehouse_elt/merge_into_current", names=names, values=values)
    published = warehouse.run("warehouse_elt/count_published", names=names, values=values)[0][0]
    return tuple(int(number) for number in plan[:4]), int(published)

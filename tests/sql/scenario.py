"""Every statement once, in an order that makes sense: rendered and parsed in unit tests, run locally, run live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from crm_patterns.core.arrow_types import arrow_schema, arrow_type
from crm_patterns.core.contracts import ContractField, FieldKind
from crm_patterns.core.deletions import TOMBSTONES
from crm_patterns.core.ops import OPS_DATASETS, OpsColumn
from crm_patterns.core.own_columns import DeletedHow
from crm_patterns.core.ports import KeyRange, Table
from crm_patterns.core.schema_changes import part_of
from crm_patterns.core.snapshots import OPPORTUNITY_SNAPSHOT
from tests.sql.attempts import NOON, ORDER, WITH_COMPUTED_AMOUNT, order, page
from tests.sql.mart_scenario import marts
from tests.sql.step import Step

KEYS = ("801000000000001AAA", "801000000000002AAA", "801000000000003AAA")
HOUR = timedelta(hours=1)
REGION = ContractField("Region__c", "region_c", FieldKind.TEXT, label='It\'s 100% \\ "the" region', help="%(name)s")
FAILING = 'select "ID" as "RECORD_KEY" from "{}"."{}" where "NAME" like \'100%\''


def scenario(schema: str, folder: Path) -> Iterator[Step]:
    """Three orders, one of which breaks a rule, go into the table that people query; then a run into OPS."""
    yield from _load(schema, folder)
    yield from _publish(schema)
    yield from _history(schema)
    yield from _snapshot(schema)
    yield from _refresh(schema)
    yield from _bury(schema, folder)
    yield from _audit(schema)
    yield from _identity(schema)
    yield from _ops(schema, folder)
    yield from marts(schema)


def _load(schema: str, folder: Path) -> Iterator[Step]:
    target, attempt, landing = Table(schema, "ORDER"), Table(schema, "ORDER__A1"), Table(schema, "LANDING")
    contract = {"contract": ORDER}
    yield Step("control/create_schema", {"schema": schema})
    yield Step("control/find_schema", {}, {"schema": schema}, [(schema,)])
    yield Step("control/create_stage", {"stage": landing})
    yield Step("warehouse_elt/create_current", {"table": target, **contract})
    for _ in (1, 2):
        yield Step("warehouse_elt/add_column", {"table": target, "field": REGION})
    for _ in (1, 2):
        yield Step("warehouse_elt/widen_column", {"table": target, "field": REGION})
    yield Step("warehouse_elt/comment_column", {"table": target, "field": REGION})
    told = {"schema": schema, "table": target.name}
    yield Step("control/select_table_comment", {}, {**told, "table": "NEVER_THERE"}, rows=[])
    yield Step("warehouse_elt/comment_table", {"table": target, "text": "100% ours"})
    yield Step("control/select_table_comment", {}, told, rows=[("100% ours",)])
    yield Step("control/describe_table", {"table": target})
    yield Step("warehouse_elt/create_attempt", {"table": attempt, **contract})
    rows = [order(KEYS[0]), order(KEYS[1], name="100% 'off'"), order(KEYS[2], deleted=True)]
    file = folder / "part-00000.parquet"
    pq.write_table(pa.Table.from_batches([page(rows).rows]), file, compression="zstd", store_decimal_as_integer=True)
    put = {"stage": landing, "folder": "order__a1"}
    yield Step("control/put_file", put, {"file": f"file://{file}"})
    yield Step("warehouse_elt/copy_into_attempt", {"table": attempt, **put, **contract})
    yield Step("control/count_rows", {"table": attempt}, rows=[(3,)])


def _publish(schema: str) -> Iterator[Step]:
    target, attempt, rejects = Table(schema, "ORDER"), Table(schema, "ORDER__A1"), Table(schema, "ORDER__A1__REJECTS")
    names = {"target": target, "attempt": attempt, "rejects": rejects, "contract": ORDER}
    values = {"read_at": NOON, "run_id": "scheduled__2026-03-01T12:00:00+00:00"}
    why = {"rule": "a rule", "column_name": "name", "reason": "It's 100% wrong.\nCorrect it."}
    yield Step("warehouse_elt/create_rejects", {"table": rejects})
    failing = {"table": rejects, "failing_keys_sql": FAILING.format(schema, attempt.name)}
    yield Step("warehouse_elt/insert_rejects", failing, why)
    rejected = order(KEYS[1], name="100% 'off'")
    yield Step(
        "warehouse_elt/select_rejects", {"rejects": rejects, "attempt": attempt, "contract": ORDER},
        rows=[(KEYS[1], *why.values(), *rejected.values())],
    )  # fmt: skip
    yield Step("warehouse_elt/plan_publish", names, values, rows=[(2, 0, 0, 0, 0)])
    for _ in (1, 2):
        yield Step("warehouse_elt/merge_into_current", names, values)
    yield Step("warehouse_elt/plan_publish", names, values, rows=[(0, 0, 0, 2, 0)])
    yield Step("warehouse_elt/count_published", names, values, rows=[(2,)])
    yield Step("warehouse_elt/select_accepted_keys", names, {"keys": [KEYS[0], KEYS[1], "else'where"]}, [(KEYS[0],)])
    yield Step("control/count_rows", {"table": target}, rows=[(2,)])
    for _ in (1, 2):
        columns = {"target": target, "attempt": attempt, "contract": part_of(ORDER, ("Name", "Amount"))}
        yield Step("warehouse_elt/merge_columns", columns, values)
    measure = {**names, "is_full": True, "tombstones": None}
    yield Step("warehouse_elt/measure_volume", names, values, rows=[(1, 1)])
    yield Step("warehouse_elt/measure_volume", {**names, "attempt": None}, values, rows=[(1, 0)])
    yield Step("warehouse_elt/sample_deletes", measure, values, rows=[])
    yield Step("warehouse_elt/sample_deletes", {**measure, "attempt": None}, values, rows=[(KEYS[0],)])
    yield from _missing({**names, "attempt": None, "set_aside": True}, {**values, "read_at": NOON + HOUR})


def _missing(names: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[Step]:
    """A complete read an hour later brings nothing, but sets one of the two aside; the other is deleted already."""
    values = {**values, "set_aside": [KEYS[2], "else'where"]}
    yield Step("warehouse_elt/count_missing", names, {**values, "read_at": NOON}, rows=[(0,)])
    yield Step("warehouse_elt/count_missing", names, {**values, "set_aside": [KEYS[0]]}, rows=[(0,)])
    yield Step("warehouse_elt/count_missing", names, values, rows=[(1,)])
    for _ in (1, 2):
        yield Step("warehouse_elt/mark_missing", names, values)
    yield Step("warehouse_elt/count_missing", names, values, rows=[(0,)])


def _history(schema: str) -> Iterator[Step]:
    """The history begins with what the current table holds; the attempt adds what went before that, once."""
    history, attempt = Table(f"{schema}", "ORDER_HISTORY"), Table(schema, "ORDER__A1")
    names = {"target": Table(schema, "ORDER"), "history": history, "contract": ORDER, "others": ("region_c",)}
    nothing = {"attempt": None, "rejects": None}
    accepted = {"attempt": attempt, "rejects": Table(schema, "ORDER__A1__REJECTS")}
    values = {"read_at": NOON, "run_id": "scheduled__2026-03-01T12:00:00+00:00"}
    yield Step("warehouse_elt/create_history", {"table": history, "contract": ORDER})
    yield Step("warehouse_elt/add_column", {"table": history, "field": REGION})
    yield Step("warehouse_elt/merge_into_history", {**names, **nothing, "all_rows": True}, rows=[(2, 0, 0)])
    for inserted in (1, 0):  # what the order that is missing by now was before
        changes = [(inserted, 0, 0)]
        yield Step("warehouse_elt/merge_into_history", {**names, **accepted, "all_rows": False}, values, changes)
    yield Step("warehouse_elt/count_recorded", {**names, **accepted}, values, rows=[(2,)])
    yield Step("control/count_rows", {"table": history}, rows=[(3,)])


def _audit(schema: str) -> Iterator[Step]:
    """Source and warehouse agree or not; what is found is held by test_drift_audit."""
    target, attempt = Table(schema, "ORDER"), Table(schema, "ORDER__A1")
    names = {"target": target, "attempt": attempt, "contract": ORDER, "keys": KeyRange(KEYS[0], KEYS[2])}
    values = {"first_key": KEYS[0], "end_key": KEYS[2], "cutoff": NOON + timedelta(days=1), "digits": 13, "most": 10}
    yield Step("warehouse_elt/select_slice_bounds", names, {"slices": 1}, rows=[(KEYS[0],)])
    yield Step("warehouse_elt/count_settled", names, values)
    yield Step("warehouse_elt/select_bad_buckets", names, values)
    names |= {"fields": ORDER.fields, "buckets": True, "missing": True, "gone": True}
    values |= {"buckets": [KEYS[0][:13]]}
    yield Step("warehouse_elt/count_differences", names, values)
    yield Step("warehouse_elt/select_differences", names, values)
    read = {"read_at": NOON + timedelta(hours=1), "run_id": "audit"}
    yield Step("warehouse_elt/count_silent_changes", {**names, "rejects": None}, read)


def _refresh(schema: str) -> Iterator[Step]:
    """The amounts of the attempt once more; what it gives is held by test_refreshing_computed_fields."""
    names = {"target": Table(schema, "ORDER"), "attempt": Table(schema, "ORDER__A1"), "contract": WITH_COMPUTED_AMOUNT}
    values = {"read_at": NOON, "run_id": "refresh"}
    yield Step("warehouse_elt/plan_refresh", names, values)
    yield Step("warehouse_elt/merge_refreshed", names, values)


def _bury(schema: str, folder: Path) -> Iterator[Step]:
    """Three tombstones: of a row that is open, of one that is closed already, and of none that we know."""
    target, attempt, landing = Table(schema, "ORDER"), Table(schema, "ORDER__A2__TOMBSTONES"), Table(schema, "LANDING")
    put = {"stage": landing, "folder": "order__a2__tombstones"}
    file = folder / "tombstones-00000.parquet"
    rows = [
        {"record_key": key, "deleted_at": NOON + timedelta(minutes=9), "deleted_how": DeletedHow.HARD_DELETE}
        for key in (KEYS[0], KEYS[2], "801000000000009AAA")
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(TOMBSTONES)), file, compression="zstd")
    yield Step("warehouse_elt/create_attempt", {"table": attempt, "contract": TOMBSTONES})
    yield Step("control/put_file", put, {"file": f"file://{file}"})
    yield Step("warehouse_elt/copy_into_attempt", {"table": attempt, **put, "contract": TOMBSTONES})
    names = {"target": target, "attempt": Table(schema, "ORDER__A1"), "rejects": None, "contract": ORDER}
    values = {"read_at": NOON + 2 * HOUR, "run_id": "scheduled__2026-03-01T14:00:00+00:00"}
    yield Step("warehouse_elt/merge_into_current", names, values)  # a later read opens the row again
    names |= {"attempt": None, "tombstones": attempt}
    values |= {"read_at": NOON + 3 * HOUR}
    yield Step("warehouse_elt/count_open_tombstones", names, values, rows=[(1,)])
    yield Step("warehouse_elt/sample_deletes", {**names, "is_full": False}, values, rows=[(KEYS[0],)])
    for _ in (1, 2):
        yield Step("warehouse_elt/merge_tombstones", names, values)
    yield Step("warehouse_elt/count_open_tombstones", names, values, rows=[(0,)])


def _snapshot(schema: str) -> Iterator[Step]:
    """Of two orders one was there at the end of the day and went later; one was deleted before."""
    history, snapshot = Table(schema, "ORDER_HISTORY"), Table(schema, "ORDER_SNAPSHOT")
    closed = ContractField("IsClosed", "is_closed", FieldKind.BOOLEAN)
    yield Step("warehouse_elt/add_column", {"table": history, "field": closed})
    names = {"history": history, "snapshot": snapshot, "columns": OPPORTUNITY_SNAPSHOT, "present": {*ORDER.columns}}
    values = {"day": "2026-03-01", "day_end": NOON + HOUR}
    yield Step("warehouse_elt/create_snapshot", {**names, "table": snapshot})
    for inserted in (1, 0):
        yield Step("warehouse_elt/merge_into_snapshot", names, values, [(inserted, 0, 0)])
    yield Step("warehouse_elt/count_snapshot", names, values, [(1,)])
    yield Step("warehouse_elt/merge_into_snapshot", names, {**values, "day_end": NOON + 2 * HOUR}, [(0, 0, 1)])


def _identity(schema: str) -> Iterator[Step]:
    """The ids of the attempt as those of the source: two of three are not open here, and lost a merge to "NA"."""
    names = {"target": Table(schema, "ORDER"), "ids": Table(schema, "ORDER__A1"), "contract": ORDER}
    values = {"read_at": NOON + 4 * HOUR}
    yield Step("warehouse_elt/count_compared_ids", names, values, rows=[(1, 3, 0, 2)])
    missing = [(KEYS[0], False), (KEYS[2], False)]
    yield Step("warehouse_elt/select_compared_ids", names, values, rows=missing)
    yield Step("warehouse_elt/sample_gone_ids", names, values, rows=[])
    merge_map, by_name = Table(schema, "MERGE_MAP"), {**names, "contract": replace(ORDER, merged_into="Group")}
    yield Step("warehouse_elt/create_merge_map", {"table": merge_map})
    for _ in (1, 2):
        given = {"object_name": "Order"}
        yield Step("warehouse_elt/merge_into_merge_map", {**by_name, "merge_map": merge_map}, given)
    yield Step("control/count_rows", {"table": merge_map}, rows=[(2,)])


def _ops(schema: str, folder: Path) -> Iterator[Step]:
    landing = Table(schema, "LANDING")
    for dataset, columns in OPS_DATASETS.items():
        target, attempt = Table(schema, dataset.upper()), Table(schema, f"OPS_{dataset.upper()}__R1")
        names = {"columns": columns, "target": target, "attempt": attempt, "stage": landing, "folder": f"ops_{dataset}"}
        file = folder / f"{dataset}.parquet"
        _write_ops(file, columns)
        yield Step("control/create_ops", {"table": target, "columns": columns[:-1]})
        yield Step("control/add_ops_column", {"table": target, "column": columns[-1]})
        yield Step("control/create_ops_attempt", {**names, "table": attempt})
        yield Step("control/put_file", names, {"file": f"file://{file}"})
        yield Step("control/copy_into_ops_attempt", {**names, "table": attempt})
        for _ in (1, 2):
            yield Step("control/merge_into_ops", names)
        yield Step("control/count_rows", {"table": target}, rows=[(2,)])
        yield Step("control/drop_table", {"table": attempt})
    yield Step("control/drop_table", {"table": Table(schema, "NEVER_THERE")})


def _write_ops(file: Path, columns: tuple[OpsColumn, ...]) -> None:
    samples = {FieldKind.TEXT: "text", FieldKind.INTEGER: 7, FieldKind.TIMESTAMP: datetime(2026, 3, 1, tzinfo=UTC)}
    kinds = {c.name: arrow_type(ContractField(c.name, c.name, c.kind)) for c in columns}
    rows = [{c.name: f"{c.name} {n}" if c.is_key else samples[c.kind] for c in columns} for n in range(2)]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(list(kinds.items()))), file)

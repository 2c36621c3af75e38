"""A deleted row says how and when that was learned; a row that comes back says nothing of it any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from crm_patterns.core.contracts import ContractField, FieldKind
from crm_patterns.core.own_columns import OWN_COLUMNS, DeletedHow
from crm_patterns.core.ports import Table
from crm_patterns.steps.load import prepare_target
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.sql.attempts import NOON, ORDER, loaded, order, publish, target_of
from tests.sql.test_current_table import rows_of

KEY = "801000000000001AAA"
TOLD = '"_DELETED", "_DELETED_AT", "_DELETED_HOW", "_DELETED_LEARNED_AT"'
LIVING = (False, None, None, None)
MERGEABLE = replace(
    ORDER,
    fields=(*ORDER.fields, ContractField("MasterRecordId", "master_record_id", FieldKind.TEXT, length=18)),
    merged_into="MasterRecordId",
)
INSERT_ONLY = replace(ORDER, cursor_moves=False)


def hour(number: int) -> datetime:
    return NOON + timedelta(hours=number)


def test_a_soft_delete_is_told_and_taken_back(warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path) -> None:
    target, told = target_of(warehouse, schema), []

    for at, deleted in enumerate((False, True, False, True), start=1):
        attempt = loaded(warehouse, schema, tmp_path, [order(KEY, hour=at, deleted=deleted)])
        publish(warehouse, target, attempt, read_at=hour(at) + timedelta(minutes=5), run_id=f"run {at}")
        told += rows_of(warehouse, target, TOLD)

    minutes = timedelta(minutes=5)
    assert told == [
        LIVING,
        (True, hour(2), DeletedHow.SOFT_DELETE, hour(2) + minutes),
        LIVING,
        (True, hour(4), DeletedHow.SOFT_DELETE, hour(4) + minutes),
    ]


def test_the_loser_of_a_merge_is_told_apart(warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path) -> None:
    target = target_of(warehouse, schema, MERGEABLE)
    rows = [
        order("801000000000001AAA", deleted=True, master_record_id="801000000000009AAA"),
        order("801000000000002AAA", deleted=True, master_record_id=None),
        order("801000000000009AAA", master_record_id=None),
    ]

    attempt = loaded(warehouse, schema, tmp_path, rows, MERGEABLE)
    publish(warehouse, target, attempt, MERGEABLE)

    assert rows_of(warehouse, target, '"ID", "_DELETED_HOW"') == [
        ("801000000000001AAA", DeletedHow.MERGE),
        ("801000000000002AAA", DeletedHow.SOFT_DELETE),
        ("801000000000009AAA", None),
    ]


def test_a_cursor_that_stands_still_tells_no_time_of_deletion(
    warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path
) -> None:
    target = target_of(warehouse, schema, INSERT_ONLY)

    attempt = loaded(warehouse, schema, tmp_path, [order(KEY, deleted=True)], INSERT_ONLY)
    publish(warehouse, target, attempt, INSERT_ONLY, read_at=hour(3))

    assert rows_of(warehouse, target, TOLD) == [(True, None, DeletedHow.SOFT_DELETE, hour(3))]


def test_a_table_of_an_older_release_gets_the_columns(
    warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path
) -> None:
    target = Table(schema, ORDER.table)
    old = ", ".join(f'"{field.column.upper()}" {warehouse.column_type(field)}' for field in ORDER.fields)
    warehouse._execute(
        f'create table "{schema}"."{ORDER.table}" ({old}, "_SYNCED_AT" timestamp_tz, "_RUN_ID" varchar, '
        '"_DELETED" boolean, "_SOURCE_MODIFIED_AT" timestamp_tz)',
        {},
    )

    prepare_target(warehouse, target, ORDER)
    prepare_target(warehouse, target, ORDER)

    assert {own.column for own in OWN_COLUMNS} < set(warehouse.columns(target))
    attempt = loaded(warehouse, schema, tmp_path, [order(KEY, deleted=True)])
    assert publish(warehouse, target, attempt)[0] == (1, 0, 0, 0)

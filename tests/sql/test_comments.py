"""Comments on tables that are there: written once, and again when a meaning changes. See docs/local-warehouse.md."""

from __future__ import annotations

from dataclasses import replace

from crm_patterns.core.own_columns import OWN_COLUMNS
from crm_patterns.core.ports import Table
from crm_patterns.steps.comment_columns import comment_columns
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.sql.attempts import ORDER, target_of


def test_comments_are_written_once_and_again_when_a_meaning_changes(warehouse: SnowflakeWarehouse, schema: str) -> None:
    table = target_of(warehouse, schema)
    relabelled = replace(ORDER, fields=(*ORDER.fields[:-1], replace(ORDER.fields[-1], label="It's new \\ 100%")))
    columns = len(ORDER.fields) + len(OWN_COLUMNS)

    dry = comment_columns(warehouse, table, ORDER, OWN_COLUMNS, dry_run=True)
    written = [comment_columns(warehouse, table, contract, OWN_COLUMNS) for contract in (ORDER, ORDER, relabelled)]

    assert (dry, written) == (columns, [columns, 0, columns])


def test_a_field_without_a_column_yet_is_left_out(warehouse: SnowflakeWarehouse, schema: str) -> None:
    narrow = replace(ORDER, fields=ORDER.fields[:1] + ORDER.fields[-1:])
    table = target_of(warehouse, schema, narrow)

    assert comment_columns(warehouse, table, ORDER, OWN_COLUMNS) == 2 + len(OWN_COLUMNS)


def test_a_table_that_is_not_there_has_no_comments(warehouse: SnowflakeWarehouse, schema: str) -> None:
    assert comment_columns(warehouse, Table(schema, "NEVER_THERE"), ORDER, OWN_COLUMNS) == 0

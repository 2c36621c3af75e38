"""From Parquet to the table people query: load, MERGE, proof."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from crm_patterns.core.ports import Table
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.sql.attempts import NOON, ORDER, loaded, order, publish, target_of


def rows_of(warehouse: SnowflakeWarehouse, table: Table, columns: str = "*") -> list[tuple[Any, ...]]:
    return warehouse._execute(f'select {columns} from "{table.schema}"."{table.name}" order by 1', {})


def test_every_type_arrives_as_it_was_staged(warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path) -> None:
    row = order()

    attempt = loaded(warehouse, schema, tmp_path, [row, order("801000000000002AAA", name=None, group="", amount=None)])

    first, second = rows_of(warehouse, attempt)
    assert list(first) == list(row.values())
    assert isinstance(first[3], Decimal)
    assert second[1:4] == (None, "", None)


def test_new_changed_deleted_and_known_rows_are_told_apart(
    warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path
) -> None:
    target = target_of(warehouse, schema)
    keys = [f"80100000000000{n}AAA" for n in range(4)]
    before = loaded(warehouse, schema, tmp_path, [order(key) for key in keys[:3]])
    after = loaded(
        warehouse, schema, tmp_path,
        [order(keys[0]), order(keys[1], hour=1, name="renamed"), order(keys[2], hour=1, deleted=True), order(keys[3])],
    )  # fmt: skip

    first = publish(warehouse, target, before)
    second = publish(warehouse, target, after, read_at=NOON + timedelta(hours=2), run_id="run 2")
    again = publish(warehouse, target, after, read_at=NOON + timedelta(hours=2), run_id="run 2")

    assert first == ((3, 0, 0, 0), 3)
    assert second == ((1, 1, 1, 1), 4)
    assert again == ((0, 0, 0, 4), 4)
    told = rows_of(warehouse, target, '"ID", "NAME", "_DELETED", "_RUN_ID", "_SYNCED_AT", "_SOURCE_MODIFIED_AT"')
    later = NOON + timedelta(hours=1)
    assert told == [
        (keys[0], order()["name"], False, "run 1", NOON, NOON),
        (keys[1], "renamed", False, "run 2", NOON + timedelta(hours=2), later),
        (keys[2], order()["name"], True, "run 2", NOON + timedelta(hours=2), later),
        (keys[3], order()["name"], False, "run 2", NOON + timedelta(hours=2), NOON),
    ]
    assert set(warehouse.columns(target)) >= {*ORDER.columns, "_deleted"}

"""Values that changed without a stamp reach the rows they belong to, and touch nothing else."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.sql.attempts import NOON, WITH_COMPUTED_AMOUNT, loaded, order, publish, target_of

KEYS = [f"80100000000000{n}AAA" for n in range(1, 6)]
LATER = NOON + timedelta(hours=6)


class Refresh:
    """A target with four orders, and refreshes of its amounts."""

    def __init__(self, warehouse: SnowflakeWarehouse, schema: str, folder: Path) -> None:
        self.warehouse, self.schema, self.folder = warehouse, schema, folder
        self.target = target_of(warehouse, schema)
        rows = [order(key) for key in KEYS[:3]] + [order(KEYS[3], deleted=True)]
        publish(warehouse, self.target, loaded(warehouse, schema, folder, rows))

    def run(self, rows: list[dict[str, Any]], *, run_id: str = "refresh") -> tuple[int, ...]:
        attempt = loaded(self.warehouse, self.schema, self.folder, rows, WITH_COMPUTED_AMOUNT)
        names = {"target": self.target, "attempt": attempt, "contract": WITH_COMPUTED_AMOUNT}
        values = {"read_at": LATER, "run_id": run_id}
        counts = self.warehouse.run("warehouse_elt/plan_refresh", names=names, values=values)[0]
        self.warehouse.run("warehouse_elt/merge_refreshed", names=names, values=values)
        return tuple(int(number) for number in counts)

    def rows(self, sql: Any) -> list[tuple[Any, ...]]:
        table = f'"{self.schema}"."{self.target.name}"'
        return list(
            sql(f'select "ID", "AMOUNT", "RUN", "SAME" from (select "ID", "AMOUNT", "_RUN_ID" as "RUN", '
                f'"NAME" || "QUANTITY" || "_SOURCE_MODIFIED_AT"::varchar as "SAME" from {table}) order by "ID"')
        )  # fmt: skip


@pytest.fixture
def refresh(warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path) -> Refresh:
    return Refresh(warehouse, schema, tmp_path)


@pytest.fixture
def sql(connect: Any) -> Any:
    connection = connect()
    yield lambda text: connection.cursor().execute(text).fetchall()
    connection.close()


def test_only_the_changed_value_of_the_changed_row_is_written(refresh: Refresh, sql: Any) -> None:
    before = refresh.rows(sql)

    counts = refresh.run([order(KEYS[0], amount=Decimal("7.50")), order(KEYS[1])])

    after = refresh.rows(sql)
    assert counts == (1, 1, 0, 0)
    assert after[0] == (KEYS[0], Decimal("7.50"), "refresh", before[0][3])
    assert after[1:] == before[1:]


def test_a_repeat_by_the_same_run_counts_what_the_run_changed_and_writes_nothing(refresh: Refresh, sql: Any) -> None:
    rows = [order(KEYS[0], amount=None), order(KEYS[1])]
    first = refresh.run(rows)
    before = refresh.rows(sql)

    assert refresh.run(rows) == first == (1, 1, 0, 0)
    assert refresh.run(rows, run_id="the next day") == (0, 2, 0, 0)
    assert refresh.rows(sql) == before


def test_values_of_another_version_of_a_deleted_and_of_an_unknown_row_are_left_to_the_windows(
    refresh: Refresh, sql: Any
) -> None:
    before = refresh.rows(sql)
    amount = Decimal("7.50")

    counts = refresh.run(
        [order(KEYS[0], hour=1, amount=amount), order(KEYS[3], amount=amount), order(KEYS[4], amount=amount)]
    )

    assert counts == (0, 0, 2, 1)
    assert refresh.rows(sql) == before


def test_a_row_that_was_published_after_the_read_keeps_what_it_has(refresh: Refresh, sql: Any) -> None:
    newer = loaded(refresh.warehouse, refresh.schema, refresh.folder, [order(KEYS[0], amount=Decimal(9))])
    publish(refresh.warehouse, refresh.target, newer, read_at=LATER + timedelta(hours=1))

    assert refresh.run([order(KEYS[0], amount=Decimal(1))]) == (0, 0, 1, 0)
    assert refresh.rows(sql)[0][1] == Decimal(9)

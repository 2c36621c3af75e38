"""The daily snapshot: what was open at the end of a day, for any day, and the same however often."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_patterns.core.contracts import ContractField, FieldKind
from crm_patterns.core.errors import FixSettings, RetryLater
from crm_patterns.core.ports import Table
from crm_patterns.core.snapshots import OPPORTUNITY_SNAPSHOT
from crm_patterns.steps.history import Attempt, begin_history, history_of, record_history
from crm_patterns.steps.load import prepare_target
from crm_patterns.steps.snapshot import SnapshotTaken, take_snapshot
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.sql.attempts import ORDER, loaded, order

OPPORTUNITY = replace(
    ORDER,
    object_name="Opportunity",
    table="OPPORTUNITY",
    fields=(
        *ORDER.fields,
        ContractField("StageName", "stage_name", FieldKind.TEXT, length=40),
        ContractField("IsClosed", "is_closed", FieldKind.BOOLEAN),
        ContractField("CreatedDate", "created_date", FieldKind.TIMESTAMP),
    ),
)
FIRST = date(2026, 3, 1)
KNOWN = datetime(2026, 4, 1, tzinfo=UTC)


def on(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def deal(number: int, at: datetime, stage: str, **values: Any) -> dict[str, Any]:
    more = {"is_closed": stage in ("won", "lost"), "created_date": on(1) - timedelta(days=10), "stage_name": stage}
    return order(f"006{number:012d}AAA", **{"name": "Deal", "system_modstamp": at, **more, **values})


class World:
    def __init__(self, warehouse: SnowflakeWarehouse, schema: str, folder: Path) -> None:
        self.warehouse, self.schema, self.folder = warehouse, schema, folder
        self.of = history_of(OPPORTUNITY, target_schema=schema, history_schema=f"{schema}_H")
        self.snapshot = Table(f"{schema}_M", "OPPORTUNITY_SNAPSHOT")
        prepare_target(warehouse, self.of.target, OPPORTUNITY)
        begin_history(warehouse, self.of)

    def observe(self, read_at: datetime, *rows: dict[str, Any]) -> None:
        attempt = Attempt(loaded(self.warehouse, self.schema, self.folder, list(rows), OPPORTUNITY), None, read_at)
        record_history(self.warehouse, self.of, run_id="run 1", attempt=attempt)

    def take(self, day: date, *, watermark: datetime | None = KNOWN) -> SnapshotTaken:
        return take_snapshot(
            self.warehouse, history=self.of.history, snapshot=self.snapshot, day=day, watermark=watermark
        )

    def told(self, columns: str = '"SNAPSHOT_DATE", "OPPORTUNITY_ID", "STAGE_NAME"') -> list[tuple[Any, ...]]:
        table = f'"{self.snapshot.schema}"."{self.snapshot.name}"'
        return self.warehouse._execute(f"select {columns} from {table} order by 1, 2", {})


@pytest.fixture
def world(warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path) -> World:
    return World(warehouse, schema, tmp_path)


def key(number: int) -> str:
    return f"006{number:012d}AAA"


def test_a_day_shows_each_open_opportunity_as_it_was_at_its_end(world: World) -> None:
    world.observe(on(1, 1), deal(1, on(1), "new"), deal(2, on(1), "new"), deal(3, on(1), "new"))
    world.observe(
        on(2, 9), deal(1, on(2, 8), "offer"), deal(2, on(2, 8), "won"), deal(3, on(2, 8), "new", deleted=True)
    )
    world.observe(on(3, 1), deal(1, on(3), "talks"), deal(4, on(3), "new"))

    for day in (1, 2, 3):
        world.take(date(2026, 3, day))

    first, second, third = (date(2026, 3, day) for day in (1, 2, 3))
    assert world.told() == [
        (first, key(1), "new"), (first, key(2), "new"), (first, key(3), "new"),
        (second, key(1), "offer"),
        (third, key(1), "talks"), (third, key(4), "new"),
    ]  # fmt: skip


def test_a_day_taken_again_is_the_same_and_a_day_history_knows_better_is_mended(world: World) -> None:
    world.observe(on(1, 1), deal(1, on(1), "new"), deal(2, on(1), "new"), deal(3, on(1), "new"))
    first = world.take(FIRST)
    again = world.take(FIRST)
    world.observe(on(5), deal(1, on(1, 20), "offer"), deal(2, on(1, 20), "lost"), deal(4, on(1, 21), "new"))

    mended = world.take(FIRST)

    assert (first, again) == (SnapshotTaken(3, 3, 0, 0), SnapshotTaken(3, 0, 0, 0))
    assert mended == SnapshotTaken(3, 1, 1, 1)
    assert world.told() == [(FIRST, key(1), "offer"), (FIRST, key(3), "new"), (FIRST, key(4), "new")]


def test_columns_that_history_lacks_are_null_and_age_is_in_days(world: World) -> None:
    world.observe(on(1, 1), deal(1, on(1), "new"))

    world.take(FIRST)

    columns = [column.column for column in OPPORTUNITY_SNAPSHOT]
    (row,) = world.told(", ".join(f'"{column.upper()}"' for column in columns))
    told = dict(zip(columns, row, strict=True))
    assert (told["age_days"], told["created_date"], told["version_valid_from"]) == (
        10,
        on(1) - timedelta(days=10),
        on(1),
    )
    assert str(told["amount"]) == "1234567890123456.780000"
    assert (told["account_id"], told["probability"], told["next_step"]) == (None, None, None)


def test_a_day_that_was_not_read_to_its_end_is_tried_again_later(world: World) -> None:
    for watermark in (None, on(1, 23)):
        with pytest.raises(RetryLater, match="needs all of that day"):
            world.take(FIRST, watermark=watermark)

    assert world.take(FIRST, watermark=on(2)).rows == 0


def test_an_opportunity_of_which_closed_is_not_known_is_for_a_person(world: World) -> None:
    nowhere = Table(world.schema, "NOWHERE")

    with pytest.raises(FixSettings, match="has no column id and is_closed"):
        take_snapshot(world.warehouse, history=nowhere, snapshot=world.snapshot, day=FIRST, watermark=KNOWN)

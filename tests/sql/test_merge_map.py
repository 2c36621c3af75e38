"""The map of merged records: chains end at the survivor, whatever the order, and a record that returns leaves it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_patterns.core.ports import Table
from crm_patterns.steps.merge_map import keep_merge_map
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.sql.attempts import loaded, order, publish, target_of
from tests.sql.test_current_table import rows_of
from tests.sql.test_tombstone_columns import MERGEABLE, hour


def key(number: int) -> str:
    return f"801{number:012d}AAA"


def mapped(warehouse: SnowflakeWarehouse, schema: str) -> list[tuple[str, str, str]]:
    found = rows_of(warehouse, Table(schema, "MERGE_MAP"), '"LOSER_ID", "WINNER_ID", "SURVIVOR_ID"')
    return [(str(a), str(b), str(c)) for a, b, c in found]


def merge(warehouse: SnowflakeWarehouse, schema: str, folder: Path, winners: dict[int, int | None], *, at: int) -> None:
    """Publish a state of the org: who lost to whom (None: a living record)."""
    target = target_of(warehouse, schema, MERGEABLE)
    rows = [
        order(key(n), hour=at, deleted=w is not None, master_record_id=None if w is None else key(w))
        for n, w in winners.items()
    ]
    publish(warehouse, target, loaded(warehouse, schema, folder, rows, MERGEABLE), MERGEABLE, read_at=hour(at))
    for _ in range(2):
        keep_merge_map(warehouse, target, MERGEABLE, map_schema=schema)


def test_a_chain_of_merges_ends_at_its_survivor(warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path) -> None:
    merge(warehouse, schema, tmp_path, {1: 2, 2: None, 3: None}, at=1)
    first = mapped(warehouse, schema)
    merge(warehouse, schema, tmp_path, {2: 3}, at=2)

    assert first == [(key(1), key(2), key(2))]
    assert mapped(warehouse, schema) == [(key(1), key(2), key(3)), (key(2), key(3), key(3))]
    (when,) = {row[0] for row in rows_of(warehouse, Table(schema, "MERGE_MAP"), '"LEARNED_AT", "LOSER_ID"')[1:]}
    assert when == hour(2)


def test_a_record_that_came_back_is_nobodys_loser(warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path) -> None:
    merge(warehouse, schema, tmp_path, {1: 2, 2: 3, 3: None}, at=1)
    merge(warehouse, schema, tmp_path, {2: None}, at=2)

    assert mapped(warehouse, schema) == [(key(1), key(2), key(2))]


def test_records_that_point_at_each_other_end_somewhere(
    warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path
) -> None:
    merge(warehouse, schema, tmp_path, {1: 2, 2: 1}, at=1)  # no org should hold this

    assert mapped(warehouse, schema) == [(key(1), key(2), key(2)), (key(2), key(1), key(1))]


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(parents=st.lists(st.integers(0, 9), min_size=2, max_size=9), order_seed=st.randoms(use_true_random=False))
def test_every_loser_finds_the_record_that_is_left(
    warehouse: SnowflakeWarehouse, tmp_path_factory: object, parents: list[int], order_seed: object
) -> None:
    """Record n lost to a later one, or lives: any such forest, published in two parts, in any order."""
    import random
    import uuid

    schema = f"M_{uuid.uuid4().hex[:12]}".upper()
    warehouse.run("control/create_schema", names={"schema": schema})
    last = len(parents)
    winners: dict[int, int | None] = {n: None if p == 0 else min(n + p, last) for n, p in enumerate(parents)}
    winners[last] = None
    numbers = list(winners)
    assert isinstance(order_seed, random.Random)
    order_seed.shuffle(numbers)
    folder = tmp_path_factory.mktemp("forest")  # type: ignore[attr-defined]

    for at, part in enumerate((numbers[: last // 2 or 1], numbers[last // 2 or 1 :]), start=1):
        merge(warehouse, schema, folder, {n: winners[n] for n in part}, at=at)

    def survivor(number: int) -> int:
        winner = winners[number]
        return number if winner is None else survivor(winner)

    losers = {n: w for n, w in winners.items() if w is not None}
    assert mapped(warehouse, schema) == sorted((key(n), key(w), key(survivor(n))) for n, w in losers.items())

"""Publishing attempts in any order, any number of times, gives the identical table: the newest version of every row."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.ports import Table
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.sql.attempts import NOON, ORDER, ORDER_WITHOUT_CURSOR, loaded, order, target_of

ATTEMPTS = 3


@dataclass(frozen=True)
class Seen:
    """What one attempt saw of a record: when the source says it changed (hours after noon), and its value."""

    hour: int
    value: str
    deleted: bool = False


History = tuple[Seen | None, ...]  # by attempt; None: the attempt did not bring the record


def read_at(attempt: int) -> datetime:
    return NOON + timedelta(days=1 + attempt)


def is_one_a_source_can_show(history: History, contract: ObjectContract) -> bool:
    """A value that comes back under the same stamp cannot be told from one that never left."""
    versions = [seen for seen in history if seen is not None]
    groups = [key for key, _ in itertools.groupby(versions, key=lambda seen: _version(seen, contract))]
    return len(groups) == len(set(groups))


def _version(seen: Seen, contract: ObjectContract) -> tuple[Any, ...]:
    return (seen.hour if contract.cursor else None, seen.value, seen.deleted)


def histories(contract: ObjectContract) -> Iterator[History]:
    hours = (0, 1) if contract.cursor else (0,)
    deleted = (False, True) if contract.deleted_flag else (False,)
    choices = [None, *(Seen(h, v, d) for h in hours for v, d in [("a", False), ("b", False), ("b", deleted[-1])])]
    for history in itertools.product(dict.fromkeys(choices), repeat=ATTEMPTS):
        if any(history) and is_one_a_source_can_show(history, contract):
            yield history


def expected(history: History, contract: ObjectContract) -> tuple[Any, ...]:
    """Value, deleted, first read and run of the newest version: said in another way than the MERGE says it."""
    seen = [(attempt, version) for attempt, version in enumerate(history) if version is not None]
    newest = max(version.hour for _, version in seen)
    last = max(attempt for attempt, version in seen if version.hour == newest)
    winner = history[last]
    assert winner is not None
    first = min(attempt for attempt, version in seen if version == winner)
    stamp = NOON + timedelta(hours=winner.hour) if contract.cursor else read_at(first)
    return winner.value, winner.deleted, read_at(first), f"run {first}", stamp


@pytest.mark.parametrize("contract", [ORDER, ORDER_WITHOUT_CURSOR], ids=["with a cursor", "without one"])
def test_any_order_and_any_repetition_give_the_same_table(
    warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path, contract: ObjectContract
) -> None:
    every = {f"801{number:012d}AAA": history for number, history in enumerate(histories(contract))}
    attempts = [_load(warehouse, schema, tmp_path, contract, every, number) for number in range(ATTEMPTS)]
    due = sorted((key, *expected(history, contract)) for key, history in every.items())

    for sequence in [*itertools.permutations(range(ATTEMPTS)), (2, 1, 2, 0, 0)]:
        found = _publish_all(warehouse, schema, contract, attempts, sequence)

        assert found == due, f"after publishing {sequence}"


def _load(
    warehouse: SnowflakeWarehouse, schema: str, root: Path, contract: ObjectContract, every: dict[str, History], at: int
) -> Table:
    rows = [
        order(key, hour=seen.hour, deleted=seen.deleted, name=seen.value)
        for key, history in every.items()
        if (seen := history[at]) is not None
    ]
    return loaded(warehouse, schema, root, rows, contract)


def _publish_all(
    warehouse: SnowflakeWarehouse, schema: str, contract: ObjectContract, attempts: list[Table], sequence: Sequence[int]
) -> list[tuple[Any, ...]]:
    target = target_of(warehouse, schema, contract)
    for attempt in sequence:
        values = {"read_at": read_at(attempt), "run_id": f"run {attempt}"}
        names = {"target": target, "attempt": attempts[attempt], "rejects": None, "contract": contract}
        warehouse.run("warehouse_elt/merge_into_current", names=names, values=values)
    sql = 'select "ID", "NAME", "_DELETED", "_SYNCED_AT", "_RUN_ID", "_SOURCE_MODIFIED_AT" from "{}"."{}" order by 1'
    rows = warehouse._execute(sql.format(target.schema, target.name), {})
    warehouse.run("control/drop_table", names={"table": target})
    return rows

"""History as the steps write it: what is a version, what is not, from when to when, and that it is proven."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy import create_engine

from crm_patterns.core.contracts import ContractField, FieldKind
from crm_patterns.core.errors import StopRun
from crm_patterns.core.windows import WindowKind
from crm_patterns.state import OperationalState
from crm_patterns.steps.history import Attempt, begin_history, catch_up_history, count_recorded, history_of
from crm_patterns.steps.history import record_history as record
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from crm_patterns.warehouse.stage import ParquetStage
from tests.pipeline import HOUR, Pipeline
from tests.source_double import NOON, SourceDouble, row
from tests.sql.attempts import ORDER, loaded, order, publish, target_of

TOLD = '"NAME", "_DELETED", "_VALID_FROM", "_VALID_TO", "_IS_CURRENT"'
KEY = "801000000000001AAA"


@pytest.fixture
def pipeline(
    warehouse: SnowflakeWarehouse, connect: Callable[[], Any], schema: str, tmp_path: Path
) -> Iterator[Pipeline]:
    state = OperationalState(create_engine(f"sqlite:///{tmp_path / 'state.db'}"))
    stage = ParquetStage(LocalFileSystem(), str(tmp_path / "stage"))
    source = SourceDouble(rows=[row(1, at=NOON - 3 * HOUR)])
    yield Pipeline(warehouse, stage, state, schema, source, connect)
    state.close()


def later(pipeline: Pipeline, hours: int, *, kind: WindowKind = WindowKind.INCREMENTAL, **changed: Any) -> Pipeline:
    """The pipeline's next run, `hours` after noon, when record 1 looks as `changed` says."""
    if changed:
        pipeline.source.rows[0] = row(1, **changed)
    pipeline.source.clock = NOON + hours * HOUR
    return pipeline.next_run(f"at-{hours}", kind=kind)


def test_each_stamp_a_run_sees_is_a_version_and_a_row_read_again_is_none(pipeline: Pipeline) -> None:
    pipeline.all()
    later(pipeline, 2, at=NOON + HOUR, name="Acme Ltd").all()
    later(pipeline, 3, kind=WindowKind.FULL).all()

    assert pipeline.history(TOLD) == [
        ("Acme", False, NOON - 3 * HOUR, NOON + HOUR, False),
        ("Acme Ltd", False, NOON + HOUR, None, True),
    ]


def test_a_record_deleted_and_restored_has_three_versions(pipeline: Pipeline) -> None:
    pipeline.all()
    later(pipeline, 2, at=NOON + HOUR, deleted=True).all()
    later(pipeline, 4, at=NOON + 3 * HOUR).all()

    assert [(r[1], r[2], r[3]) for r in pipeline.history(TOLD)] == [
        (False, NOON - 3 * HOUR, NOON + HOUR),
        (True, NOON + HOUR, NOON + 3 * HOUR),
        (False, NOON + 3 * HOUR, None),
    ]


def test_a_formula_that_flaps_under_one_stamp_is_told_by_the_reads_that_saw_it(pipeline: Pipeline) -> None:
    stamp = NOON - 3 * HOUR
    pipeline.all()
    for hours, name in ((1, "hot"), (2, "hot"), (3, "Acme")):
        later(pipeline, hours, kind=WindowKind.FULL, at=stamp, name=name).all()

    assert pipeline.history(TOLD) == [
        ("Acme", False, stamp, NOON + HOUR, False),
        ("hot", False, NOON + HOUR, NOON + 3 * HOUR, False),
        ("Acme", False, NOON + 3 * HOUR, None, True),
    ]


def test_history_that_is_switched_on_later_begins_with_what_is_there(pipeline: Pipeline) -> None:
    pipeline.source.rows.append(row(2, at=NOON - 2 * HOUR, name="Untouched"))
    replace(pipeline, keeps_history=False).all()

    later(pipeline, 2, at=NOON + HOUR, name="Acme Ltd").all()

    assert pipeline.history(TOLD) == [
        ("Acme", False, NOON - 3 * HOUR, NOON + HOUR, False),
        ("Acme Ltd", False, NOON + HOUR, None, True),
        ("Untouched", False, NOON - 2 * HOUR, None, True),
    ]


def test_an_object_without_changes_has_its_history_begun_all_the_same(pipeline: Pipeline) -> None:
    replace(pipeline, keeps_history=False).all()

    later(pipeline, 2).all()

    assert pipeline.history(TOLD) == [("Acme", False, NOON - 3 * HOUR, None, True)]


def test_history_catches_up_after_it_was_off_for_a_while(pipeline: Pipeline, warehouse: SnowflakeWarehouse) -> None:
    pipeline.all()
    replace(later(pipeline, 2, at=NOON + HOUR, name="Acme Ltd"), keeps_history=False).all()
    assert len(pipeline.history(TOLD)) == 1
    manifest = pipeline.stage.manifest(later(pipeline, 3).extract())

    for _ in (1, 2):
        catch_up_history(
            warehouse,
            history_of(manifest.contract, target_schema=pipeline.schema, history_schema=f"{pipeline.schema}_H"),
        )

    assert pipeline.history(TOLD) == [
        ("Acme", False, NOON - 3 * HOUR, NOON + HOUR, False),
        ("Acme Ltd", False, NOON + HOUR, None, True),
    ]


def test_a_row_without_its_version_in_history_is_red(pipeline: Pipeline) -> None:
    published = pipeline.publish(pipeline.validate(pipeline.load(pipeline.extract())))
    assert published.recorded == 1

    with pytest.raises(StopRun, match="rows published 1 ≠ rows with their version in history 0"):
        pipeline.reconcile(replace(published, recorded=0))

    assert pipeline.state.watermark("salesforce", "Account") is None


class World:
    """One orders table with its history, published to attempt by attempt."""

    def __init__(self, warehouse: SnowflakeWarehouse, schema: str, folder: Path) -> None:
        self.warehouse, self.schema, self.folder = warehouse, schema, folder
        self.target = target_of(warehouse, schema)
        self.of = history_of(ORDER, target_schema=schema, history_schema=f"{schema}_H")
        begin_history(warehouse, self.of)

    def publish(self, read_hour: int, *rows: dict[str, Any], contract: Any = ORDER) -> int:
        """Rows read `read_hour` after noon; returns how many of them are proven to be in history."""
        of, run_id = replace(self.of, contract=contract), f"run {read_hour}"
        attempt = Attempt(loaded(self.warehouse, self.schema, self.folder, list(rows), contract), None, hour(read_hour))
        begin_history(self.warehouse, of)
        publish(self.warehouse, self.target, attempt.table, contract, read_at=attempt.read_at, run_id=run_id)
        for _ in (1, 2):
            record(self.warehouse, of, run_id=run_id, attempt=attempt)
        return count_recorded(self.warehouse, of, run_id=run_id, attempt=attempt)

    def told(self, columns: str = TOLD) -> list[tuple[Any, ...]]:
        table = f'"{self.of.history.schema}"."{self.of.history.name}"'
        return self.warehouse._execute(f'select {columns} from {table} order by "ID", "_VALID_FROM"', {})

    def change(self, assignments: str, run_id: str) -> None:
        """What a tombstone or a refresh does to the current rows of a run, and the history of it."""
        table = f'"{self.target.schema}"."{self.target.name}"'
        self.warehouse._execute(f"update {table} set {assignments}, \"_RUN_ID\" = '{run_id}'", {})
        record(self.warehouse, self.of, run_id=run_id)


def hour(number: int) -> datetime:
    return NOON + timedelta(hours=number)


@pytest.fixture
def world(warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path) -> World:
    return World(warehouse, schema, tmp_path)


def test_an_older_version_that_comes_late_is_put_in_between(world: World) -> None:
    assert world.publish(1, order(KEY, hour=0, name="a")) == 1
    assert world.publish(9, order(KEY, hour=8, name="c")) == 1
    assert world.publish(5, order(KEY, hour=4, name="b")) == 1

    assert world.told() == [
        ("a", False, hour(0), hour(4), False),
        ("b", False, hour(4), hour(8), False),
        ("c", False, hour(8), None, True),
    ]


def test_a_value_read_after_a_later_stamp_was_never_in_force_and_is_proven_by_that(world: World) -> None:
    world.publish(1, order(KEY, hour=0, name="a"))
    world.publish(9, order(KEY, hour=4, name="c"))

    assert world.publish(6, order(KEY, hour=0, name="b")) == 1
    assert [r[0] for r in world.told()] == ["a", "c"]


def test_the_proof_misses_a_version_that_is_not_there(world: World) -> None:
    world.publish(1, order(KEY, hour=0, name="a"), order("801000000000002AAA", hour=0, name="a"))
    attempt = Attempt(loaded(world.warehouse, world.schema, world.folder, [order(KEY, hour=0)]), None, hour(1))
    counts = [count_recorded(world.warehouse, world.of, run_id="run 1", attempt=attempt)]
    table = f'"{world.of.history.schema}"."{world.of.history.name}"'
    world.warehouse._execute(f"delete from {table} where \"ID\" = '{KEY}'", {})

    counts.append(count_recorded(world.warehouse, world.of, run_id="run 1", attempt=attempt))

    assert counts == [0, 0], "another value at the same stamp, then no row at all"


def test_a_tombstone_is_a_version_from_when_the_record_went(world: World) -> None:
    world.publish(1, order(KEY, hour=0, name="a"))
    gone = f'"_DELETED" = true, "_SYNCED_AT" = \'{hour(7)}\', "_DELETED_AT" = \'{hour(5)}\''

    for _ in (1, 2):
        world.change(gone, "run 7")
    world.publish(9, order(KEY, hour=8, name="a"))

    assert world.told() == [
        ("a", False, hour(0), hour(5), False),
        ("a", True, hour(5), hour(8), False),
        ("a", False, hour(8), None, True),
    ]


def test_a_record_found_missing_is_deleted_from_when_that_was_learned(world: World) -> None:
    world.publish(1, order(KEY, hour=0, name="a"))

    world.change(f'"_DELETED" = true, "_SYNCED_AT" = \'{hour(7)}\'', "run 7")

    assert world.told()[1] == ("a", True, hour(7), None, True)


def test_a_tombstone_of_the_same_read_does_not_hide_the_version_it_ends(world: World) -> None:
    world.publish(7, order(KEY, hour=0, name="a"))
    world.change(f'"_DELETED" = true, "_DELETED_AT" = \'{hour(5)}\'', "run 7")

    assert world.told() == [("a", False, hour(0), hour(5), False), ("a", True, hour(5), None, True)]


def test_a_refreshed_value_is_a_version_from_its_read_on(world: World) -> None:
    world.publish(1, order(KEY, hour=0, name="a"))

    for at, name in ((3, "b"), (5, "a")):
        world.change(f"\"NAME\" = '{name}', \"_SYNCED_AT\" = '{hour(at)}'", f"run {at}")

    assert world.told() == [
        ("a", False, hour(0), hour(3), False),
        ("b", False, hour(3), hour(5), False),
        ("a", False, hour(5), None, True),
    ]


REGION = ContractField("Region__c", "region_c", FieldKind.TEXT)


def test_a_new_column_widens_history_and_a_removed_one_keeps_its_values(world: World) -> None:
    wider = replace(ORDER, fields=(*ORDER.fields, REGION))
    world.publish(1, order(KEY, hour=0, name="a"))
    world.warehouse.run("warehouse_elt/add_column", names={"table": world.target, "field": REGION})
    world.publish(3, order(KEY, hour=2, name="b", region_c="EMEA"), contract=wider)
    world.publish(5, order(KEY, hour=4, name="c"))

    assert world.told('"NAME", "REGION_C"') == [("a", None), ("b", "EMEA"), ("c", "EMEA")]


def test_a_change_of_some_columns_leaves_the_versions_that_differ_in_others(world: World) -> None:
    narrow = replace(ORDER, fields=tuple(f for f in ORDER.fields if f.name not in ("Name", "Group")))
    world.publish(1, order(KEY, hour=0, name="a"))
    world.change(f"\"NAME\" = 'b', \"_SYNCED_AT\" = '{hour(2)}'", "run 2")

    world.of = replace(world.of, contract=narrow)
    world.change(f'"QUANTITY" = 7, "_SYNCED_AT" = \'{hour(4)}\'', "run 4")
    world.change(f"\"GROUP\" = 'c', \"_SYNCED_AT\" = '{hour(6)}'", "run 6")

    assert world.told('"NAME", "QUANTITY", "GROUP", "_VALID_FROM"') == [
        ("a", 3, "NA", hour(0)),
        ("b", 3, "NA", hour(2)),
        ("b", 7, "NA", hour(4)),
        ("b", 7, "c", hour(6)),
    ]


def test_rows_of_other_records_are_not_written(world: World) -> None:
    others = [order(f"80200000000{n:04d}AAA", hour=0) for n in range(50)]
    world.publish(1, *others)
    of, attempt = world.of, loaded(world.warehouse, world.schema, world.folder, [others[0], order(KEY, hour=0)])
    names = {"target": of.target, "history": of.history, "contract": ORDER, "others": (), "all_rows": False,
             "attempt": attempt, "rejects": None}  # fmt: skip

    changed = world.warehouse.run(
        "warehouse_elt/merge_into_history", names=names, values={"read_at": hour(2), "run_id": "x"}
    )

    assert changed == [(1, 0, 0)], "inserted, updated, deleted"

"""Fields that come, go, hide and change type, from the source to the table people query, held against the source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy import create_engine

from crm_patterns.core.contracts import DescribedField, FieldKind
from crm_patterns.core.errors import OutOfBudget, StopRun
from crm_patterns.core.ports import Grant, Table
from crm_patterns.core.schema_changes import ChangeKind
from crm_patterns.core.windows import WindowKind
from crm_patterns.state import OperationalState
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from crm_patterns.warehouse.stage import ParquetStage
from tests.pipeline import HOUR, Pipeline
from tests.source_double import DESCRIPTION, NOON, PLENTY, SourceDouble, key, row

SIZE = DescribedField("Size__c", FieldKind.DECIMAL, precision=18, scale=2, source_type="currency", label="Size")
STAMPS = '"_SOURCE_MODIFIED_AT", "SYSTEM_MODSTAMP"'


@pytest.fixture
def pipeline(
    warehouse: SnowflakeWarehouse, connect: Callable[[], Any], schema: str, tmp_path: Path
) -> Iterator[Pipeline]:
    """Three rows, one of them in the bin, published by a first run; time has gone on by two hours since."""
    state = OperationalState(create_engine(f"sqlite:///{tmp_path / 'state.db'}"))
    stage = ParquetStage(LocalFileSystem(), str(tmp_path / "stage"))
    rows = [row(n, at=NOON - n * HOUR, deleted=n == 3) for n in (1, 2, 3)]
    for number, each in enumerate(rows, start=1):
        each["Size__c"] = Decimal(f"{number}.50")
    first = Pipeline(warehouse, stage, state, schema, SourceDouble(rows=rows), connect)
    first.all()
    yield later(first, "run-2")
    state.close()


def later(pipeline: Pipeline, name: str) -> Pipeline:
    pipeline.source.clock += 2 * HOUR
    return pipeline.next_run(name)


def cells(pipeline: Pipeline, columns: str) -> list[tuple[Any, ...]]:
    with pipeline.sql() as rows:
        return rows(f'select {columns} from "{pipeline.schema}"."ACCOUNT" order by "ID"')


def kinds(pipeline: Pipeline) -> list[tuple[ChangeKind, str]]:
    return [(r.change.kind, r.change.field) for r in pipeline.state.schema_changes(pipeline.run)]


def describe(pipeline: Pipeline, *fields: DescribedField) -> None:
    pipeline.source.fields = (*DESCRIPTION.fields, *fields)


def with_size(pipeline: Pipeline) -> Pipeline:
    """After a run that took up Size__c."""
    describe(pipeline, SIZE)
    pipeline.all()
    return later(pipeline, "run-3")


def test_a_new_field_is_filled_for_old_rows_and_no_stamp_moves(pipeline: Pipeline) -> None:
    before = cells(pipeline, STAMPS)
    describe(pipeline, SIZE)

    outcome = pipeline.all()

    assert outcome.tally.read == 0
    assert cells(pipeline, '"SIZE_C"') == [(Decimal("1.50"),), (Decimal("2.50"),), (Decimal("3.50"),)]
    assert cells(pipeline, STAMPS) == before
    assert cells(pipeline, '"_RUN_ID"') == [("run-2",)] * 3
    assert kinds(pipeline) == [(ChangeKind.ADDED, "Size__c")]


def test_a_change_is_handled_and_told_once(pipeline: Pipeline) -> None:
    following = with_size(pipeline)
    before, submitted = cells(following, "*"), following.source.submitted

    following.all()

    assert cells(following, "*") == before
    assert kinds(following) == []
    assert following.source.submitted == submitted


def test_a_read_in_full_needs_no_read_of_single_columns(pipeline: Pipeline) -> None:
    describe(pipeline, SIZE)
    full = pipeline.next_run("full", kind=WindowKind.FULL)

    published = full.publish(full.validate(full.load(full.extract())))
    read_again = full.refill(published)
    full.reconcile(published)

    assert not read_again
    assert cells(full, '"SIZE_C"') == [(Decimal("1.50"),), (Decimal("2.50"),), (Decimal("3.50"),)]
    assert kinds(full) == [(ChangeKind.ADDED, "Size__c")]


@pytest.mark.parametrize("secretive", [False, True])
@pytest.mark.parametrize("hidden", [False, True])
def test_a_field_that_is_gone_keeps_its_values_also_in_rows_that_change(
    pipeline: Pipeline, hidden: bool, secretive: bool
) -> None:
    following = with_size(pipeline)
    source = following.source
    source.secretive = secretive
    source.hidden, source.fields = (
        (frozenset({"Size__c"}), source.fields) if hidden else (frozenset(), DESCRIPTION.fields)
    )
    source.rows[0] = {**row(1, at=source.clock - HOUR, name="Renamed"), "Size__c": Decimal("99.00")}

    outcome = following.all()

    assert outcome.tally.updated == 1
    assert cells(following, '"NAME", "SIZE_C"')[0] == ("Renamed", Decimal("1.50"))
    gone = ChangeKind.ACCESS_LOST if hidden else ChangeKind.REMOVED
    assert kinds(following) == [(ChangeKind.VANISHED if secretive else gone, "Size__c")]
    later(following, "run-4").all()
    assert source.asked_what_exists == 1


def test_access_that_is_given_back_brings_what_changed_meanwhile(pipeline: Pipeline) -> None:
    following = with_size(pipeline)
    following.source.hidden = frozenset({"Size__c"})
    following.all()
    back = later(following, "run-4")
    back.source.hidden = frozenset()
    back.source.rows[1]["Size__c"] = None  # emptied while nobody could see it

    back.all()

    assert cells(back, '"SIZE_C"') == [(Decimal("1.50"),), (None,), (Decimal("3.50"),)]
    assert kinds(back) == [(ChangeKind.RETURNED, "Size__c")]


def test_a_type_that_does_not_fit_goes_on_in_a_new_column_and_the_old_one_is_kept(pipeline: Pipeline) -> None:
    following = with_size(pipeline)
    describe(following, replace(SIZE, kind=FieldKind.DATE, source_type="date"))
    for number, each in enumerate(following.source.rows, start=1):
        each["Size__c"] = date(2026, 1, number)

    following.all()

    found = cells(following, '"SIZE_C", "SIZE_C_V2"')
    assert found == [(Decimal(f"{n}.50"), date(2026, 1, n)) for n in (1, 2, 3)]
    assert kinds(following) == [(ChangeKind.RETYPED, "Size__c")]
    next_one = later(following, "run-4")
    next_one.source.rows[0] = {**row(1, at=next_one.source.clock - HOUR), "Size__c": date(2030, 1, 1)}
    next_one.all()
    assert cells(next_one, '"SIZE_C", "SIZE_C_V2"')[0] == (Decimal("1.50"), date(2030, 1, 1))
    assert kinds(next_one) == []


def test_a_type_that_fits_goes_on_in_its_column(pipeline: Pipeline) -> None:
    following = with_size(pipeline)
    describe(following, replace(SIZE, kind=FieldKind.INTEGER, precision=None, scale=None, source_type="int"))
    following.source.rows[0] = {**row(1, at=following.source.clock - HOUR), "Size__c": 7}

    following.all()

    assert cells(following, '"SIZE_C"') == [(Decimal("7.00"),), (Decimal("2.50"),), (Decimal("3.50"),)]
    assert kinds(following) == [(ChangeKind.WIDENED, "Size__c")]


def test_a_renamed_field_loses_nothing(pipeline: Pipeline) -> None:
    following = with_size(pipeline)
    describe(following, replace(SIZE, name="Extent__c"))
    for each in following.source.rows:
        each["Extent__c"] = each.pop("Size__c")

    following.all()

    assert cells(following, '"SIZE_C", "EXTENT_C"') == [(Decimal(f"{n}.50"),) * 2 for n in (1, 2, 3)]
    assert kinds(following) == [(ChangeKind.RENAMED, "Extent__c")]


def test_killed_at_any_point_and_run_again_it_is_handled_and_told_once(pipeline: Pipeline) -> None:
    describe(pipeline, SIZE)
    wanted = [(Decimal(f"{n}.50"),) for n in (1, 2, 3)]

    published = pipeline.publish(pipeline.validate(pipeline.load(pipeline.extract())))
    pipeline.refill(published)  # killed here: the columns are written, nothing is known
    next_one = later(pipeline, "run-3")  # a run of its own, not a retry
    for _ in (1, 2):
        published = next_one.publish(next_one.validate(next_one.load(next_one.extract())))
        next_one.refill(published)
        next_one.refill(published)
    next_one.reconcile(published)
    next_one.reconcile(published)

    assert cells(next_one, '"SIZE_C"') == wanted
    assert kinds(pipeline) == []
    assert kinds(next_one) == [(ChangeKind.ADDED, "Size__c")]
    assert next_one.source.jobs == {}


def test_a_kill_between_reading_and_writing_the_column_leaves_nothing_half_done(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(pipeline, SIZE)
    published = pipeline.publish(pipeline.validate(pipeline.load(pipeline.extract())))
    run = pipeline.warehouse.run

    def killed(statement: str, **kwargs: Any) -> Any:
        if statement == "warehouse_elt/merge_columns":
            raise KeyboardInterrupt
        return run(statement, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.warehouse, "run", killed)
        with pytest.raises(KeyboardInterrupt):
            pipeline.refill(published)
    assert cells(pipeline, '"SIZE_C"') == [(None,)] * 3
    pipeline.refill(published)
    pipeline.reconcile(published)

    assert cells(pipeline, '"SIZE_C"') == [(Decimal(f"{n}.50"),) for n in (1, 2, 3)]
    assert kinds(pipeline) == [(ChangeKind.ADDED, "Size__c")]


def test_history_has_the_values_from_when_they_were_read_on(pipeline: Pipeline) -> None:
    describe(pipeline, SIZE)

    pipeline.all()

    seen = pipeline.source.clock
    versions = pipeline.history('"SIZE_C", "_VALID_FROM", "_VALID_TO"')
    assert versions[:2] == [(None, NOON - HOUR, seen), (Decimal("1.50"), seen, None)]
    assert len(versions) == 6


def test_history_has_the_values_that_a_killed_run_wrote(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    describe(pipeline, SIZE)
    published = pipeline.publish(pipeline.validate(pipeline.load(pipeline.extract())))
    run = pipeline.warehouse.run

    def killed(statement: str, **kwargs: Any) -> Any:
        if statement == "warehouse_elt/merge_into_history":
            raise KeyboardInterrupt
        return run(statement, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.warehouse, "run", killed)
        with pytest.raises(KeyboardInterrupt):
            pipeline.refill(published)
    later(pipeline, "run-3").all()

    newest = pipeline.history('"SIZE_C", "_IS_CURRENT"')
    assert [size for size, is_current in newest if is_current] == [Decimal(f"{n}.50") for n in (1, 2, 3)]


def test_a_row_that_another_run_read_later_keeps_the_later_value(pipeline: Pipeline) -> None:
    describe(pipeline, SIZE)
    published = pipeline.publish(pipeline.validate(pipeline.load(pipeline.extract())))
    newer = pipeline.source.clock + HOUR
    with pipeline.sql() as rows:
        table = f'"{pipeline.schema}"."ACCOUNT"'
        rows(f'update {table} set "SIZE_C" = 8.25, "_SYNCED_AT" = \'{newer}\' where "ID" = \'{key(1)}\'')

    pipeline.refill(published)

    assert cells(pipeline, '"SIZE_C"')[0] == (Decimal("8.25"),)


def test_a_backfill_of_an_old_window_handles_drift_and_undoes_nothing(pipeline: Pipeline) -> None:
    describe(pipeline, SIZE)
    window = (NOON - 2 * HOUR, NOON - HOUR)
    pipeline.next_run("backfill-1", kind=WindowKind.BACKFILL, interval=window).all()
    filled = cells(pipeline, "*")
    again = pipeline.next_run("backfill-2", kind=WindowKind.BACKFILL, interval=window)

    again.all()

    assert cells(pipeline, '"SIZE_C"') == [(Decimal(f"{n}.50"),) for n in (1, 2, 3)]
    assert cells(pipeline, "*") == filled
    assert kinds(again) == []


def test_a_field_that_vanishes_before_its_column_is_read_does_not_stop_the_run(pipeline: Pipeline) -> None:
    describe(pipeline, SIZE)
    published = pipeline.publish(pipeline.validate(pipeline.load(pipeline.extract())))
    describe(pipeline)

    assert not pipeline.refill(published)
    pipeline.reconcile(published)
    following = later(pipeline, "run-3")
    following.all()

    assert kinds(following) == [(ChangeKind.REMOVED, "Size__c")]


def test_below_the_reserve_a_column_is_left_to_the_next_run_and_nothing_is_forgotten(pipeline: Pipeline) -> None:
    describe(pipeline, SIZE)
    published = pipeline.publish(pipeline.validate(pipeline.load(pipeline.extract())))
    submitted = pipeline.source.submitted
    pipeline.source.grants = replace(PLENTY, calls=Grant(5_000, 100_000))

    with pytest.raises(OutOfBudget, match=r"the reserve of 10% is for others"):
        pipeline.refill(published)
    unread = pipeline.source.submitted == submitted, cells(pipeline, '"SIZE_C"')
    pipeline.source.grants = PLENTY
    following = later(pipeline, "run-3")
    following.all()

    assert unread == (True, [(None,)] * 3)
    assert cells(following, '"SIZE_C"') == [(Decimal(f"{n}.50"),) for n in (1, 2, 3)]
    assert kinds(following) == [(ChangeKind.ADDED, "Size__c")]


def test_without_jobs_a_column_of_few_rows_is_read_row_by_row(pipeline: Pipeline) -> None:
    describe(pipeline, SIZE)
    published = pipeline.publish(pipeline.validate(pipeline.load(pipeline.extract())))
    submitted = pipeline.source.submitted
    pipeline.source.bulk_spent = True

    assert pipeline.refill(published)

    assert (pipeline.source.submitted, cells(pipeline, '"SIZE_C"')[0]) == (submitted, (Decimal("1.50"),))


def test_a_column_read_that_was_killed_goes_on_with_its_job(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(pipeline, SIZE)
    published = pipeline.publish(pipeline.validate(pipeline.load(pipeline.extract())))

    def killed(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.source, "read_job", killed)
        with pytest.raises(KeyboardInterrupt):
            pipeline.refill(published)
    submitted = pipeline.source.submitted
    pipeline.refill(published)

    assert cells(pipeline, '"SIZE_C"') == [(Decimal(f"{n}.50"),) for n in (1, 2, 3)]
    assert (pipeline.source.submitted, pipeline.source.jobs) == (submitted, {})


def test_a_column_that_somebody_altered_by_hand_is_not_written_to(pipeline: Pipeline) -> None:
    following = with_size(pipeline)
    with following.sql() as rows:
        rows(f'alter table "{following.schema}"."ACCOUNT" drop column "SIZE_C"')
        rows(f'alter table "{following.schema}"."ACCOUNT" add column "SIZE_C" boolean')

    with pytest.raises(StopRun, match=r"size_c is BOOLEAN"):
        following.all()


def test_a_table_that_others_made_is_widened_where_that_loses_nothing(pipeline: Pipeline) -> None:
    following = with_size(pipeline)
    table = f'"{following.schema}"."ACCOUNT"'
    with following.sql() as rows:
        for column, kind in (("SIZE_C", "number(18,2)"), ("NAME", "varchar(10)")):
            rows(f'alter table {table} drop column "{column}"')
            rows(f'alter table {table} add column "{column}" {kind}')
    describe(following, replace(SIZE, precision=30))
    longer = {**row(1, at=following.source.clock - HOUR, name="x" * 40), "Size__c": Decimal("12345678901234567890.25")}
    following.source.rows[0] = longer

    following.all()

    assert cells(following, '"NAME", "SIZE_C"')[0] == ("x" * 40, Decimal("12345678901234567890.25"))
    types = following.warehouse.columns(Table(following.schema, "ACCOUNT"))
    assert (types["name"], types["size_c"]) == ("VARCHAR", "NUMBER(38,2)")

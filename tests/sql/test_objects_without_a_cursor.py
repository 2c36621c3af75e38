"""An object without a cursor is reloaded in full and compared: what is gone is marked, what is the same stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy import create_engine

from crm_patterns.core.errors import StopRun
from crm_patterns.core.outcomes import Tally
from crm_patterns.core.own_columns import DeletedHow
from crm_patterns.core.ports import ReadRequest
from crm_patterns.core.staging import StageRef
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.warehouse_elt import NO_CURSOR, FieldChoice
from crm_patterns.state import OperationalState
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from crm_patterns.warehouse.stage import ParquetStage
from tests.pipeline import HOUR, Pipeline
from tests.source_double import NOON, SourceDouble, key, row


@pytest.fixture
def pipeline(
    warehouse: SnowflakeWarehouse, connect: Callable[[], Any], schema: str, tmp_path: Path
) -> Iterator[Pipeline]:
    state = OperationalState(create_engine(f"sqlite:///{tmp_path / 'state.db'}"))
    stage = ParquetStage(LocalFileSystem(), str(tmp_path / "stage"))
    source = SourceDouble(rows=[row(n, at=NOON - HOUR) for n in range(1, 6)])
    yield Pipeline(warehouse, stage, state, schema, source, connect, choice=FieldChoice(cursor=NO_CURSOR))
    state.close()


def living(pipeline: Pipeline) -> list[tuple[Any, ...]]:
    with pipeline.sql() as rows:
        return rows(
            f'select "ID", "NAME", "_RUN_ID" from "{pipeline.schema}"."ACCOUNT" where not "_DELETED" order by 1'
        )


def later(pipeline: Pipeline, name: str) -> Pipeline:
    pipeline.source.clock += HOUR
    return pipeline.next_run(name)


def test_rows_that_are_gone_are_marked_and_the_others_are_not_rewritten(pipeline: Pipeline) -> None:
    pipeline.all()
    pipeline.source.rows = [row(1, at=NOON - HOUR), row(2, at=NOON - HOUR, name="Acme Ltd"), row(6, at=NOON - HOUR)]

    outcome = later(pipeline, "run-2").all()

    assert outcome.tally == Tally(read=6, created=1, updated=1, deleted=3, unchanged=1)
    assert outcome.window is not None
    assert (outcome.window.kind, outcome.window.start) == (WindowKind.FULL, None)
    with pipeline.sql() as rows:
        told = rows(
            'select distinct "_RUN_ID", "_DELETED_HOW", "_DELETED_AT", "_DELETED_LEARNED_AT", "_SYNCED_AT"'
            f' from "{pipeline.schema}"."ACCOUNT" where "_DELETED"'
        )
    assert told == [("run-2", DeletedHow.ID_COMPARISON, None, NOON + HOUR, NOON + HOUR)]
    assert living(pipeline) == [(key(1), "Acme", "run-1"), (key(2), "Acme Ltd", "run-2"), (key(6), "Acme", "run-2")]


def test_a_row_that_comes_back_lives_again(pipeline: Pipeline) -> None:
    pipeline.all()
    everyone = pipeline.source.rows
    pipeline.source.rows = everyone[1:]
    later(pipeline, "run-2").all()
    pipeline.source.rows = everyone

    outcome = later(pipeline, "run-3").all()

    assert outcome.tally == Tally(read=5, updated=1, unchanged=4)
    assert [found[0] for found in living(pipeline)] == [key(n) for n in range(1, 6)]


def test_a_row_in_quarantine_is_not_taken_for_gone(pipeline: Pipeline) -> None:
    pipeline.all()
    pipeline.source.rows[0] = row(1, at=NOON - HOUR, name=None)

    outcome = later(pipeline, "run-2").all()

    assert outcome.tally == Tally(read=5, unchanged=4, rejected=1)
    assert len(living(pipeline)) == 5


def test_an_old_read_published_late_deletes_nothing_that_came_after_it(pipeline: Pipeline) -> None:
    early = pipeline.next_run("run-0")
    checked = early.validate(early.load(early.extract()))
    pipeline.source.rows.append(row(6, at=NOON - HOUR))
    later(pipeline, "run-1").all()

    early.reconcile(early.publish(checked))

    assert len(living(pipeline)) == 6


def test_publishing_twice_reports_the_same_and_changes_nothing_more(pipeline: Pipeline) -> None:
    pipeline.all()
    pipeline.source.rows.pop()
    second = later(pipeline, "run-2")
    checked = second.validate(second.load(second.extract()))

    first, before = second.publish(checked), pipeline.table()
    again = second.publish(checked)

    assert first == again
    assert pipeline.table() == before
    assert second.reconcile(again).tally == Tally(read=5, deleted=1, unchanged=4)


def counted_as(pipeline: Pipeline, rows: int) -> StageRef:
    """The five rows staged, under a count that says otherwise."""
    manifest = pipeline.stage.manifest(pipeline.extract())
    request = ReadRequest("Account", tuple(f.name for f in manifest.contract.fields), None, manifest.address.window)
    with pipeline.stage.open(replace(manifest.address, attempt_id="counted"), manifest.contract) as writer:
        for page in pipeline.source.read_rows(request, manifest.contract):
            writer.write(page)
        return writer.commit(replace(manifest.evidence, source_count=rows))


def test_a_row_that_is_there_and_did_not_come_is_never_explained_away(pipeline: Pipeline) -> None:
    """Without a cursor it cannot be told from a new one, so the window is not proven; the next read brings it."""
    ref = counted_as(pipeline, 6)
    pipeline.source.rows.append(row(6, at=NOON - HOUR))

    with pytest.raises(StopRun, match=r"counted 6 rows but 5 came; 1 NOT explained"):
        pipeline.reconcile(pipeline.publish(pipeline.validate(pipeline.load(ref))))


def test_a_row_that_went_after_the_count_is_explained(pipeline: Pipeline) -> None:
    ref = counted_as(pipeline, 6)
    pipeline.source.rows.pop()

    outcome = pipeline.reconcile(pipeline.publish(pipeline.validate(pipeline.load(ref))))

    assert outcome.tally == Tally(read=5, created=5)

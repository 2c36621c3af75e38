"""Extract → load → validate → publish → reconcile on the local warehouse: twice, half-way, empty, and lying sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy import create_engine

from crm_patterns.core.errors import StopRun
from crm_patterns.core.outcomes import RunState, Tally
from crm_patterns.core.ports import RunKey
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.warehouse_elt import FieldChoice
from crm_patterns.state import OperationalState
from crm_patterns.steps.close_run import close_run, raise_if_failed
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from crm_patterns.warehouse.stage import ParquetStage
from tests.pipeline import HOUR, Pipeline
from tests.source_double import NOON, SourceDouble, key, row

Connect = Callable[[], Any]


@pytest.fixture
def pipeline(warehouse: SnowflakeWarehouse, connect: Connect, schema: str, tmp_path: Path) -> Iterator[Pipeline]:
    state = OperationalState(create_engine(f"sqlite:///{tmp_path / 'state.db'}"))
    stage = ParquetStage(LocalFileSystem(), str(tmp_path / "stage"))
    source = SourceDouble(
        rows=[
            row(1, at=NOON - 3 * HOUR),
            row(2, at=NOON - 2 * HOUR, name=None),
            row(3, at=NOON - HOUR, deleted=True),
        ]
    )
    yield Pipeline(warehouse, stage, state, schema, source, connect)
    state.close()


def test_every_record_ends_somewhere_and_then_the_watermark_moves(pipeline: Pipeline) -> None:
    outcome = pipeline.all()

    assert outcome.state is RunState.PARTIAL
    assert outcome.tally == Tally(read=3, created=2, rejected=1)
    assert [r[0] for r in pipeline.table()] == [key(1), key(3)]
    assert pipeline.state.watermark("salesforce", "Account") == NOON


def test_the_rejected_record_is_in_quarantine_with_reason_and_payload(pipeline: Pipeline) -> None:
    pipeline.all()

    columns, rows = pipeline.state.ops_rows("quarantine", pipeline.run)
    entry = dict(zip(columns, rows[0], strict=True))
    assert (entry["record_key"], entry["rule"], entry["reason"]) == (
        key(2),
        "name_is_filled",
        "Name is empty; fill it in.",
    )


def test_a_second_run_over_the_same_rows_changes_nothing(pipeline: Pipeline) -> None:
    pipeline.all()
    before = pipeline.table()

    again = pipeline.next_run("run-2", kind=WindowKind.FULL).all()

    assert again.tally == Tally(read=3, unchanged=2, rejected=1)
    assert pipeline.table() == before


def test_a_step_run_twice_gives_what_running_it_once_gives(pipeline: Pipeline) -> None:
    ref = pipeline.extract()
    pipeline.load(ref)
    loaded = pipeline.load(ref)
    pipeline.validate(loaded)
    checked = pipeline.validate(loaded)
    first = pipeline.publish(checked)
    before = pipeline.table()
    second = pipeline.publish(checked)

    assert second == first
    assert pipeline.table() == before
    assert pipeline.reconcile(second).tally == Tally(read=3, created=2, rejected=1)


def test_a_task_killed_after_its_merge_reports_what_the_merge_did(pipeline: Pipeline) -> None:
    checked = pipeline.validate(pipeline.load(pipeline.extract()))
    pipeline.publish(checked)  # killed here: the answer never reached Airflow

    assert pipeline.publish(checked).tally == Tally(read=3, created=2, rejected=1)


def test_a_row_edited_deleted_and_restored_follows_the_source(pipeline: Pipeline) -> None:
    pipeline.all()
    pipeline.source.rows[0] = row(1, at=NOON + HOUR, name="Acme Ltd", deleted=True)
    pipeline.source.clock = NOON + 2 * HOUR
    deleted = pipeline.next_run("run-2").all()
    pipeline.source.rows[0] = row(1, at=NOON + 3 * HOUR, name="Acme Ltd")
    pipeline.source.clock = NOON + 4 * HOUR
    restored = pipeline.next_run("run-3").all()

    assert (deleted.tally.deleted, restored.tally.updated) == (1, 1)
    with pipeline.sql() as rows:
        found = rows(f'select "NAME", "_DELETED" from "{pipeline.schema}"."ACCOUNT" where "ID" = \'{key(1)}\'')
    assert found == [("Acme Ltd", False)]


def test_a_record_that_was_mended_leaves_quarantine(pipeline: Pipeline) -> None:
    pipeline.all()
    pipeline.source.rows[1] = row(2, at=NOON + HOUR, name="Found")
    pipeline.source.clock = NOON + 2 * HOUR

    mended = pipeline.next_run("run-2").all()

    assert mended.tally == Tally(read=1, created=1)
    assert pipeline.state.open_quarantine_keys("salesforce", "Account") == []


def test_a_backfill_leaves_the_watermark_and_never_brings_back_an_older_version(pipeline: Pipeline) -> None:
    pipeline.all()
    before = pipeline.table()

    outcome = pipeline.next_run("backfill", kind=WindowKind.BACKFILL, interval=(NOON - 4 * HOUR, NOON - 2 * HOUR)).all()

    assert outcome.tally == Tally(read=1, unchanged=1)
    assert pipeline.table() == before
    assert pipeline.state.watermark("salesforce", "Account") == NOON


def test_a_job_that_sends_fewer_rows_than_it_says_is_red_and_the_watermark_stays(pipeline: Pipeline) -> None:
    pipeline.source.lose = 1

    with pytest.raises(StopRun, match="the source said it sent 3 ≠ rows staged or set aside 2"):
        pipeline.all()

    assert pipeline.state.watermark("salesforce", "Account") is None


def test_a_row_the_count_knows_and_the_job_does_not_is_red_when_nothing_explains_it(pipeline: Pipeline) -> None:
    ref = pipeline.extract()
    manifest = pipeline.stage.manifest(ref)
    pipeline.source.rows.append(row(9, at=NOON - 5 * HOUR))
    lying = replace(manifest.evidence, source_count=4)
    with pipeline.stage.open(replace(manifest.address, attempt_id="lying"), manifest.contract) as writer:
        for page in pipeline.source.read_rows(_request(manifest), manifest.contract):
            writer.write(replace(page, rows=page.rows.slice(0, 3)))
        ref = writer.commit(lying)

    with pytest.raises(StopRun, match=r"counted 4 rows but 3 came; 1 NOT explained"):
        pipeline.reconcile(pipeline.publish(pipeline.validate(pipeline.load(ref))))


def test_a_row_that_committed_late_is_explained_and_read_by_the_next_run(pipeline: Pipeline) -> None:
    published = pipeline.publish(pipeline.validate(pipeline.load(pipeline.extract())))
    pipeline.source.rows.append(row(9, at=NOON - timedelta(minutes=5)))
    pipeline.source.clock = NOON + HOUR

    pipeline.reconcile(published)
    late = pipeline.next_run("run-2").all()

    assert late.tally == Tally(read=1, created=1)


def test_a_value_that_changed_although_its_stamp_did_not_is_recorded_with_its_field(pipeline: Pipeline) -> None:
    pipeline.all()
    pipeline.source.rows[0] = row(1, at=NOON - 3 * HOUR, name="Silently")
    pipeline.source.clock = NOON + HOUR

    pipeline.next_run("run-2", kind=WindowKind.FULL).all()

    (silent,) = pipeline.state.silent_changes(RunKey("crm_warehouse_elt", "run-2"))
    assert (silent.object_name, silent.field_name, silent.rows, silent.is_new) == ("Account", "Name", 1, True)
    assert pipeline.state.silent_changes(pipeline.run) == []


def test_a_field_that_settings_name_is_no_news(pipeline: Pipeline) -> None:
    pipeline.choice = FieldChoice(refresh=("Name",))
    pipeline.all()
    pipeline.source.rows[0] = row(1, at=NOON - 3 * HOUR, name="Silently")
    pipeline.source.clock = NOON + HOUR

    outcome = pipeline.next_run("run-2", kind=WindowKind.FULL).all()

    assert outcome.tally.updated == 1
    assert pipeline.state.silent_changes(RunKey("crm_warehouse_elt", "run-2")) == []


def test_an_empty_window_is_proven_too(pipeline: Pipeline) -> None:
    pipeline.source.rows.clear()

    outcome = pipeline.all()

    assert (outcome.state, outcome.tally) == (RunState.SUCCESS, Tally())
    assert pipeline.table() == []
    assert pipeline.state.watermark("salesforce", "Account") == NOON


def test_too_many_rejected_rows_publish_nothing(pipeline: Pipeline) -> None:
    pipeline.max_rejected_share = 0.2

    with pytest.raises(StopRun, match=r"1 of 3 rows of Account \(33.3%\) would be set aside"):
        pipeline.all()

    assert pipeline.table() == []


def test_the_attempts_tables_are_gone_after_the_proof(pipeline: Pipeline) -> None:
    pipeline.all()

    with pipeline.sql() as rows:
        left = rows(f"select table_name from information_schema.tables where table_schema = '{pipeline.schema}_A'")
    assert left == []


def test_the_runs_ledger_is_published_once_however_often_it_is_closed(pipeline: Pipeline) -> None:
    pipeline.all()
    for _ in (1, 2):
        summary = close_run(
            pipeline.warehouse,
            pipeline.state,
            pipeline.run,
            attempt_schema=f"{pipeline.schema}_A",
            keep_attempts=HOUR,
            expected=["Account"],
        )

    assert summary.state is RunState.PARTIAL
    with pipeline.sql() as rows:
        found = rows(
            "select state, records_read, records_created, records_rejected from ops.runs where run_id = 'run-1'"
        )
        held = rows("select record_key, reason from ops.quarantine where run_id = 'run-1'")
    assert ("partial", 3, 2, 1) in found
    assert (key(2), "Name is empty; fill it in.") in held


def _request(manifest: Any) -> Any:
    from crm_patterns.core.ports import ReadRequest

    fields = tuple(f.name for f in manifest.contract.fields)
    return ReadRequest("Account", fields, "SystemModstamp", manifest.address.window)


def test_an_object_that_ended_without_a_word_makes_the_run_red(pipeline: Pipeline) -> None:
    pipeline.all()

    summary = close_run(
        pipeline.warehouse,
        pipeline.state,
        pipeline.run,
        attempt_schema=f"{pipeline.schema}_A",
        keep_attempts=HOUR,
        expected=["Account", "Lead"],
    )

    assert summary.state is RunState.FAILED
    with pytest.raises(StopRun, match=r"1 of 2 objects are not proven\. Lead: Lead was not finished"):
        raise_if_failed(summary)

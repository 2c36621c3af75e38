from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy import create_engine

from crm_patterns.core.errors import RetryLater, SchemaMoved
from crm_patterns.core.ports import JobState, JobStatus, RunKey
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.warehouse_elt import FieldChoice
from crm_patterns.state import OperationalState
from crm_patterns.steps import extract
from crm_patterns.steps.read_plan import ExtractOrder, plan
from crm_patterns.warehouse.stage import ParquetStage
from tests.source_double import NOON, SourceDouble, key, row

MINUTE = timedelta(minutes=1)
ORDER = ExtractOrder(
    run=RunKey("crm_warehouse_elt", "run-1"),
    object_name="Account",
    choice=FieldChoice(),
    read="bulk",
    kind=WindowKind.INCREMENTAL,
    interval=None,
    lag=2 * MINUTE,
    overlap=15 * MINUTE,
    rest_below=2,
)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[OperationalState]:
    state = OperationalState(create_engine(f"sqlite:///{tmp_path / 'state.db'}"))
    yield state
    state.close()


@pytest.fixture
def stage(tmp_path: Path) -> ParquetStage:
    return ParquetStage(LocalFileSystem(), str(tmp_path / "stage"))


def three_rows() -> list[dict[str, object]]:
    return [row(n, at=NOON - timedelta(hours=n)) for n in (1, 2, 3)]


def test_rows_younger_than_the_lag_are_left_to_the_next_run(state: OperationalState) -> None:
    source = SourceDouble(rows=[row(1, at=NOON - MINUTE), row(2, at=NOON - 3 * MINUTE)])

    planned = plan(source, state, ORDER)

    assert (planned.source_count, planned.request.window.end) == (1, NOON - 2 * MINUTE)


def test_a_retry_of_a_run_reads_the_same_window_although_time_went_on(state: OperationalState) -> None:
    first = plan(SourceDouble(), state, ORDER)
    second = plan(SourceDouble(clock=NOON + timedelta(hours=5)), state, ORDER)

    assert first.request.window == second.request.window


def test_a_killed_task_goes_on_with_the_same_job(state: OperationalState) -> None:
    source = SourceDouble(rows=three_rows())
    _, submitted = extract.start(source, state, ORDER)

    resumed = extract.resume(source, state, ORDER)

    assert resumed == (submitted, JobStatus(JobState.READY, rows=3))
    assert source.submitted == 1


def test_a_job_the_source_no_longer_knows_is_forgotten(state: OperationalState) -> None:
    source = SourceDouble(rows=three_rows())
    _, submitted = extract.start(source, state, ORDER)
    assert submitted is not None
    source.discard(submitted.job_id)

    assert extract.resume(source, state, ORDER) is None
    assert extract.start(source, state, ORDER)[1] != submitted


def test_another_run_does_not_take_over_this_runs_job(state: OperationalState) -> None:
    source = SourceDouble(rows=three_rows())
    extract.start(source, state, ORDER)

    assert extract.resume(source, state, replace(ORDER, run=RunKey("crm_warehouse_elt", "run-2"))) is None


def test_an_object_that_bulk_refuses_is_read_row_by_row_and_says_so(
    state: OperationalState, stage: ParquetStage
) -> None:
    source = SourceDouble(rows=three_rows(), refuses_bulk=True)

    planned, job = extract.start(source, state, ORDER)
    ref = extract.read_rows_to_stage(source, stage, state, ORDER, planned, attempt_id="a1")

    assert (job, planned.method) == (None, "rest")
    assert stage.manifest(ref).evidence.method_reason == "the source refuses this object in bulk"
    assert ref.rows == 3


def test_a_field_that_vanishes_is_asked_for_once_more_and_no_more(state: OperationalState) -> None:
    moved_once, moving = SourceDouble(rows=three_rows(), moves=1), SourceDouble(rows=three_rows(), moves=2)

    extract.start(moved_once, state, ORDER)

    assert moved_once.described == 2
    with pytest.raises(SchemaMoved):
        extract.start(moving, state, ORDER)


def test_a_job_that_is_ready_at_once_is_not_waited_for(state: OperationalState) -> None:
    source, slept = SourceDouble(rows=three_rows()), []
    _, job = extract.start(source, state, ORDER)
    assert job is not None

    status = extract.wait_briefly(source, job.job_id, grace_s=5, sleep=slept.append, clock=lambda: sum(slept))

    assert (status.state, slept) == (JobState.READY, [])


def test_a_job_that_was_seen_ready_is_not_asked_for_again(state: OperationalState, stage: ParquetStage) -> None:
    source = SourceDouble(rows=three_rows())
    extract.start(source, state, ORDER)
    job, seen = extract.resume(source, state, ORDER) or pytest.fail("the job is remembered")
    asked = source.polls

    job, status = extract.settle(source, state, ORDER, job, grace_s=5, seen=seen)
    ref = extract.read_job_to_stage(source, stage, state, ORDER, job, attempt_id="a1", seen=status)

    assert (ref.rows, source.polls) == (3, asked)


def test_a_slow_job_is_left_after_the_grace(state: OperationalState) -> None:
    source, slept = SourceDouble(rows=three_rows(), waiting_polls=99), []
    _, job = extract.start(source, state, ORDER)
    assert job is not None

    status = extract.wait_briefly(source, job.job_id, grace_s=5, sleep=slept.append, clock=lambda: sum(slept))

    assert status.state is JobState.WAITING
    assert sum(slept) <= 5


def test_a_stuck_job_is_deleted_and_forgotten(state: OperationalState) -> None:
    source = SourceDouble(rows=three_rows(), waiting_polls=99)
    _, job = extract.start(source, state, ORDER)
    assert job is not None

    error = extract.abandon(source, state, ORDER, job.job_id, waited_s=7200)

    assert isinstance(error, RetryLater)
    assert "took over 7,200 s" in str(error)
    assert source.jobs == {}
    assert extract.resume(source, state, ORDER) is None


def test_the_job_goes_only_after_its_rows_are_staged(state: OperationalState, stage: ParquetStage) -> None:
    source = SourceDouble(rows=three_rows())
    _, job = extract.start(source, state, ORDER)
    assert job is not None

    ref = extract.read_job_to_stage(source, stage, state, ORDER, job, attempt_id="a1")

    manifest = stage.manifest(ref)
    assert (manifest.rows, manifest.evidence.server_rows, manifest.evidence.source_count) == (3, 3, 3)
    assert sorted(stage.keys(ref, "id")) == [key(1), key(2), key(3)]
    assert (source.jobs, extract.resume(source, state, ORDER)) == ({}, None)


def test_an_empty_window_is_staged_without_asking_for_rows(state: OperationalState, stage: ParquetStage) -> None:
    ahead = (NOON + timedelta(days=1), NOON + timedelta(days=2))
    order = replace(ORDER, kind=WindowKind.BACKFILL, interval=ahead)
    source = SourceDouble(rows=three_rows())

    planned, job = extract.start(source, state, order)
    ref = extract.read_rows_to_stage(source, stage, state, order, planned, attempt_id="a1")

    assert (job, ref.rows, stage.manifest(ref).parts) == (None, 0, ())

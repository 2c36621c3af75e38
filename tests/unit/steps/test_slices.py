"""A window read by several jobs: killed, failed, stuck, and all of it in one stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy import create_engine

from crm_patterns.core.errors import RetryLater
from crm_patterns.core.ports import JobState, JobStatus, ReadRequest, RememberedJob
from crm_patterns.state import OperationalState
from crm_patterns.steps import extract, slices
from crm_patterns.warehouse.stage import ParquetStage
from tests.source_double import NOON, SourceDouble, key, row
from tests.unit.steps.test_extract import ORDER

HOUR = timedelta(hours=1)
SLICED = replace(ORDER, slice_rows=3)


@dataclass
class JobsDouble(SourceDouble):
    """Jobs fail or wait by their number; `asked` is what each was to read."""

    fails: set[str] = field(default_factory=set)
    waits: set[str] = field(default_factory=set)
    asked: dict[str, ReadRequest] = field(default_factory=dict)

    def submit(self, request: ReadRequest) -> str:
        job_id = super().submit(request)
        self.asked[job_id] = request
        return job_id

    def job_status(self, job_id: str) -> JobStatus:
        if job_id in self.fails and job_id in self.jobs:
            return JobStatus(JobState.FAILED, problem="QUERY_TIMEOUT: Your query request was running for too long.")
        if job_id in self.waits and job_id in self.jobs:
            return JobStatus(JobState.WAITING)
        return super().job_status(job_id)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[OperationalState]:
    state = OperationalState(create_engine(f"sqlite:///{tmp_path / 'state.db'}"))
    yield state
    state.close()


@pytest.fixture
def stage(tmp_path: Path) -> ParquetStage:
    return ParquetStage(LocalFileSystem(), str(tmp_path / "stage"))


def twelve_rows(**more: Any) -> JobsDouble:
    return JobsDouble(rows=[row(n, at=NOON - n * HOUR) for n in range(1, 13)], **more)


def begun(source: JobsDouble, state: OperationalState) -> RememberedJob:
    _, job = extract.start(source, state, SLICED)
    assert job is not None
    return job


def settled(source: JobsDouble, state: OperationalState, job: RememberedJob) -> RememberedJob:
    job, status = extract.settle(source, state, SLICED, job, grace_s=0)
    assert status.state is JobState.READY
    return job


def staged(source: JobsDouble, stage: ParquetStage, state: OperationalState, job: RememberedJob) -> list[str]:
    ref = extract.read_job_to_stage(source, stage, state, SLICED, job, attempt_id="a1")
    manifest = stage.manifest(ref)
    assert (manifest.rows, manifest.evidence.server_rows, manifest.evidence.source_count) == (12, 12, 12)
    assert manifest.evidence.method_reason.endswith("; in slices of SystemModstamp")
    assert manifest.evidence.job_id == " ".join(piece.job_id for piece in job.slices)
    return sorted(stage.keys(ref, "id"))


def test_a_large_window_is_read_by_several_jobs_into_one_stage(state: OperationalState, stage: ParquetStage) -> None:
    source = twelve_rows()

    job = settled(source, state, begun(source, state))

    assert len(job.slices) == source.submitted > 3
    assert staged(source, stage, state, job) == [key(n) for n in range(1, 13)]
    assert (source.jobs, extract.resume(source, state, SLICED)) == ({}, None)


def test_a_window_that_is_small_enough_is_one_job(state: OperationalState) -> None:
    source = twelve_rows()

    _, job = extract.start(source, state, replace(ORDER, slice_rows=12))

    assert job is not None
    assert (job.slices, source.submitted) == ((), 1)


def test_only_a_few_jobs_wait_at_the_source_at_once(state: OperationalState) -> None:
    source = twelve_rows(waits={f"750{n}" for n in range(1, 100)})

    job = begun(source, state)
    again = extract.resume(source, state, SLICED)

    assert source.submitted == slices.AT_ONCE
    assert again == (job, None)
    assert job.job_id == "7501"
    source.waits.clear()
    assert settled(source, state, job).slices[-1].job_id
    assert source.submitted == len(job.slices)


def test_a_killed_task_goes_on_with_the_jobs_there_are(state: OperationalState, stage: ParquetStage) -> None:
    source = twelve_rows()
    begun(source, state)  # killed here: three jobs are made
    before = dict(source.asked)

    resumed = extract.resume(source, state, SLICED)
    assert resumed is not None
    job = settled(source, state, resumed[0])
    submitted = source.submitted
    read_once = extract.resume(source, state, SLICED)  # killed while it was read
    assert read_once is not None

    assert {job_id: source.asked[job_id] for job_id in before} == before
    assert staged(source, stage, state, settled(source, state, read_once[0])) == [key(n) for n in range(1, 13)]
    assert source.submitted == submitted == len(job.slices)


def test_a_job_that_is_gone_is_made_anew_and_no_other(state: OperationalState, stage: ParquetStage) -> None:
    source = twelve_rows()
    job = settled(source, state, begun(source, state))
    source.discard(job.slices[1].job_id)

    resumed = extract.resume(source, state, SLICED)
    assert resumed is not None

    assert source.submitted == len(job.slices) + 1
    assert staged(source, stage, state, settled(source, state, resumed[0])) == [key(n) for n in range(1, 13)]


def test_a_slice_whose_job_fails_is_read_in_two(state: OperationalState, stage: ParquetStage) -> None:
    source = twelve_rows(fails={"7502"})

    first = begun(source, state)
    job = settled(source, state, first)

    assert len(job.slices) > len(first.slices)
    assert "7502" not in source.jobs
    assert staged(source, stage, state, job) == [key(n) for n in range(1, 13)]


def test_a_slice_that_is_stuck_is_aborted_and_read_in_two(state: OperationalState, stage: ParquetStage) -> None:
    source = twelve_rows(waits={"7501"})
    job = begun(source, state)

    job = extract.shorten(source, state, SLICED, job)

    assert "7501" not in source.jobs
    assert staged(source, stage, state, settled(source, state, job)) == [key(n) for n in range(1, 13)]


def test_a_job_that_fails_however_small_its_slice_is_no_matter_of_size(state: OperationalState) -> None:
    source = twelve_rows(fails={f"750{n}" for n in range(1, 100)})

    with pytest.raises(RetryLater, match="QUERY_TIMEOUT"):
        settled(source, state, begun(source, state))
    assert source.submitted < 20

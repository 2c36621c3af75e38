"""
Source → typed Parquet: decide what to read, read it by a bulk job or row by row, stage it.

A job's id is kept in the state database before anything waits for it, so that a killed task goes on with the same job.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC

from crm_patterns.core.errors import BulkSpent, RetryLater, SchemaMoved
from crm_patterns.core.ports import (
    BulkRefused,
    JobState,
    JobStatus,
    RememberedJob,
    Source,
    Stage,
    State,
)
from crm_patterns.core.staging import ReadEvidence, StageAddress, StageRef
from crm_patterns.steps import slices
from crm_patterns.steps.deletions import deletions_since, learn, stage_rows
from crm_patterns.steps.quota import choose
from crm_patterns.steps.read_plan import ExtractOrder, ReadPlan, plan

log = logging.getLogger(__name__)


def resume(source: Source, state: State, order: ExtractOrder) -> tuple[RememberedJob, JobStatus | None] | None:
    """
    The job that an earlier try of this run left, if the source still has it and it did not fail, and how it was seen.

    Of several jobs none speaks for all: then there is no status.
    """
    job = state.remembered_job(order.run, source.name, order.object_name)
    if job is None:
        return None
    if job.slices:
        log.info("Going on with the bulk jobs of %s slices.", len(job.slices))
        return slices.advance(source, state, order.run, job), None
    status = source.job_status(job.job_id)
    if status.state in (JobState.READY, JobState.WAITING):
        log.info("Going on with bulk job %s, submitted at %s.", job.job_id, job.submitted_at.isoformat())
        return job, status
    log.info("Bulk job %s is %s (%s); starting over.", job.job_id, status.state.value, status.problem or "no text")
    state.forget_job(order.run, source.name, order.object_name)
    return None


def submit(
    source: Source, state: State, order: ExtractOrder, planned: ReadPlan
) -> tuple[ReadPlan, RememberedJob | None]:
    """
    Start the bulk job of a plan and keep its id. Where the source refuses one, the plan is to read row by row, unless
    the day's jobs are spent and the rows are too many for that: OutOfBudget.
    """
    try:
        if planned.request.cursor and 0 < order.slice_rows < planned.source_count:
            return planned, slices.begin(source, state, order.run, planned, most=order.slice_rows)
        job_id = source.submit(planned.request)
    except BulkRefused as refused:
        log.info("%s is not served in bulk (%s); reading row by row.", order.object_name, refused)
        return replace(planned, method="rest", method_reason="the source refuses this object in bulk"), None
    except BulkSpent as spent:
        means = replace(order.means, bulk_is_out=spent.problem.rstrip("."))
        method, reason = choose(order.read, rows=planned.source_count, rest_below=order.rest_below, by=means)
        return replace(planned, method=method, method_reason=reason), None
    job = RememberedJob(
        job_id, planned.request, planned.contract, planned.source_count, planned.read_at, planned.method_reason
    )
    state.remember_job(order.run, source.name, job)
    log.info("Submitted bulk job %s.", job_id)
    return planned, job


def start(source: Source, state: State, order: ExtractOrder) -> tuple[ReadPlan, RememberedJob | None]:
    """
    Plan, and submit where a bulk job is the way. A field that vanished meanwhile: describe once more.

    What the plan will leave as known of the object's fields is kept before anything is read.
    """
    try:
        return _started(source, state, order)
    except SchemaMoved as moved:
        log.warning("%s Describing %s again.", moved.problem, order.object_name)
    return _started(source, state, order)


def _started(source: Source, state: State, order: ExtractOrder) -> tuple[ReadPlan, RememberedJob | None]:
    planned = plan(source, state, order)
    if planned.schema is not None:
        state.plan_schema(order.run, source.name, order.object_name, planned.schema)
    return submit(source, state, order, planned) if planned.method == "bulk" else (planned, None)


def wait_briefly(
    source: Source,
    job_id: str,
    *,
    grace_s: float,
    seen: JobStatus | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> JobStatus:
    """
    Poll from 0.1 s on, doubling, for at most `grace_s` seconds: a job that is ready at once needs no deferral.

    `seen`: how the job was a moment ago; it is not asked for again before the first pause.
    """
    give_up, pause = clock() + grace_s, 0.1
    status = seen or source.job_status(job_id)
    while status.state is JobState.WAITING and clock() + pause <= give_up:
        sleep(pause)
        pause = min(pause * 2, 2.0)
        status = source.job_status(job_id)
    return status


def settle(
    source: Source,
    state: State,
    order: ExtractOrder,
    job: RememberedJob,
    *,
    grace_s: float,
    seen: JobStatus | None = None,
) -> tuple[RememberedJob, JobStatus]:
    """Wait briefly; where several jobs read the window, see each to its end. WAITING: the one named is not ready."""
    status = wait_briefly(source, job.job_id, grace_s=grace_s, seen=seen)
    while job.slices and status.state is not JobState.WAITING and not slices.is_ready(source, job):
        job = slices.advance(source, state, order.run, job)
        status = wait_briefly(source, job.job_id, grace_s=grace_s)
    return job, status


def shorten(source: Source, state: State, order: ExtractOrder, job: RememberedJob) -> RememberedJob:
    """One job of several is stuck: read its slice in pieces."""
    return slices.advance(source, state, order.run, slices.give_up_on(source, state, order.run, job))


def abandon(source: Source, state: State, order: ExtractOrder, job_id: str, *, waited_s: float) -> RetryLater:
    """Abort and delete a job that is stuck; returns the error to raise."""
    source.discard(job_id)
    state.forget_job(order.run, source.name, order.object_name)
    return RetryLater(
        f"The bulk job {job_id} for {order.object_name} took over {waited_s:,.0f} s; it was aborted and deleted.",
        fix="The next try submits a new one; if this repeats, look at the CRM's job queue or raise job_deadline_s.",
    )


def read_job_to_stage(
    source: Source,
    stage: Stage,
    state: State,
    order: ExtractOrder,
    job: RememberedJob,
    *,
    attempt_id: str,
    seen: JobStatus | None = None,
) -> StageRef:
    """
    Stage all rows of a READY job. The job is deleted only after the manifest is written.

    `seen`: how it was when the wait for it ended; else it is asked for. Of several jobs each is.
    """
    rows = slices.rows_of(source, job) if job.slices else _rows_of(source, state, order, job, seen)
    window = job.request.window
    address = StageAddress(source.name, order.object_name, window, attempt_id)
    since = deletions_since(state, source.name, order.object_name, window.kind)
    due = learn(source, job.request, since=since, looked=None)
    pages = slices.pages_of(source, job) if job.slices else source.read_job(job.job_id, job.contract)
    with stage.open(address, job.contract) as writer:
        stage_rows(source, writer, pages, job.contract, due)
        evidence = ReadEvidence(
            method="bulk",
            method_reason=job.method_reason,
            source_count=job.source_count,
            server_rows=rows,
            job_id=" ".join(piece.job_id for piece in job.slices) or job.job_id,
            read_at=job.submitted_at.astimezone(UTC).isoformat(),
            calls=source.usage().calls_made,
        )
        ref = writer.commit(evidence)
    if job.slices:
        slices.discard(source, job)
    else:
        source.discard(job.job_id)
    state.forget_job(order.run, source.name, order.object_name)
    return ref


def _rows_of(source: Source, state: State, order: ExtractOrder, job: RememberedJob, seen: JobStatus | None) -> int:
    status = seen or source.job_status(job.job_id)
    if status.state is not JobState.READY or status.rows is None:
        state.forget_job(order.run, source.name, order.object_name)
        error = SchemaMoved if status.schema_moved else RetryLater
        raise error(
            f"Bulk job {job.job_id} for {order.object_name} is {status.state.value}: {status.problem or 'no text'}.",
            fix="The next try submits a new one.",
        )
    return status.rows


def read_rows_to_stage(
    source: Source, stage: Stage, state: State, order: ExtractOrder, planned: ReadPlan, *, attempt_id: str
) -> StageRef:
    """Stage the plan's rows, read without a job; a window in which the source counts none is not asked for."""
    window, contract = planned.request.window, planned.contract
    address = StageAddress(source.name, order.object_name, window, attempt_id)
    since = deletions_since(state, source.name, order.object_name, window.kind)
    due = learn(source, planned.request, since=since, looked=planned.deletions)
    with stage.open(address, contract) as writer:
        pages = source.read_rows(planned.request, contract) if planned.source_count else iter(())
        received = stage_rows(source, writer, pages, contract, due)
        evidence = ReadEvidence(
            method="rest",
            method_reason=planned.method_reason,
            source_count=planned.source_count,
            server_rows=received,
            job_id=None,
            read_at=planned.read_at.astimezone(UTC).isoformat(),
            calls=source.usage().calls_made,
        )
        return writer.commit(evidence)

"""
A window that is too large for one bulk job, read by several: a few run at once, and all go into one stage.

Every job's id is kept before anything waits for it. A killed task goes on with the jobs there are: those that are ready
are read again without a new job, and only what has no job yet is submitted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from crm_patterns.core.errors import RetryLater, SchemaMoved
from crm_patterns.core.ports import JobState, ReadRequest, RememberedJob, RunKey, Slice, Source, State
from crm_patterns.core.records import Page
from crm_patterns.core.windows import Window
from crm_patterns.patterns.slices import cut, finer
from crm_patterns.steps.read_plan import ReadPlan

log = logging.getLogger(__name__)

AT_ONCE = 3
"""Jobs of one object that wait at the source together."""


def begin(source: Source, state: State, run: RunKey, planned: ReadPlan, *, most: int) -> RememberedJob:
    """Cut the plan's window, submit the first slices and keep them all. Raises what `Source.submit` raises."""
    request = planned.request

    slices = cut(request.window, planned.source_count, most=most, count=_counting(source, request))
    reason = f"{planned.method_reason}; in slices of {request.cursor}"
    log.info("%s: %s rows in %s slices.", request.object_name, planned.source_count, len(slices))
    job = RememberedJob("", request, planned.contract, planned.source_count, planned.read_at, reason, tuple(slices))
    return advance(source, state, run, job)


def advance(source: Source, state: State, run: RunKey, job: RememberedJob) -> RememberedJob:
    """
    Submit slices until `AT_ONCE` wait, and cut those whose jobs failed. `job_id` is that of the first slice that is not
    ready, else of the last. RetryLater where a job fails however small its slice is.
    """
    pending, waiting = list(job.slices), 0
    kept: list[Slice] = []
    first = ""
    while pending:
        piece = pending.pop(0)
        status = source.job_status(piece.job_id) if piece.job_id else None
        if status is not None and status.state is JobState.FAILED:
            if status.schema_moved:
                state.forget_job(run, source.name, job.request.object_name)
                raise SchemaMoved(f"Bulk job {piece.job_id} failed: {status.problem}")
            pending[:0] = _in_pieces(source, job, piece, why=status.problem or "no text")
            continue
        if status is not None and status.state is JobState.GONE:
            piece, status = replace(piece, job_id="", submitted_at=None), None
        if status is None and waiting < AT_ONCE:
            job_id = source.submit(replace(job.request, window=piece.window))
            piece = replace(piece, job_id=job_id, submitted_at=source.now())
            log.info("Submitted bulk job %s for %s.", job_id, piece.window.label)
            _keep(source, state, run, job, (*kept, piece, *pending), job_id=first or job_id)
        is_ready = status is not None and status.state is JobState.READY
        if piece.job_id and not is_ready:
            waiting, first = waiting + 1, first or piece.job_id
        kept.append(piece)
    return _keep(source, state, run, job, kept, job_id=first or kept[-1].job_id)


def give_up_on(source: Source, state: State, run: RunKey, job: RememberedJob) -> RememberedJob:
    """The job that is waited for took too long: abort it and read its slice in pieces."""
    at = next(number for number, piece in enumerate(job.slices) if piece.job_id == job.job_id)
    pieces = _in_pieces(source, job, job.slices[at], why="it took too long")
    return _keep(source, state, run, job, (*job.slices[:at], *pieces, *job.slices[at + 1 :]), job_id="")


def is_ready(source: Source, job: RememberedJob) -> bool:
    return all(piece.job_id and source.job_status(piece.job_id).state is JobState.READY for piece in job.slices)


def rows_of(source: Source, job: RememberedJob) -> int:
    """The jobs' own numbers of records together. RetryLater where one of them is not ready after all."""
    rows = 0
    for piece in job.slices:
        status = source.job_status(piece.job_id)
        if status.state is not JobState.READY or status.rows is None:
            raise RetryLater(
                f"Bulk job {piece.job_id} for {job.request.object_name} is {status.state.value}: "
                f"{status.problem or 'no text'}.",
                fix="The next try reads this slice by a new one.",
            )
        rows += status.rows
    return rows


def pages_of(source: Source, job: RememberedJob) -> Iterator[Page]:
    for piece in job.slices:
        yield from source.read_job(piece.job_id, job.contract)


def discard(source: Source, job: RememberedJob) -> None:
    for piece in job.slices:
        if piece.job_id:
            source.discard(piece.job_id)


def _in_pieces(source: Source, job: RememberedJob, piece: Slice, *, why: str) -> Sequence[Slice]:
    name = job.request.object_name
    pieces = finer(piece, _counting(source, job.request))
    if not pieces:
        raise RetryLater(
            f"Bulk job {piece.job_id} for {name} failed: {why}. Its slice {piece.window.label} was not cut further.",
            fix="If it repeats, look at the CRM's job queue or lower slice_rows.",
        )
    log.warning("Bulk job %s for %s failed (%s); reading its slice in pieces.", piece.job_id, name, why)
    source.discard(piece.job_id)
    return pieces


def _counting(source: Source, request: ReadRequest) -> Callable[[Window], int]:
    return lambda window: source.count(replace(request, window=window))


def _keep(
    source: Source, state: State, run: RunKey, job: RememberedJob, slices: Sequence[Slice], *, job_id: str
) -> RememberedJob:
    kept = replace(job, job_id=job_id, slices=tuple(slices))
    state.remember_job(run, source.name, kept)
    return kept


def waiting_since(job: RememberedJob) -> datetime:
    """When the job that is waited for was submitted."""
    current = next((piece for piece in job.slices if piece.job_id == job.job_id), None)
    return (current and current.submitted_at) or job.submitted_at

"""
One read that is not a window's: by a job or by rows, whichever its plan says, and staged.

Killed anywhere and run again, it goes on with the job that it submitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

from crm_patterns.core.ports import JobState, RememberedJob, Source, Stage, State
from crm_patterns.core.staging import StageRef
from crm_patterns.patterns.quota import Means
from crm_patterns.steps import extract
from crm_patterns.steps.read_plan import ExtractOrder, ReadPlan

Admit = Callable[[], Means]
"""What the source's quota leaves for this read; OutOfBudget where it is down to the reserve."""

NotReady = Callable[[RememberedJob], NoReturn]
"""What to do about a job that is not ready in time; it raises."""


def read_to_stage(
    source: Source, stage: Stage, state: State, order: ExtractOrder, *, admit: Admit,
    plan: Callable[[ExtractOrder], ReadPlan], attempt_id: str, grace_s: float, not_ready: NotReady,
) -> StageRef:  # fmt: skip
    """
    Stage what `plan` says. Neither is it asked for nor is the quota where an earlier try has left a job to go on with.

    `order.run` is the job's own: other reads of the object in the same run have jobs too. A job is waited for at most
    `grace_s` seconds.
    """
    job, seen = extract.resume(source, state, order) or (None, None)
    if job is None:
        order = replace(order, means=admit())
        planned = plan(order)
        if planned.method == "bulk":
            planned, job = extract.submit(source, state, order, planned)
        if job is None:
            return extract.read_rows_to_stage(source, stage, state, order, planned, attempt_id=attempt_id)
    status = extract.wait_briefly(source, job.job_id, grace_s=grace_s, seen=seen)
    if status.state is JobState.WAITING:
        not_ready(job)
    return extract.read_job_to_stage(source, stage, state, order, job, attempt_id=attempt_id, seen=status)


def read_now(
    source: Source, stage: Stage, state: State, order: ExtractOrder, *, admit: Admit,
    plan: Callable[[ExtractOrder], ReadPlan], attempt_id: str, job_deadline_s: float,
) -> StageRef:  # fmt: skip
    """The same, with the job waited for here. RetryLater where it takes longer; it is aborted and deleted then."""

    def give_up(job: RememberedJob) -> NoReturn:
        raise extract.abandon(source, state, order, job.job_id, waited_s=job_deadline_s)

    return read_to_stage(
        source, stage, state, order, admit=admit, plan=plan, attempt_id=attempt_id, grace_s=job_deadline_s,
        not_ready=give_up,
    )  # fmt: skip

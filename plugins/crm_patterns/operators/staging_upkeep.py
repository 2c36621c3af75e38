"""Upkeep steps that read rows of the source first. Deferrable, like the extract: no slot is held while a job runs."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from crm_patterns.operators.guarding import GuardsRows
from crm_patterns.operators.step import field_choice, run_key
from crm_patterns.operators.upkeep import UpkeepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.ports import JobStatus, RememberedJob, Source, State, StepOutcome
    from crm_patterns.core.staging import StageRef
    from crm_patterns.patterns.quota import Means
    from crm_patterns.steps.read_plan import ExtractOrder, ReadPlan


class StagingUpkeepOperator(GuardsRows, UpkeepOperator):
    """
    Say what to read (`prepare`) and what to do with it once it is staged (`finish`). A person is asked before
    abnormally many rows are closed.

    A killed task goes on with the job that it submitted. A job older than `job_deadline_s` is aborted and deleted.
    """

    left_alone = "Nothing was changed."
    reads_in_a_dry_run = False
    _is_late = False

    @abstractmethod
    def prepare(self, source: Source, state: State, context: Context, *, means: Means) -> ReadPlan | StepOutcome:
        """What to read, with what the source's quota leaves; an outcome where there is nothing to read."""

    @abstractmethod
    def finish(self, state: State, context: Context, ref: StageRef, *, approved: int) -> StepOutcome:
        """
        What became of the rows. It knows no more than the stage and the state: another process may have prepared.

        ApprovalNeeded where more than the `approved` rows, and abnormally many, would be closed.
        """

    def resume(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Called when the trigger has seen the job end, or its deadline pass."""
        from crm_patterns.core.ports import JobState

        self._is_late = event["state"] == JobState.WAITING.value
        return self.execute(context)

    def keep_up(self, state: State, context: Context) -> StepOutcome:
        from crm_patterns.core.ports import StepOutcome

        with self._source(state, context) as source:
            staged = self._staged(source, state, context)
            if isinstance(staged, StepOutcome):
                return staged
            calls = source.usage().calls_made
        return self._finished(state, context, staged, calls=calls)

    def go_on(self, state: State, context: Context, **asked_with: Any) -> dict[str, Any]:
        """With the same rows: what was approved is what was read then."""
        from crm_patterns.core.staging import StageRef

        ref = StageRef.from_xcom(asked_with["ref"])
        return self._concluded(state, context, self._finished(state, context, ref, calls=asked_with["calls"]))

    def _finished(self, state: State, context: Context, ref: StageRef, *, calls: int) -> StepOutcome:
        with self.asking(state, context, ref=ref.to_xcom(), calls=calls) as approved:
            outcome = self.finish(state, context, ref, approved=approved)
        read = self._stage().manifest(ref).evidence
        return replace(outcome, calls=calls, note=f"{outcome.note}; read by {read.method}: {read.method_reason}")

    def _staged(self, source: Source, state: State, context: Context) -> StageRef | StepOutcome:
        from crm_patterns.core.ports import StepOutcome
        from crm_patterns.steps import extract

        order = self._order(context)
        job, seen = extract.resume(source, state, order) or (None, None)
        if job is not None and self._is_late:
            raise extract.abandon(source, state, order, job.job_id, waited_s=self.settings.job_deadline_s)
        if job is None:
            order = replace(order, means=self._admitted(source, state, context))
            planned = self.prepare(source, state, context, means=order.means)
            if isinstance(planned, StepOutcome):
                return planned
            if context["params"].get("dry_run") and not self.reads_in_a_dry_run:
                return self._would_read(planned)
            if planned.method == "bulk":
                planned, job = extract.submit(source, state, order, planned)
            if job is None:
                stage, attempt_id = self._stage(), self._attempt_id(context)
                return extract.read_rows_to_stage(source, stage, state, order, planned, attempt_id=attempt_id)
        return self._read(source, state, context, job, seen)

    def _read(
        self, source: Source, state: State, context: Context, job: RememberedJob, seen: JobStatus | None
    ) -> StageRef:
        from crm_patterns.core.ports import JobState
        from crm_patterns.steps import extract

        status = extract.wait_briefly(source, job.job_id, grace_s=self.settings.poll_grace_s, seen=seen)
        if status.state is JobState.WAITING:
            self._defer_until_ready(job)
        return extract.read_job_to_stage(
            source, self._stage(), state, self._order(context), job, attempt_id=self._attempt_id(context), seen=status
        )

    def _would_read(self, planned: ReadPlan) -> StepOutcome:
        return self._skipped(
            f"Dry run: {', '.join(planned.request.fields)} of {planned.source_count:,} rows would be read "
            f"by {planned.method}: {planned.method_reason}."
        )

    def _order(self, context: Context) -> ExtractOrder:
        """A job is remembered per run and object: other steps of the object have jobs of their own in the same run."""
        from crm_patterns.core.windows import WindowKind
        from crm_patterns.steps.read_plan import ExtractOrder

        settings, run = self.settings, run_key(context)
        return ExtractOrder(
            run=replace(run, run_id=f"{run.run_id}/{self.step}"),
            object_name=self.object_name,
            choice=field_choice(self.settings, self.object_name),
            read=settings.object(self.object_name).read,
            kind=WindowKind.FULL,
            interval=None,
            lag=timedelta(0),
            overlap=timedelta(0),
            rest_below=settings.rest_below_rows,
        )

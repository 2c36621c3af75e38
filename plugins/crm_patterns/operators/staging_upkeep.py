"""Upkeep steps that read rows of the source first. Deferrable, like the extract: no slot is held while a job runs."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from crm_patterns.operators.guarding import GuardsRows
from crm_patterns.operators.upkeep import UpkeepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.ports import RememberedJob, Source, State, StepOutcome
    from crm_patterns.core.staging import StageRef
    from crm_patterns.patterns.quota import Means
    from crm_patterns.steps.read_plan import ExtractOrder, ReadPlan


class NothingToDo(Exception):
    """Not an error: the source has nothing that the step would read, or it only says what it would; with the reason."""


class StagingUpkeepOperator(GuardsRows, UpkeepOperator):
    """
    Say what to read (`prepare`) and what to do with it once it is staged (`finish`). A person is asked before
    abnormally many rows are closed.

    A killed task goes on with the job that it submitted. A job older than `job_deadline_s` is aborted and deleted.
    """

    left_alone = "Nothing was changed."
    reads_in_a_dry_run = False
    _is_late = False

    def why_idle(self, state: State, context: Context) -> str:  # noqa: ARG002
        """Why there is nothing to read, as far as that is known without asking the source; empty where there may be."""
        if state.watermark(self.settings.source, self.object_name) is None:
            return "nothing of it is loaded yet"
        return ""

    @abstractmethod
    def prepare(self, source: Source, state: State, context: Context, *, means: Means) -> ReadPlan:
        """What to read, with what the source's quota leaves. NothingToDo where there is nothing to read."""

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
        if why := self.why_idle(state, context):
            return self._skipped(why)
        with self._source(state, context) as source:
            try:
                staged = self._staged(source, state, context)
            except NothingToDo as nothing:
                return self._skipped(str(nothing))
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

    def _staged(self, source: Source, state: State, context: Context) -> StageRef:
        from crm_patterns.steps.extract import abandon
        from crm_patterns.steps.reading import read_to_stage

        order = self._order(context)

        def not_ready(job: RememberedJob) -> NoReturn:
            if self._is_late:
                raise abandon(source, state, order, job.job_id, waited_s=self.settings.job_deadline_s)
            self._defer_until_ready(job)

        return read_to_stage(
            source,
            self._stage(),
            state,
            order,
            admit=lambda: self._admitted(source, state, context),
            plan=lambda reading: self._planned(source, state, context, reading.means),
            attempt_id=self._attempt_id(context),
            grace_s=self.settings.poll_grace_s,
            not_ready=not_ready,
        )

    def _planned(self, source: Source, state: State, context: Context, means: Means) -> ReadPlan:
        planned = self.prepare(source, state, context, means=means)
        if context["params"].get("dry_run") and not self.reads_in_a_dry_run:
            raise NothingToDo(
                f"Dry run: {', '.join(planned.request.fields)} of {planned.source_count:,} rows would be read "
                f"by {planned.method}: {planned.method_reason}."
            )
        return planned

    def _order(self, context: Context) -> ExtractOrder:
        return self._beside_windows(context, self.step)

"""Source → Parquet on the stage."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from crm_patterns.core.errors import FixSettings
from crm_patterns.operators.lineage import counts_of
from crm_patterns.operators.links import SourceJobLink, StageFolderLink
from crm_patterns.operators.step import StepOperator, field_choice, run_key, run_type

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.ports import JobStatus, RememberedJob, Source, State
    from crm_patterns.core.staging import StageRef
    from crm_patterns.core.windows import WindowKind
    from crm_patterns.patterns.lineage import TaskLineage
    from crm_patterns.steps.read_plan import ExtractOrder


class ExtractToStageOperator(StepOperator):
    """
    Read one object's window into typed Parquet; returns a StageRef.

    Deferrable: while a bulk job runs, no worker slot is held. The job's id is in the state database, so that a retry
    goes on with the same job. A job older than `job_deadline_s` is aborted and deleted.
    """

    step = "extract"
    operator_extra_links = (SourceJobLink(), StageFolderLink())
    job_url = ""
    stage_path = ""

    def execute(self, context: Context) -> dict[str, Any]:
        from crm_patterns.core.outcomes import RunState
        from crm_patterns.core.ports import ObjectOutcome

        with self.reported(context) as state, self._source(state, context) as source:
            if not context["params"].get("dry_run"):
                begun = ObjectOutcome(self.object_name, RunState.RUNNING, started_at=datetime.now(UTC))
                state.record_outcome(run_key(context), begun)
            return self._extract(source, state, context)

    def resume(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Called when the trigger has seen the job end, or its deadline pass."""
        from crm_patterns.core.ports import JobState
        from crm_patterns.steps import extract

        with self.reported(context) as state, self._source(state, context) as source:
            order = self._order(context)
            found = extract.resume(source, state, order)
            if found is None:
                return self._extract(source, state, context)
            job, seen = found
            if event["state"] == JobState.WAITING.value:
                if not job.slices:
                    raise extract.abandon(source, state, order, job.job_id, waited_s=self.settings.job_deadline_s)
                if event["job_id"] == job.job_id:  # else it was ready after all
                    job = extract.shorten(source, state, order, job)
            return self._await(source, state, context, job, seen)

    def _extract(self, source: Source, state: State, context: Context) -> dict[str, Any]:
        from crm_patterns.core.errors import SchemaMoved
        from crm_patterns.steps.read_plan import plan

        order = self._order(context)
        if context["params"].get("dry_run"):
            order = replace(order, means=self._admitted(source, state, context))
            planned = plan(source, state, order)
            raise AirflowSkipException(
                f"Dry run: {planned.source_count:,} rows of {self.object_name}, window {planned.request.window.label}, "
                f"{len(planned.request.fields)} fields, would be read by {planned.method}: {planned.method_reason}."
            )
        try:
            return self._attempt(source, state, context, order)
        except SchemaMoved as moved:  # after it was described: once more, from a new description
            self.log.warning("%s Describing %s again.", moved.problem, self.object_name)
            return self._attempt(source, state, context, order)

    def _attempt(self, source: Source, state: State, context: Context, order: ExtractOrder) -> dict[str, Any]:
        from crm_patterns.steps import extract

        job, seen = extract.resume(source, state, order) or (None, None)
        if job is None:
            order = replace(order, means=self._admitted(source, state, context))
            planned, job = extract.start(source, state, order)
            if job is None:
                stage, attempt_id = self._stage(), self._attempt_id(context)
                ref = extract.read_rows_to_stage(source, stage, state, order, planned, attempt_id=attempt_id)
                return self._staged(source, ref)
        return self._await(source, state, context, job, seen)

    def _await(
        self, source: Source, state: State, context: Context, job: RememberedJob, seen: JobStatus | None
    ) -> dict[str, Any]:
        from crm_patterns.core.ports import JobState
        from crm_patterns.steps import extract

        job, status = extract.settle(
            source, state, self._order(context), job, grace_s=self.settings.poll_grace_s, seen=seen
        )
        if status.state is JobState.WAITING:
            self._defer_until_ready(job)
        return self._read(source, state, context, job, status)

    def _read(
        self, source: Source, state: State, context: Context, job: RememberedJob, seen: JobStatus
    ) -> dict[str, Any]:
        from crm_patterns.steps import extract

        self.job_url = source.page_of(job.job_id)
        ref = extract.read_job_to_stage(
            source, self._stage(), state, self._order(context), job, attempt_id=self._attempt_id(context), seen=seen
        )
        return self._staged(source, ref)

    def _made(self, source: Source, ref: StageRef) -> TaskLineage:
        from crm_patterns.patterns.lineage import extracted

        manifest = self._stage().manifest(ref)
        return extracted(
            manifest.contract, counts_of(manifest), host=source.host(), stage_root=self.settings.stage_root
        )

    def _staged(self, source: Source, ref: StageRef) -> dict[str, Any]:
        self.stage_path = ref.uri.removeprefix(self.settings.stage_root).strip("/")
        self.note_lineage(lambda: self._made(source, ref))
        self.log.info("Staged %s rows at %s.", f"{ref.rows:,}", ref.uri)
        return ref.to_xcom()

    def _order(self, context: Context) -> ExtractOrder:
        from crm_patterns.steps.read_plan import ExtractOrder

        settings, item = self.settings, self.settings.object(self.object_name)
        kind, interval = _kind(context)
        return ExtractOrder(
            run=run_key(context),
            object_name=item.name,
            choice=field_choice(settings, item.name),
            read=item.read,
            kind=kind,
            interval=interval,
            lag=timedelta(seconds=settings.lag_s),
            overlap=timedelta(seconds=settings.overlap_s),
            rest_below=settings.rest_below_rows,
            slice_rows=settings.slice_rows,
        )


def _kind(context: Context) -> tuple[WindowKind, tuple[datetime, datetime] | None]:
    from crm_patterns.core.windows import WindowKind

    if run_type(context) == "backfill":
        start, end = context.get("data_interval_start"), context.get("data_interval_end")
        return WindowKind.BACKFILL, (start, end) if start and end else None
    given = _given_window(context["params"])
    if given is not None:
        return WindowKind.BACKFILL, given
    return (WindowKind.FULL if context["params"].get("mode") == "full" else WindowKind.INCREMENTAL), None


def _given_window(params: Any) -> tuple[datetime, datetime] | None:
    """The window of the run's form: both ends or neither; without a zone they are UTC."""
    texts = [params.get("window_start"), params.get("window_end")]
    if not any(texts):
        return None
    if not all(texts):
        raise FixSettings("The form gives one end of the window only.", fix="Give window_start and window_end.")
    start, end = (datetime.fromisoformat(str(text)) for text in texts)
    start, end = (at if at.tzinfo else at.replace(tzinfo=UTC) for at in (start, end))
    if end <= start:
        raise FixSettings(f"The window's end {end} is not after its start {start}.", fix="Correct them in the form.")
    return start, end

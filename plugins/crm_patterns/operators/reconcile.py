"""Prove a window, then move the watermark."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from crm_patterns.operators.step import StepOperator, hash_keys, run_key

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.ports import ObjectOutcome, State
    from crm_patterns.steps.refill import ColumnRead


class ReconcileOperator(StepOperator):
    """
    Fill columns that appeared or resumed for old rows; then hold source, job, stage and warehouse counts against each
    other. Red, and no watermark, where they disagree.
    """

    step = "reconcile"
    template_fields = ("published",)

    def __init__(self, *, published: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.published = published

    def execute(self, context: Context) -> dict[str, Any]:
        from crm_patterns.core.references import PublishedRef
        from crm_patterns.hooks.salesforce import SalesforceSourceHook
        from crm_patterns.steps.reconcile import reconcile
        from crm_patterns.steps.refill import refill

        settings = self.settings
        run, published = run_key(context), PublishedRef.from_xcom(self.published)
        open_source = partial(
            SalesforceSourceHook(settings.source_conn_id).source,
            page_rows=settings.page_rows,
            pages_ahead=settings.pages_ahead,
            hash_keys=hash_keys(settings, self.object_name),
        )
        stage = self._stage()
        with self.at_warehouse(context) as (state, warehouse):
            refill(open_source, stage, warehouse, state, run, published, self._column_read(state, context))
            outcome = reconcile(
                open_source,
                stage,
                warehouse,
                state,
                run,
                published,
                overlap=timedelta(seconds=settings.overlap_s),
            )
            begun = state.outcome(run, self.object_name)
            state.record_outcome(run, replace(outcome, started_at=begun.started_at if begun else None))
            self._tell_assets(context, outcome)
            return _summary(outcome)

    def _tell_assets(self, context: Context, outcome: ObjectOutcome) -> None:
        """The counts travel with the asset's event, for the DAGs that wait for it."""
        for asset in self.outlets:
            context["outlet_events"][asset].extra = _summary(outcome)

    def _column_read(self, state: State, context: Context) -> ColumnRead:
        from crm_patterns.steps.refill import ColumnRead

        settings = self.settings
        return ColumnRead(
            attempt_id=self._attempt_id(context),
            target_schema=settings.target_schema,
            attempt_schema=settings.attempt_schema,
            history_schema=settings.history_schema_of(self.object_name),
            reading=self._beside_windows(context, "refill"),
            admit=lambda source: self._admitted(source, state, context),
            job_deadline_s=settings.job_deadline_s,
        )


def _summary(outcome: ObjectOutcome) -> dict[str, Any]:
    """What a person reads under XCom, and a waiting DAG in the event: small, flat, without nulls."""
    window = outcome.window
    return {
        "object": outcome.object_name,
        "state": outcome.state.value,
        "window_start": window.start.isoformat() if window and window.start else "the beginning",
        "window_end": window.end.isoformat() if window else "",
        **outcome.tally.to_json(),
        "read_by": outcome.method,
    }

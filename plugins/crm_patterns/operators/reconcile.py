"""Prove a window, then move the watermark."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from crm_patterns.operators.step import StepOperator, run_key

if TYPE_CHECKING:
    from airflow.sdk import Context


class ReconcileOperator(StepOperator):
    """Hold source, job, stage and warehouse counts against each other; red, and no watermark, where they disagree."""

    step = "reconcile"
    template_fields = ("published",)

    def __init__(self, *, published: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.published = published

    def execute(self, context: Context) -> dict[str, Any]:
        from crm_patterns.core.references import PublishedRef
        from crm_patterns.hooks.salesforce import SalesforceSourceHook
        from crm_patterns.hooks.stage import StageHook
        from crm_patterns.hooks.warehouse import WarehouseHook
        from crm_patterns.steps.reconcile import reconcile

        settings = self.settings
        with self.reported(context) as state, WarehouseHook(settings.warehouse_conn_id).warehouse() as warehouse:
            outcome = reconcile(
                SalesforceSourceHook(settings.source_conn_id).source,
                StageHook(settings.stage_conn_id).stage(settings.stage_root),
                warehouse,
                state,
                run_key(context),
                PublishedRef.from_xcom(self.published),
                overlap=timedelta(seconds=settings.overlap_s),
            )
            begun = state.outcome(run_key(context), self.object_name)
            state.record_outcome(run_key(context), replace(outcome, started_at=begun.started_at if begun else None))
            return outcome.tally.to_json()

"""The daily comparison of source and warehouse."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from crm_patterns.operators.staging_upkeep import NothingToDo, StagingUpkeepOperator
from crm_patterns.operators.step import field_choice, run_key

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.ports import Source, State, StepOutcome, Warehouse
    from crm_patterns.core.staging import StageRef
    from crm_patterns.patterns.quota import Means
    from crm_patterns.steps.drift_audit import Doubt, Repaired
    from crm_patterns.steps.read_plan import ReadPlan


class DriftAuditOperator(StagingUpkeepOperator):
    """Compare the due share of one object by checksums, name what differs, and read bad buckets again."""

    step = "audit"
    left_alone = "Nothing was repaired."
    reads_in_a_dry_run = True

    def prepare(self, source: Source, state: State, context: Context, *, means: Means) -> ReadPlan:
        from crm_patterns.hooks.warehouse import WarehouseHook
        from crm_patterns.steps.drift_plan import AuditOrder, plan_audit

        settings = self.settings
        order = AuditOrder(
            run=run_key(context),
            object_name=self.object_name,
            choice=field_choice(settings, self.object_name),
            read=settings.object(self.object_name).read,
            rest_below=settings.rest_below_rows,
            means=means,
            days=settings.audit.days,
            overlap=timedelta(seconds=settings.overlap_s),
            everything=bool(context["params"].get("everything")),
            target_schema=settings.target_schema,
        )
        with WarehouseHook(settings.warehouse_conn_id).warehouse() as warehouse:
            planned = plan_audit(source, warehouse, state, order)
        if planned is None:
            raise NothingToDo("nothing of it is loaded yet")
        return planned

    def finish(self, state: State, context: Context, ref: StageRef, *, approved: int) -> StepOutcome:
        from crm_patterns.core.ports import Table
        from crm_patterns.hooks.salesforce import SalesforceSourceHook
        from crm_patterns.hooks.warehouse import WarehouseHook
        from crm_patterns.patterns.naming import table_name
        from crm_patterns.steps.drift_audit import audit
        from crm_patterns.steps.drift_compare import Comparison

        settings = self.settings
        how = Comparison(
            target=Table(settings.target_schema, table_name(self.object_name)),
            attempt_schema=settings.attempt_schema,
            digits=settings.audit.bucket_digits,
            max_buckets=settings.audit.max_buckets,
            max_findings=settings.audit.max_findings,
        )
        with WarehouseHook(settings.warehouse_conn_id).warehouse() as warehouse:

            def put_right(doubt: Doubt) -> Repaired:
                return self._repair(state, warehouse, context, doubt, approved=approved)

            return audit(
                SalesforceSourceHook(settings.source_conn_id).source,
                self._stage(),
                warehouse,
                state,
                run_key(context),
                ref,
                how,
                repair=None if context["params"].get("dry_run") else put_right,
            )

    def _repair(self, state: State, warehouse: Warehouse, context: Context, doubt: Doubt, *, approved: int) -> Repaired:
        from crm_patterns.steps.drift_repair import RepairOrder, repair

        settings = self.settings
        reading = self._order(context)
        order = RepairOrder(
            run=run_key(context),
            object_name=self.object_name,
            choice=field_choice(settings, self.object_name),
            attempt_id=self._attempt_id(context),
            target_schema=settings.target_schema,
            attempt_schema=settings.attempt_schema,
            history_schema=settings.history_schema_of(self.object_name),
            max_rejected_share=settings.rejected_share_of(self.object_name),
            rules=self._rules(approved),
            reading=replace(reading, run=replace(reading.run, run_id=f"{reading.run.run_id}/repair")),
            job_deadline_s=settings.job_deadline_s,
        )
        with self._source(state, context) as source:
            order = replace(order, reading=replace(order.reading, means=self._admitted(source, state, context)))
            return repair(source, self._stage(), warehouse, self._quality(), state, order, doubt)

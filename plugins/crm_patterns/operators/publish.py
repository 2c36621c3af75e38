"""Merge an audited attempt into the table that people query; ask a person first where that is abnormal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import TaskAwaitingInput

from crm_patterns.operators.lineage import counts_of
from crm_patterns.operators.step import StepOperator, run_key

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.ports import State, Warehouse
    from crm_patterns.core.references import PublishedRef
    from crm_patterns.patterns.guards import Alarm, GuardRules
    from crm_patterns.patterns.lineage import TaskLineage

APPROVE, REJECT = "Approve", "Reject"


class PublishOperator(StepOperator):
    """
    One atomic MERGE by record id, newer wins, and one into history; returns a PublishedRef.

    Where far more rows than usual would go, nothing is published: the task parks as `awaiting_input`, without a worker
    slot, until a person answers on its page in Airflow (Required Actions). Rejected, or not answered within
    `guards.wait_s`, the object fails and its watermark stays.
    """

    step = "publish"
    template_fields = ("checked",)

    def __init__(self, *, checked: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.checked = checked

    def execute(self, context: Context) -> dict[str, Any]:
        from crm_patterns.patterns.guards import GuardRules
        from crm_patterns.steps.guard import ApprovalNeeded

        limits = self.settings.guards
        rules = GuardRules(limits.full_shrinks_by, limits.deletes_share, limits.deletes_at_least)
        with self.reported(context) as state:
            try:
                return self._publish(state, context, rules)
            except ApprovalNeeded as needed:
                asked = needed.alarm
            self._ask(state, context, asked)
        raise TaskAwaitingInput(method_name="decided", kwargs={"reason": asked.subject}, timeout=limits.wait)

    def decided(self, context: Context, event: dict[str, Any], reason: str) -> dict[str, Any]:
        """Called with a person's answer, or when the time for it is over."""
        from crm_patterns.core.errors import StopRun

        with self.reported(context) as state:
            state.close_incident(self._incident(context), at=datetime.now(UTC))
            if "error" in event:
                raise StopRun(
                    f"Nobody answered within {self.settings.guards.wait}: {reason}. Nothing was published.",
                    fix="Clear this task to be asked again, or wait: the next run reads again, and asks if it must.",
                )
            who = (event.get("responded_by_user") or {}).get("name") or "somebody"
            if event["chosen_options"] != [APPROVE]:
                raise StopRun(
                    f"Rejected by {who}: {reason}. Nothing was published, and the watermark did not move.",
                    fix="Put it right at the source; the next run reads again, and asks if it must.",
                )
            self.log.info("Approved by %s: %s.", who, reason)
            return self._publish(state, context, None)

    def _publish(self, state: State, context: Context, rules: GuardRules | None) -> dict[str, Any]:
        from crm_patterns.core.references import CheckedRef
        from crm_patterns.hooks.warehouse import WarehouseHook
        from crm_patterns.steps.publish import publish

        settings = self.settings
        with WarehouseHook(settings.warehouse_conn_id).warehouse() as warehouse:
            published = publish(
                self._stage(),
                warehouse,
                state,
                run_key(context),
                CheckedRef.from_xcom(self.checked),
                target_schema=settings.target_schema,
                attempt_schema=settings.attempt_schema,
                history_schema=settings.history_schema_of(self.object_name),
                map_schema=settings.history_schema,
                rules=rules,
            )
            self.note_lineage(lambda: self._made(warehouse, published))
            return published.to_xcom()

    def _ask(self, state: State, context: Context, alarm: Alarm) -> None:
        """Put the question on the task's page and, once per run and object, into Slack."""
        from airflow.sdk.execution_time.hitl import upsert_hitl_detail

        from crm_patterns.notices.announcing import Channel, announce_question

        self.log.warning("A person has to approve: %s.", alarm.subject)
        upsert_hitl_detail(
            ti_id=context["ti"].id, options=[APPROVE, REJECT], subject=alarm.subject, body=alarm.body, params={}
        )
        run, at = run_key(context), datetime.now(UTC)
        if state.open_incident(self._incident(context), run=run, problem=alarm.subject, at=at):
            channel = Channel(self.settings.slack_conn_id, self.settings.state_conn_id)
            announce_question(context, channel, task_id=self.task_id, alarm=alarm, wait=self.settings.guards.wait)

    def _incident(self, context: Context) -> str:
        run = run_key(context)
        return f"{run.dag_id}/approval/{run.run_id}/{self.object_name}"

    def _made(self, warehouse: Warehouse, published: PublishedRef) -> TaskLineage:
        from crm_patterns.hooks.warehouse import WarehouseHook
        from crm_patterns.patterns import lineage

        settings, tally = self.settings, published.tally
        manifest = self._stage().manifest(published.checked.loaded.stage)
        place = WarehouseHook(settings.warehouse_conn_id).place()
        table = manifest.contract.table
        changed: int | None = tally.created + tally.updated + tally.deleted
        targets = {place.table(settings.target_schema, table): changed}
        if history := settings.history_schema_of(self.object_name):
            targets[place.table(history, table)] = None
        return lineage.published(
            manifest.contract,
            counts_of(manifest),
            targets,
            stage_root=settings.stage_root,
            type_of=warehouse.column_type,
        )

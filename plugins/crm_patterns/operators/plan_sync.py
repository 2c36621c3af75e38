"""The first step of a pairing: what would have to be written for both sides to hold what the settings say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from crm_patterns.operators.links import PlanLink, StageFolderLink
from crm_patterns.operators.run_step import run_key, run_type
from crm_patterns.operators.sync_step import SyncOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.ports import State
    from crm_patterns.steps.sync import Cycle, CycleOrder

WRITES_TO = {"to_platform": "platform", "to_salesforce": "salesforce"}


class PlanSyncOperator(SyncOperator):
    """
    Reads what changed on both sides and stages the plan; writes nothing outside.

    Returns where the plan is (`plan`) and the records that it was made from (`records`), how many changes there are,
    and what became of the records that are not among them. The log shows the changes field by field.
    """

    step = "plan"
    operator_extra_links = (PlanLink(), StageFolderLink())

    def execute(self, context: Context) -> dict[str, Any]:
        from crm_patterns.steps.record_plan import record_plan
        from crm_patterns.steps.sync import facts_of, plan_cycle, stage_compared, stage_plan

        with self.reported(context) as state, self.both_sides(state, context) as sinks:
            order = self._order(state, context)
            cycle = plan_cycle(sinks, state, order)
            stage, attempt_id = self._stage(), self._attempt_id(context)
            records = stage_compared(stage, order, cycle, attempt_id=attempt_id)
            changes, staged = stage_plan(stage, order, cycle, attempt_id=attempt_id)
            self.plan_path = self.stage_path = self.stage_path_of(staged.uri)
            self._show(cycle, changes)
            is_dry_run = bool(context["params"].get("dry_run"))
            if not is_dry_run:
                now = datetime.now(UTC)
                record_plan(state, order.run, order.pairing, cycle.planned, staged=staged, at=now)
        return {
            "plan": staged.to_xcom(),
            "records": {side.value: ref.to_xcom() for side, ref in records.items()},
            "changes": len(changes),
            "writes": len(changes.writes),
            **facts_of(cycle.planned),
            "windows": {side.value: window.to_json() for side, window in cycle.windows.items()},
            "writes_all": order.writes_all,
            "consent_to": cycle.consent_to.isoformat() if cycle.consent_to else "",
            "dry_run": is_dry_run,
        }

    def _order(self, state: State, context: Context) -> CycleOrder:
        from crm_patterns.core.windows import WindowKind
        from crm_patterns.operators.claim_events import BY_EVENTS
        from crm_patterns.pairings import creating_sides
        from crm_patterns.steps.claim_events import claimed_by
        from crm_patterns.steps.sync import CycleOrder

        settings, params, dag_run = self.settings, context["params"], context["dag_run"]
        is_backfill = run_type(context) == "backfill"
        kind = WindowKind.BACKFILL if is_backfill else WindowKind(params.get("mode") or "incremental")
        side = WRITES_TO.get(params.get("direction") or "both")
        run, pairing = run_key(context), self.pairing()
        return CycleOrder(
            run,
            pairing,
            kind,
            creating_sides(settings.pairing(self.pairing_name)),
            timedelta(seconds=settings.lag_s),
            timedelta(seconds=settings.overlap_s),
            (dag_run.data_interval_start, dag_run.data_interval_end) if is_backfill else None,  # type: ignore[arg-type]
            tuple(params.get("records") or ()),
            claimed_by(state, run).ids(pairing),
            run_type(context) == BY_EVENTS,
            () if side is None else ("salesforce" if side == "salesforce" else self.platform,),
        )

    def _show(self, cycle: Cycle, changes: Any) -> None:
        from crm_patterns.patterns.plan_text import lines_of
        from crm_patterns.steps.sync import left_out

        for line in lines_of(changes, most=self.settings.log_changes):
            self.log.info("%s", line)
        for line in left_out(cycle.planned, most=self.settings.log_changes):
            self.log.warning("%s", line)

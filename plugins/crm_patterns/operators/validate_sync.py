"""The plan of a pairing, checked before anybody is asked about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from crm_patterns.operators.links import DataDocsLink
from crm_patterns.operators.run_step import run_key
from crm_patterns.operators.sync_step import SyncOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.steps.validate_sync import SyncAudit


class ValidateSyncOperator(SyncOperator):
    """
    Runs the pairing's suites over the staged records of both sides and over the plan; passes on what keeps the rules.

    The changes of a record that breaks one are set aside, its restrictions excepted. StopRun where a rule about all of
    the rows is broken. Where nothing was read and nothing is planned there is nothing to check, and it costs nothing.
    """

    step = "validate"
    template_fields = ("planned",)
    operator_extra_links = (DataDocsLink(),)

    def __init__(self, *, planned: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.planned = planned
        self.docs_url = ""

    def execute(self, context: Context) -> dict[str, Any]:
        planned = self.planned
        if not planned["records"] and not planned["changes"]:
            self.log.info("Nothing was read and nothing is planned.")
            return dict(planned)
        with self.reported(context) as state:
            from crm_patterns.core.staging import StageRef
            from crm_patterns.steps.validate_sync import pass_on, record_taken_out

            plan, attempt_id = StageRef.from_xcom(planned["plan"]), self._attempt_id(context)
            stage, pairing = self._stage(), self.pairing()
            audit = self._audit(plan, attempt_id)
            self.docs_url = audit.docs_url
            passed = pass_on(stage, pairing, plan, audit.checked, attempt_id=attempt_id)
            if not planned["dry_run"]:
                now = datetime.now(UTC)
                record_taken_out(state, run_key(context), pairing, audit.checked, staged=passed, at=now)
        taken_out = audit.checked.taken_out
        for change, rule in taken_out:
            self.log.warning("Taken out: %s %s: %s", change.system, change.record_id or change.key, rule.sentence)
        return {
            **planned,
            "plan": passed.to_xcom(),
            "changes": len(audit.checked.changes),
            "writes": len(audit.checked.changes.writes),
            "rejected": planned["rejected"] + len(taken_out),
            "taken_out": len(taken_out),
        }

    def _audit(self, plan: Any, attempt_id: str) -> SyncAudit:
        from crm_patterns.core.changes import Side
        from crm_patterns.core.staging import StageRef
        from crm_patterns.hooks.warehouse import WarehouseHook
        from crm_patterns.steps.validate_sync import audit_plan

        settings = self.settings
        quality = WarehouseHook.row_quality(docs_root=settings.data_docs_root, docs_url=settings.data_docs_url)
        records = {Side(side): StageRef.from_xcom(ref) for side, ref in self.planned["records"].items()}
        return audit_plan(self._stage(), quality, self.pairing(), plan, records, attempt_id=attempt_id)

"""The gate between a plan and the other system: a person looks first where the plan is large."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from crm_patterns.operators.asking import AsksAPerson
from crm_patterns.operators.links import PlanLink, plan_page
from crm_patterns.operators.sync_step import SyncOperator
from crm_patterns.operators.writing_step import WritingStep

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.ports import State


class GateChanges(AsksAPerson, WritingStep):
    """
    Passes the plan on; one above the limits of the settings waits for a person, who sees it under Required Actions.

    A dry run ends here. `planned` is what the plan returned.
    """

    step = "gate"
    left_alone = "Nothing was written."
    template_fields = ("planned",)
    operator_extra_links = (PlanLink(),)

    def __init__(self, *, planned: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.planned = planned

    @property
    def answer_within(self) -> timedelta:
        return self.settings.gate.wait

    def execute(self, context: Context) -> dict[str, Any]:
        self.plan_path = self.stage_path_of(self.planned["plan"]["uri"])
        if self.planned["dry_run"]:
            raise AirflowSkipException("A dry run: the plan is in the log of its task, and nothing is written.")
        with self.reported(context) as state:
            return self.go_on(state, context)

    def go_on(self, state: State, context: Context, **asked_with: Any) -> dict[str, Any]:  # noqa: ARG002
        from crm_patterns.pairings import gate_rules
        from crm_patterns.patterns.write_gate import question
        from crm_patterns.steps.guard import ApprovalNeeded

        self.plan_path = self.stage_path_of(self.planned["plan"]["uri"])
        with self.asking(state, context) as approved:
            if not self.planned["writes"]:
                return dict(self.planned)
            asked = question(
                self.changes_of(self.planned),
                gate_rules(self.settings, approve_above=context["params"].get("approve_above")),
                held=self.held(state),
                name=self.object_name,
                page=plan_page(self.plan_path),
            )
            if asked is not None and asked.rows > approved:
                raise ApprovalNeeded(asked)
        return dict(self.planned)


class GateSyncOperator(GateChanges, SyncOperator):
    """Before a pairing's plan is applied."""

"""Formula and roll-up fields, which change without a new stamp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_patterns.operators.staging_upkeep import NothingToDo, StagingUpkeepOperator
from crm_patterns.operators.step import field_choice, run_key

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.ports import Source, State, StepOutcome
    from crm_patterns.core.staging import StageRef
    from crm_patterns.patterns.quota import Means
    from crm_patterns.steps.read_plan import ReadPlan


class RefreshComputedOperator(StagingUpkeepOperator):
    """Read the computed fields of every record of one object, and put right those that changed without a stamp."""

    step = "refresh_computed"

    def why_idle(self, state: State, context: Context) -> str:
        if self.settings.object(self.object_name).refresh_every == "never":
            return "settings say refresh_every: never"
        return super().why_idle(state, context)

    def prepare(
        self,
        source: Source,
        state: State,
        context: Context,  # noqa: ARG002
        *,
        means: Means,
    ) -> ReadPlan:
        from crm_patterns.steps.refresh import plan_refresh

        item, settings = self.settings.object(self.object_name), self.settings
        planned = plan_refresh(
            source,
            state,
            item.name,
            field_choice(settings, item.name),
            read=item.read,
            rest_below=settings.rest_below_rows,
            by=means,
        )
        if planned is None:
            raise NothingToDo("it has no field that changes without a stamp")
        return planned

    def finish(self, state: State, context: Context, ref: StageRef, *, approved: int) -> StepOutcome:  # noqa: ARG002
        from crm_patterns.hooks.warehouse import WarehouseHook
        from crm_patterns.steps.refresh import refresh

        settings = self.settings
        with WarehouseHook(settings.warehouse_conn_id).warehouse() as warehouse:
            return refresh(
                self._stage(),
                warehouse,
                state,
                run_key(context),
                ref,
                target_schema=settings.target_schema,
                attempt_schema=settings.attempt_schema,
                history_schema=settings.history_schema_of(self.object_name),
            )

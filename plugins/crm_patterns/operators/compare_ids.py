"""All ids of the source against all rows of the warehouse."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crm_patterns.operators.staging_upkeep import StagingUpkeepOperator
from crm_patterns.operators.step import field_choice, run_key

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.ports import Source, State, StepOutcome
    from crm_patterns.core.staging import StageRef
    from crm_patterns.patterns.quota import Means
    from crm_patterns.steps.read_plan import ReadPlan


class CompareIdsOperator(StagingUpkeepOperator):
    """Close rows whose id is gone at the source, and read again what is there and not here."""

    step = "compare_ids"
    left_alone = "Nothing was closed."

    def why_idle(self, state: State, context: Context) -> str:
        from crm_patterns.patterns.id_comparison import why_not_due

        item, run = self.settings.object(self.object_name), state.summary(run_key(context))
        progress = state.deletion_progress(self.settings.source, item.name)
        is_of_this_run = run and progress.compared_at and progress.compared_at >= run.started_at
        why = "" if is_of_this_run else why_not_due(item.compare_ids, progress, datetime.now(UTC))
        return why or super().why_idle(state, context)

    def prepare(
        self,
        source: Source,
        state: State,  # noqa: ARG002
        context: Context,  # noqa: ARG002
        *,
        means: Means,
    ) -> ReadPlan:
        from crm_patterns.steps.compare_ids import plan_ids

        item = self.settings.object(self.object_name)
        return plan_ids(source, item.name, read=item.read, rest_below=self.settings.rest_below_rows, by=means)

    def finish(self, state: State, context: Context, ref: StageRef, *, approved: int) -> StepOutcome:
        from crm_patterns.core.references import CheckedRef, LoadedRef
        from crm_patterns.hooks.warehouse import WarehouseHook
        from crm_patterns.steps.compare_ids import compare_ids
        from crm_patterns.steps.id_repair import ComparisonPlaces
        from crm_patterns.steps.validate import validate

        settings, name, stage, run = self.settings, self.object_name, self._stage(), run_key(context)
        history = settings.history_schema_of(name)
        places = ComparisonPlaces(settings.target_schema, settings.attempt_schema, history, settings.history_schema)
        with WarehouseHook(settings.warehouse_conn_id).warehouse() as warehouse, self._source(state, context) as source:

            def audit(loaded: LoadedRef) -> CheckedRef:
                """Row by row: of two rows one bad one is half of them, which says nothing of the object."""
                return validate(
                    stage, warehouse, self._quality(), state, run, loaded, attempt_schema=places.attempts,
                    max_rejected_share=1.0,
                )  # fmt: skip

            return compare_ids(
                source, stage, warehouse, state, run, ref, choice=field_choice(settings, name), places=places,
                attempt_id=self._attempt_id(context), max_share=settings.upkeep.compare_max_share,
                approved=approved, audit=audit,
            )  # fmt: skip

"""Stage → a table of this attempt in the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_patterns.operators.lineage import counts_of
from crm_patterns.operators.step import StepOperator, run_key

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.staging import StageRef
    from crm_patterns.patterns.lineage import TaskLineage


class LoadStageOperator(StepOperator):
    """PUT and COPY a stage into a per-attempt table, and widen the target by columns it lacks; returns a LoadedRef."""

    step = "load"
    template_fields = ("stage",)

    def __init__(self, *, stage: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stage = stage

    def execute(self, context: Context) -> dict[str, Any]:
        from crm_patterns.core.staging import StageRef
        from crm_patterns.steps.load import load

        settings = self.settings
        with self.at_warehouse(context) as (state, warehouse):
            loaded = load(
                self._stage(),
                warehouse,
                state,
                run_key(context),
                StageRef.from_xcom(self.stage),
                target_schema=settings.target_schema,
                attempt_schema=settings.attempt_schema,
            )
            self.note_lineage(lambda: self._made(loaded.stage))
            return loaded.to_xcom()

    def _made(self, ref: StageRef) -> TaskLineage:
        from crm_patterns.patterns.lineage import loaded

        manifest = self._stage().manifest(ref)
        return loaded(manifest.contract, counts_of(manifest), stage_root=self.settings.stage_root)

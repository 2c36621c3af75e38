"""One mart after its inputs are published."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from crm_patterns.operators.step import StepOperator, run_key

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.marts import MartBuild, MartDefinition
    from crm_patterns.core.ports import State
    from crm_patterns.steps.build_mart import MartOrder


class BuildMartOperator(StepOperator):
    """
    Compute, audit and swap in one mart; skipped where nothing it is made from has changed, or an input is missing.

    A failure is on record under the mart's name, and makes the run red as that of an object does.
    """

    step = "build"

    def __init__(self, *, mart: str, **kwargs: Any) -> None:
        super().__init__(object_name=f"marts.{mart.lower()}", **kwargs)
        self.mart = mart

    def execute(self, context: Context) -> dict[str, Any]:
        from crm_patterns.core.marts import MartState

        if context["params"].get("dry_run"):
            raise AirflowSkipException("Dry run: marts are left as they are.")
        with self.reported(context) as state:
            build = self._build(state, context)
        if build.state is not MartState.BUILT:
            raise AirflowSkipException(f"{self.object_name} is left as it is: {build.reason}.")
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"rows": build.rows, "run_id": run_key(context).run_id}
        return {"mart": build.mart, "rows": build.rows, "why": build.reason, "data_docs": build.docs_url}

    def _build(self, state: State, context: Context) -> MartBuild:
        """Whatever becomes of it is on record."""
        from crm_patterns.core.errors import IntegrationError
        from crm_patterns.core.marts import MartBuild, MartState
        from crm_patterns.core.outcomes import RunState
        from crm_patterns.core.ports import ObjectOutcome

        run, started = run_key(context), datetime.now(UTC)
        try:
            build = self._built(state, context)
        except Exception as error:
            problem = error.problem if isinstance(error, IntegrationError) else f"{type(error).__name__}: {error}"
            failed = MartBuild(self.mart, MartState.FAILED, problem, started_at=started)
            state.record_mart_build(run, replace(failed, finished_at=datetime.now(UTC)))
            raise
        state.record_mart_build(run, build)
        if state.outcome(run, self.object_name) is not None:  # an earlier try of this run failed
            state.record_outcome(run, ObjectOutcome(self.object_name, RunState.SUCCESS, finished_at=build.finished_at))
        return build

    def _built(self, state: State, context: Context) -> MartBuild:
        from crm_patterns.hooks.warehouse import WarehouseHook
        from crm_patterns.steps.build_mart import build_mart

        definition, order = self._definition_and_order()
        with WarehouseHook(self.settings.warehouse_conn_id).warehouse() as warehouse:
            return build_mart(warehouse, self._quality(), state, run_key(context), definition, order)

    def _definition_and_order(self) -> tuple[MartDefinition, MartOrder]:
        from crm_patterns.catalog import include_dir
        from crm_patterns.currency_rates import load_rates
        from crm_patterns.mart_catalog import load_mart
        from crm_patterns.patterns.marts import Places
        from crm_patterns.steps.build_mart import MartOrder

        settings, include = self.settings, include_dir()
        marts = settings.marts
        places = Places(settings.target_schema, settings.history_schema, marts.target_schema, settings.attempt_schema)
        order = MartOrder(places, marts.reporting_currency, load_rates(include / marts.currency_rates))
        return load_mart(include, self.mart), order

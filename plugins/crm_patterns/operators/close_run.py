"""The last task of a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from crm_patterns.catalog import WarehouseEltSettings
from crm_patterns.hooks.state import StateHook
from crm_patterns.hooks.warehouse import WarehouseHook
from crm_patterns.operators.step import run_key
from crm_patterns.steps.close_run import close_run

if TYPE_CHECKING:
    from airflow.sdk import Context


class CloseRunOperator(BaseOperator):
    """Publish the run's rows to schema OPS and log its summary. Runs whatever became of the objects."""

    def __init__(self, *, settings: WarehouseEltSettings, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings

    def execute(self, context: Context) -> str:
        settings = self.settings
        state, run = StateHook(settings.state_conn_id).state(), run_key(context)
        run_type = str(context["dag_run"].run_type)
        state.start_run(run, source=settings.source, run_type=run_type, at=datetime.now(UTC))
        with WarehouseHook(settings.warehouse_conn_id).warehouse() as warehouse:
            summary = close_run(
                warehouse,
                state,
                run,
                attempt_schema=settings.attempt_schema,
                keep_attempts=timedelta(days=settings.keep_attempts_days),
            )
        return summary.state.value

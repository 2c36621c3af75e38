"""The last task of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from crm_patterns.operators.choose import chosen
from crm_patterns.operators.step import REACTIONS, run_key, run_type

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.catalog import WarehouseEltSettings


class CloseRunOperator(BaseOperator):
    """
    Publish the run's rows to schema OPS and log its summary; red where an object that was asked for is not proven.

    It runs whatever became of the objects, so it is the run's only leaf and its verdict is the run's. Where all of them
    are deferred for want of quota it ends skipped: there is nothing green to show.
    """

    def __init__(
        self, *, settings: WarehouseEltSettings, marts: Mapping[str, Sequence[str]] | None = None, **kwargs: Any
    ) -> None:
        kwargs.setdefault("retry_policy", REACTIONS)
        super().__init__(**kwargs)
        self.settings = settings
        self.marts = marts or {}

    def execute(self, context: Context) -> str:
        from crm_patterns.core.outcomes import RunState
        from crm_patterns.hooks.state import StateHook
        from crm_patterns.hooks.warehouse import WarehouseHook
        from crm_patterns.steps.close_run import close_run, raise_if_failed

        settings = self.settings
        state, run = StateHook(settings.state_conn_id).state(), run_key(context)
        state.start_run(run, source=settings.source, run_type=run_type(context), at=datetime.now(UTC))
        with WarehouseHook(settings.warehouse_conn_id).warehouse() as warehouse:
            summary = close_run(
                warehouse,
                state,
                run,
                attempt_schema=settings.attempt_schema,
                keep_attempts=timedelta(days=settings.keep_attempts_days),
                expected=self._expected(context),
                marts={} if context["params"].get("dry_run") else self.marts,
            )
        raise_if_failed(summary)
        if summary.state is RunState.DEFERRED:
            raise AirflowSkipException("Deferred: quota. Nothing that was asked for could be read; the next run tries.")
        return summary.state.value

    def _expected(self, context: Context) -> list[str]:
        return [] if context["params"].get("dry_run") else chosen(self.settings, context)

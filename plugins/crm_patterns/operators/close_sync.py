"""The last task of a run of the marketing pattern."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from crm_patterns.operators.choose import CHOSEN, asked_for
from crm_patterns.operators.run_step import REACTIONS, run_key, run_type

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.catalog import MarketingSyncSettings
    from crm_patterns.core.ports import RunKey, State

CHOOSE = "choose_platforms"


class CloseSyncOperator(BaseOperator):
    """Publish the run's rows to schema OPS and log its summary; red where a pairing did not come to its end."""

    def __init__(self, *, settings: MarketingSyncSettings, **kwargs: Any) -> None:
        kwargs.setdefault("retry_policy", REACTIONS)
        super().__init__(**kwargs)
        self.settings = settings

    def execute(self, context: Context) -> str:
        from crm_patterns.core.outcomes import RunState
        from crm_patterns.hooks.state import StateHook
        from crm_patterns.hooks.warehouse import WarehouseHook
        from crm_patterns.steps.close_run import close_run, raise_if_failed

        settings = self.settings
        state, run = StateHook(settings.state_conn_id).state(), run_key(context)
        state.start_run(run, source=settings.system, run_type=run_type(context), at=datetime.now(UTC))
        with WarehouseHook(settings.warehouse_conn_id).warehouse() as warehouse:
            summary = close_run(
                warehouse,
                state,
                run,
                attempt_schema=settings.attempt_schema,
                keep_attempts=timedelta(days=settings.keep_attempts_days),
                expected=self.expected(context),
            )
        raise_if_failed(summary)
        self._settle_events(state, run, wait=bool(summary.tally.deferred) or summary.state is RunState.DEFERRED)
        return summary.state.value

    def _settle_events(self, state: State, run: RunKey, *, wait: bool) -> None:
        """What a run has deferred a later one does. Of a run that failed they stay its own, for when it is cleared."""
        from crm_patterns.steps.claim_events import claimed_by, settle_events

        back = [event.event_id for event in claimed_by(state, run).events] if wait else []
        done = settle_events(state, run, at=datetime.now(UTC), give_back=back)
        self.log.info("%d events settled, %d wait for a later run.", done, len(back))

    def expected(self, context: Context) -> list[str]:
        """What the run has to have an outcome for."""
        if context["params"].get("dry_run"):
            return []
        names = context["ti"].xcom_pull(task_ids=CHOOSE, key=CHOSEN)
        if names is None:
            names = asked_for([p.name for p in self.settings.platforms], context, param="platforms")
        return [pairing.name for name in names for pairing in self.settings.platform(str(name)).pairings]

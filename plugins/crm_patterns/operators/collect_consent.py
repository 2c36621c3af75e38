"""Opt-outs, bounces and the like of every system, before anything is planned for any two of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from crm_patterns.operators.choose import asked_for
from crm_patterns.operators.claim_events import BY_EVENTS
from crm_patterns.operators.run_step import REACTIONS, run_key, run_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from crm_patterns.catalog import MarketingSyncSettings
    from crm_patterns.core.ports import Sink
    from crm_patterns.patterns.comparison import Pairing
    from crm_patterns.steps.collect_consent import CollectOrder


class CollectConsentOperator(BaseOperator):
    """
    Reads who must not be contacted from Salesforce and the run's platforms into the ledger; returns how many are new.

    A run about single records reads nothing. A system that cannot be reached keeps its place: the next run goes on from
    there, and its own plan says what is wrong.
    """

    step = "collect_consent"

    def __init__(self, *, settings: MarketingSyncSettings, **kwargs: Any) -> None:
        kwargs.setdefault("retry_policy", REACTIONS)
        super().__init__(**kwargs)
        self.settings = settings

    def execute(self, context: Context) -> int:
        from crm_patterns.core.errors import IntegrationError
        from crm_patterns.hooks.state import StateHook
        from crm_patterns.patterns.consent_ledger import readings
        from crm_patterns.steps.collect_consent import collect_consent

        if context["params"].get("records") or run_type(context) == BY_EVENTS:
            return 0
        state, order, new = StateHook(self.settings.state_conn_id).state(), self._order(context), 0
        now = datetime.now(UTC)
        state.start_run(order.run, source=self.settings.system, run_type=run_type(context), at=now)
        for reading in readings(self._pairings(context)):
            try:
                sink = self._sink(reading.system)
                try:
                    new += collect_consent(sink, state, reading, order, clock=lambda: datetime.now(UTC))
                finally:
                    usage, at = sink.usage(), datetime.now(UTC)
                    state.record_calls(order.run, sink.name, "", step=self.step, usage=usage, at=at)
                    sink.close()
            except IntegrationError as error:
                self.log.warning("Restrictions of %s wait for the next run: %s", reading.system, error)
        self.log.info("%d restrictions are new.", new)
        return new

    def _pairings(self, context: Context) -> Sequence[Pairing]:
        from crm_patterns.catalog import include_dir
        from crm_patterns.pairings import pairing_of
        from crm_patterns.translations import load_translations

        known = load_translations(include_dir() / "config" / "translations.yaml")
        names = asked_for([p.name for p in self.settings.platforms], context, param="platforms")
        pairings = [pairing for name in names for pairing in self.settings.platform(name).pairings]
        return [pairing_of(self.settings, pairing.name, known) for pairing in pairings]

    def _sink(self, system: str) -> Sink:
        from crm_patterns.hooks.platforms import sink_of
        from crm_patterns.pairings import connections_of

        platforms = [platform.name for platform in self.settings.platforms]
        return sink_of(system, connections_of(self.settings, platforms)[system])

    def _order(self, context: Context) -> CollectOrder:
        from crm_patterns.core.windows import WindowKind
        from crm_patterns.steps.collect_consent import CollectOrder

        settings, dag_run = self.settings, context["dag_run"]
        is_backfill = run_type(context) == "backfill"
        kind = WindowKind.BACKFILL if is_backfill else WindowKind(context["params"].get("mode") or "incremental")
        interval = (dag_run.data_interval_start, dag_run.data_interval_end) if is_backfill else None
        lag, overlap = timedelta(seconds=settings.lag_s), timedelta(seconds=settings.overlap_s)
        return CollectOrder(run_key(context), kind, lag, overlap, interval)  # type: ignore[arg-type]

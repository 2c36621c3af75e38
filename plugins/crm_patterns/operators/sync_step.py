"""What the steps of the marketing pattern share: both systems of a pairing, and what the plan left for the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from crm_patterns.operators.run_step import RunStep, run_key

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.catalog import MarketingSyncSettings
    from crm_patterns.core.changes import ChangeSet, Side
    from crm_patterns.core.ports import Sink, State
    from crm_patterns.patterns.comparison import Pairing


class SyncOperator(RunStep):
    """One step for one pairing of `platform`. `pairing` is its name in the settings."""

    def __init__(self, *, settings: MarketingSyncSettings, platform: str, pairing: str, **kwargs: Any) -> None:
        super().__init__(settings=settings, **kwargs)
        self.settings = settings
        self.platform = platform
        self.pairing_name = self.object_name = pairing

    def pairing(self) -> Pairing:
        from crm_patterns.catalog import include_dir
        from crm_patterns.pairings import pairing_of
        from crm_patterns.translations import load_translations

        known = load_translations(include_dir() / "config" / "translations.yaml")
        return pairing_of(self.settings, self.pairing_name, known)

    @contextmanager
    def both_sides(self, state: State, context: Context) -> Iterator[Mapping[Side, Sink]]:
        """Salesforce and the platform, for this task; what they cost is on record, however the task ends."""
        from crm_patterns.core.changes import Side
        from crm_patterns.hooks.platforms import platform_sink
        from crm_patterns.hooks.salesforce import SalesforceHook

        sinks: dict[Side, Sink] = {}
        try:
            sinks[Side.LEFT] = SalesforceHook(self.settings.source_conn_id).sink()
            sinks[Side.RIGHT] = platform_sink(self.platform, self.settings.platform(self.platform).connection)
            yield sinks
        finally:
            for sink in sinks.values():
                at = datetime.now(UTC)
                state.record_calls(
                    run_key(context), sink.name, self.pairing_name, step=self.step, usage=sink.usage(), at=at
                )
                sink.close()

    def changes_of(self, planned: Mapping[str, Any]) -> ChangeSet:
        """The plan as it was staged."""
        from crm_patterns.core.staging import StageRef
        from crm_patterns.steps.staged_changes import read_changes

        return read_changes(self._stage(), StageRef.from_xcom(planned["plan"]))

"""What the steps of the marketing pattern share: both systems of a pairing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from crm_patterns.operators.writing_step import WritingStep

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.changes import Side
    from crm_patterns.core.ports import Sink, State
    from crm_patterns.patterns.comparison import Pairing


class SyncOperator(WritingStep):
    """One step for one pairing of `platform`. `pairing` is its name in the settings."""

    def __init__(self, *, platform: str, pairing: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.platform = platform
        self.pairing_name = self.object_name = pairing

    def pairing(self) -> Pairing:
        from crm_patterns.pairings import shipped_pairing

        return shipped_pairing(self.settings, self.pairing_name)

    def connections(self) -> Mapping[str, str]:
        from crm_patterns.pairings import connections_of

        return connections_of(self.settings, [self.platform])

    def held(self, state: State) -> Mapping[tuple[str, str], int | None]:
        from crm_patterns.steps.sync import held

        return held(state, self.pairing())

    @contextmanager
    def both_sides(self, state: State, context: Context) -> Iterator[Mapping[Side, Sink]]:
        """Salesforce and the platform."""
        from crm_patterns.core.changes import Side
        from crm_patterns.pairings import SALESFORCE

        with self.systems(state, context) as sinks:
            yield {Side.LEFT: sinks[SALESFORCE], Side.RIGHT: sinks[self.platform]}

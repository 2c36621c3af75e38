"""The first task of a run of the marketing pattern: which platforms it is about, and which events are its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from crm_patterns.operators.choose import ChooseObjectsOperator
from crm_patterns.operators.run_step import REACTIONS, run_key, run_type

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.catalog import MarketingSyncSettings
    from crm_patterns.steps.claim_events import Claimed

BY_EVENTS = "asset_triggered"


class ChoosePlatformsOperator(ChooseObjectsOperator):
    """
    A run that events have started is about their records, and the platforms that have to do with them; without an event
    that is left, about nothing. A scheduled run takes what waits along. Other runs claim nothing.
    """

    def __init__(self, *, settings: MarketingSyncSettings, **kwargs: Any) -> None:
        kwargs.setdefault("retry_policy", REACTIONS)
        super().__init__(object_names=[p.name for p in settings.platforms], param="platforms", **kwargs)
        self.settings = settings

    def _choose(self, context: Context) -> list[str]:
        names = super()._choose(context)
        kind = run_type(context)
        if kind not in ("scheduled", BY_EVENTS) or context["params"].get("dry_run"):
            return names
        claimed = self._claim(context, names)
        self.log.info("%d events claimed.", len(claimed.events))
        return names if kind == "scheduled" else [name for name in names if claimed.concerns(self._objects(name))]

    def _claim(self, context: Context, names: Sequence[str]) -> Claimed:
        from crm_patterns.hooks.state import StateHook
        from crm_patterns.steps.claim_events import claim_events

        state = StateHook(self.settings.state_conn_id).state()
        try:
            return claim_events(state, run_key(context), [self.settings.system, *names], at=datetime.now(UTC))
        finally:
            state.close()

    def _objects(self, platform: str) -> list[tuple[str, str]]:
        """(system, object) of every end of the platform's pairings."""
        pairings = self.settings.platform(platform).pairings
        return [
            end
            for p in pairings
            for end in ((self.settings.system, p.salesforce.object), (platform, p.platform.object))
        ]

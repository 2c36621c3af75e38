"""
Wait, in the triggerer, until events of a system are in the inbox; then the asset of that system has changed.

A DAG file names it: what it works with is imported when it runs.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetWatcher
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from crm_patterns.assets import crm_events

if TYPE_CHECKING:
    from crm_patterns.state import OperationalState

LONGEST_PAUSE_S = 60.0


class InboxTrigger(BaseEventTrigger):
    """
    Looks every `every_s` seconds whether events wait, and fires once for those that were not announced yet.

    That they are announced is marked in the database before it fires, by an update that only one of several triggerers
    can make. The mark is no claim: whose events they are is decided when a run claims them. Where nobody does (the
    triggerer was killed after the mark, the run before its claim) they are announced again after `again_after_s`, a
    few times.

    While the database does not answer, it asks more and more seldom, up to once a minute.
    """

    def __init__(
        self, *, system: str, state_conn_id: str = "crm_state", every_s: float = 1.0, again_after_s: float = 300.0
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.system = system
        self.state_conn_id = state_conn_id
        self.every_s = every_s
        self.again_after_s = again_after_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = ("system", "state_conn_id", "every_s", "again_after_s")
        return "crm_patterns.triggers.inbox.InboxTrigger", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        from crm_patterns.core.errors import IntegrationError
        from crm_patterns.hooks.state import StateHook

        state: OperationalState | None = None
        pause = self.every_s
        try:
            while True:
                try:
                    if state is None:
                        state = await _aside(StateHook(self.state_conn_id).state)()
                    announced = await _aside(self._announce)(state)
                    pause = self.every_s
                except IntegrationError as problem:
                    self.log.warning("The inbox cannot be read, asking again in %.0f s: %s", pause, problem)
                    announced, pause = 0, min(pause * 2, LONGEST_PAUSE_S)
                if announced:
                    payload = {"system": self.system, "events": announced}
                    yield TriggerEvent(payload)  # type: ignore[no-untyped-call]
                await asyncio.sleep(pause * random.uniform(0.9, 1.1))  # noqa: S311 - so that two do not go in step
        finally:
            if state is not None:
                state.close()

    def _announce(self, state: OperationalState) -> int:
        from crm_patterns.core.ports import InboxLimits

        limits = replace(InboxLimits(), again_after=timedelta(seconds=self.again_after_s))
        return state.announce_events(self.system, at=datetime.now(UTC), limits=limits)


def awaited_events(system: str, **options: Any) -> Asset:
    """The asset `crm_events(system)` with its watcher: for the schedule of the one DAG that claims these events."""
    watcher = AssetWatcher(name=f"crm_inbox_{system}", trigger=InboxTrigger(system=system, **options))
    return crm_events(system, watchers=[watcher])


def _aside(work: Callable[..., Any]) -> Any:
    """In a thread of its own: the triggerer runs many others on this loop."""
    from asgiref.sync import sync_to_async

    return sync_to_async(work, thread_sensitive=False)

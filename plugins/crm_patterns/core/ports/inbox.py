"""Events that other systems sent: kept once, announced, claimed by one run, settled."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from crm_patterns.core.ports.runs import RunKey


@dataclass(frozen=True, slots=True)
class InboxEvent:
    """
    A hint that a record changed; no value of the record is kept. `event_id` is the same for each delivery of it.

    One record is in one event: what tells of several records (a merge) is several events.
    """

    event_id: str
    system: str
    object_name: str
    record_id: str
    kind: str
    received_at: datetime
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InboxLimits:
    """
    `lease`: a claim this old is over, its run has died. `again_after`: what was announced and still waits is announced
    again, `announcements` times in all; then only a run that comes anyway takes it. `claimed`: most events of a claim.
    """

    lease: timedelta = timedelta(hours=1)
    again_after: timedelta = timedelta(minutes=5)
    announcements: int = 12
    claimed: int = 1000


@dataclass(frozen=True, slots=True)
class RefusalCount:
    """How often an endpoint refused or left aside something for one reason on one UTC day (`YYYY-MM-DD`)."""

    day: str
    endpoint: str
    reason: str
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class InboxLevel:
    """Events of a system that wait for a run, that a run has claimed, and when the oldest of both came."""

    waiting: int
    claimed: int
    oldest_at: datetime | None


class InboxStore(Protocol):
    """Whoever receives, whoever waits and whoever works may be several processes each."""

    def store_events(self, events: Sequence[InboxEvent]) -> int:
        """Durable when it returns. Those whose id is known are left as they are; gives how many were new."""

    def announce_events(self, system: str, *, at: datetime, limits: InboxLimits) -> int:
        """Mark what waits and is to be announced now; how many. Of several who ask at once one gets each event."""

    def claim_events(self, run: RunKey, system: str, *, at: datetime, limits: InboxLimits) -> Sequence[InboxEvent]:
        """
        What this run is to work on, oldest first; no other run gets it, unless the lease ends. A run that has claimed
        gets the same events again, and no others. What is left over by the limit is announced anew.
        """

    def claimed_events(self, run: RunKey) -> Sequence[InboxEvent]:
        """What this run has claimed and not settled, of all systems."""

    def settle_events(self, run: RunKey, *, at: datetime, give_back: Collection[str] = ()) -> int:
        """What this run has claimed is done, but for `give_back`, which waits again; how many are done."""

    def forget_events(self, *, before: datetime) -> int:
        """Remove what was settled before that moment, and counts of earlier days; how many events."""

    def inbox_levels(self) -> Mapping[str, InboxLevel]:
        """By system; one of which nothing waits is missing."""

    def count_refusals(self, endpoint: str, counts: Mapping[str, int], *, at: datetime) -> None:
        """Add to the counts of that day, by reason."""

    def refusals(self, *, since: datetime) -> Sequence[RefusalCount]:
        """Newest day first."""

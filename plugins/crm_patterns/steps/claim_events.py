"""Which records a run is to look at because other systems said so, and the end of that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm_patterns.core.changes import Side
from crm_patterns.core.ports import InboxEvent, InboxLimits, RunKey, State
from crm_patterns.patterns.comparison import Pairing

KEPT = timedelta(days=7)
"""How long a settled event is known, so that it is not taken again: HubSpot and Salesforce repeat for 24 hours."""

TOGETHER = {
    "Person": "person", "Lead": "person", "Contact": "person", "contacts": "person",
    "Account": "company", "companies": "company",
}  # fmt: skip
"""Objects of which one stands for the other: a pairing with leads is told of contacts, too (a lead is converted)."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The events of a run. Later steps ask for them by `claimed_by`: none is handed the ids."""

    events: tuple[InboxEvent, ...] = ()

    def ids(self, pairing: Pairing) -> Mapping[Side, Sequence[str]]:
        """Record ids of each side, as `PlanOrder.ids` takes them; a side without any is missing."""
        found = {side: self._of(pairing.end(side).system, pairing.end(side).object_name) for side in Side}
        return {side: ids for side, ids in found.items() if ids}

    def concerns(self, objects: Iterable[tuple[str, str]]) -> bool:
        """Whether an event tells of a record of any of these (system, object)."""
        return any(self._of(system, object_name) for system, object_name in objects)

    def _of(self, system: str, object_name: str) -> tuple[str, ...]:
        kind = TOGETHER.get(object_name, object_name)
        named = (e.record_id for e in self.events if e.system == system and TOGETHER[e.object_name] == kind)
        return tuple(sorted(set(named)))


def claim_events(
    state: State, run: RunKey, systems: Sequence[str], *, at: datetime, limits: InboxLimits | None = None
) -> Claimed:
    """
    What waits in the inbox for this run: no other run gets it. A retry of the run gets the same.

    A scheduled run claims as well: the windows it reads hold the same records, and a plan names each once.
    """
    limits = limits or InboxLimits()
    return Claimed(tuple(e for system in systems for e in state.claim_events(run, system, at=at, limits=limits)))


def claimed_by(state: State, run: RunKey) -> Claimed:
    """What the run has claimed and not settled; claims nothing."""
    return Claimed(tuple(state.claimed_events(run)))


def settle_events(state: State, run: RunKey, *, at: datetime, give_back: Collection[str] = ()) -> int:
    """
    The run has done what it claimed; how many events. To be called when its writes are verified, and never before.

    The events in `give_back` wait for another run. What was settled long ago is forgotten.
    """
    done = state.settle_events(run, at=at, give_back=give_back)
    state.forget_events(before=at - KEPT)
    return done

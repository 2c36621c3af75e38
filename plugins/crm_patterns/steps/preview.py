"""A plan that is only looked at: what a run would write now, and whether it would ask a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crm_patterns.core.changes import ChangeSet, Side
from crm_patterns.core.ports import Sink, State
from crm_patterns.patterns.write_gate import GateRules, Question, question
from crm_patterns.steps.plan import Planned
from crm_patterns.steps.sync import CycleOrder, held, plan_cycle


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would write, and what it would ask a person; `planned` tells of the records that are not written."""

    changes: ChangeSet
    planned: Planned
    asks: Question | None

    @property
    def writes(self) -> int:
        return len(self.changes.writes)


def preview(sinks: Mapping[Side, Sink], state: State, order: CycleOrder, rules: GateRules) -> Preview:
    """Reads both sides and the state, and writes nothing anywhere: no window is claimed, nobody is asked."""
    cycle = plan_cycle(sinks, state, order, claims=False)
    changes = cycle.changes_for(order)
    asks = question(changes, rules, held=held(state, order.pairing), name=order.pairing.name)
    return Preview(changes, cycle.planned, asks)

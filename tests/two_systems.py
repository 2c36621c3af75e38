"""Two sinks in memory, a pairing of their people, and a cycle over them: plan, stage, record, apply."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_patterns.core.changes import Side
from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.mapping import Email, Flag, Picklist, Plain
from crm_patterns.core.ports import RunKey
from crm_patterns.core.staging import StageAddress
from crm_patterns.core.targets import TargetField
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.comparison import End, FieldEnd, FieldPair, Pairing
from crm_patterns.patterns.conflicts import FieldRule, Policy
from crm_patterns.steps.apply import Applied, ApplyOrder, apply
from crm_patterns.steps.plan import Planned, PlanOrder, plan
from crm_patterns.steps.record_plan import record_plan
from crm_patterns.steps.staged_changes import read_changes, stage_changes
from tests.sink_double import SinkDouble

EVER = Window(None, datetime(2030, 1, 1, tzinfo=UTC), WindowKind.FULL)
STATUS = Picklist((("Open - Not Contacted", "open"), ("Working - Contacted", "working")))
HS_STATUS = Picklist((("NEW", "open"), ("OPEN", "open"), ("IN_PROGRESS", "working")))
OWNED = {"policy": Policy.OWNER_WINS, "owner": Side.LEFT}
PAIRING = Pairing(
    "people",
    End("salesforce", "Lead", find_by="Email"),
    End("hubspot", "contacts", own_key="sf_id", find_by="email"),
    (
        FieldPair(FieldRule("email", **OWNED), FieldEnd("Email", Email()), FieldEnd("email", Email())),  # type: ignore[arg-type]
        FieldPair(FieldRule("title", **OWNED), FieldEnd("Title"), FieldEnd("jobtitle")),  # type: ignore[arg-type]
        FieldPair(
            FieldRule("phone", policy=Policy.NEWEST_WINS, tolerance=timedelta(0), owner=Side.LEFT),
            FieldEnd("Phone", Plain()),
            FieldEnd("phone", Plain()),
        ),
        FieldPair(FieldRule("status", **OWNED), FieldEnd("Status", STATUS), FieldEnd("hs_lead_status", HS_STATUS)),  # type: ignore[arg-type]
        FieldPair(
            FieldRule("opt_out", policy=Policy.MOST_RESTRICTIVE),
            FieldEnd("OptOut", Flag("1", "0")),
            FieldEnd("opted_out", Flag("true", "false")),
        ),
    ),
)


def _texts(side: Side) -> tuple[TargetField, ...]:
    return tuple(TargetField(name, FieldKind.TEXT, length=80) for name in PAIRING.names(side))


@dataclass
class Systems:
    """`state` and `stage` are real ones, or ports that die. Each cycle is a run of its own unless it is a retry."""

    state: Any
    stage: Any
    left: Any = field(default_factory=lambda: SinkDouble("salesforce", "Lead", _texts(Side.LEFT), unique=()))
    right: Any = field(default_factory=lambda: SinkDouble(fields=_texts(Side.RIGHT)))
    runs: int = 0
    attempts: int = 0

    def ports(self) -> dict[Side, Any]:
        return {Side.LEFT: self.left, Side.RIGHT: self.right}

    def plan(self, run: RunKey, **more: Any) -> Planned:
        order = PlanOrder(run, PAIRING, dict.fromkeys(Side, EVER), creates=frozenset(Side), **more)
        return plan(self.ports(), self.state, order)

    def cycle(self, *, run: RunKey | None = None, at: datetime | None = None, **order: Any) -> tuple[Planned, Applied]:
        """As the DAG does: what is applied is read back from the stage."""
        self.attempts += 1
        if run is None:
            self.runs += 1
            run = RunKey("crm_marketing_sync", f"run-{self.runs}")
        at = at or datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(days=self.runs)
        planned = self.plan(run)
        address = StageAddress("people", "changes", EVER, f"attempt-{self.attempts}")
        ref = stage_changes(self.stage, address, planned.changes, planned_at=at.isoformat())
        record_plan(self.state, run, PAIRING, planned, staged=ref, at=at)
        sinks = {"salesforce": self.left, "hubspot": self.right}
        done = apply(sinks, self.state, read_changes(self.stage, ref), ApplyOrder(run, **order), clock=lambda: at)
        return planned, done

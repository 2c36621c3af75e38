"""One cycle of a pairing: what to look at, the plan on the stage, and the watermarks when all of it is settled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from crm_patterns.core.changes import ChangeSet, Fate, RecordOutcome, Side
from crm_patterns.core.outcomes import RunState, Tally
from crm_patterns.core.ports import ObjectOutcome, RunKey, Sink, Stage, State
from crm_patterns.core.staging import StageAddress, StageRef
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.comparison import Pairing
from crm_patterns.patterns.plan_text import counted, shown
from crm_patterns.patterns.sync_windows import by_side, only_to
from crm_patterns.patterns.warehouse_elt import decide_window
from crm_patterns.steps.collect_consent import POSITION
from crm_patterns.steps.counterparts import Ids, is_living
from crm_patterns.steps.plan import Planned, PlanOrder, plan
from crm_patterns.steps.staged_changes import stage_changes
from crm_patterns.steps.staged_records import stage_records


@dataclass(frozen=True, slots=True)
class CycleOrder:
    """
    What a run wants of a pairing. With `record_ids` it is about just these, and reads no window.

    `events` are the records that other systems told of; a run that was started `by_events` is about these alone.

    `interval` is a backfill's data interval, half-open, UTC. `systems`: write to these alone.
    """

    run: RunKey
    pairing: Pairing
    kind: WindowKind
    creates: frozenset[Side]
    lag: timedelta
    overlap: timedelta
    interval: tuple[datetime, datetime] | None = None
    record_ids: tuple[str, ...] = ()
    events: Ids = field(default_factory=dict)
    by_events: bool = False
    systems: tuple[str, ...] = ()

    @property
    def writes_all(self) -> bool:
        """Whether everything that was seen to differ is written, so that it need not be looked at again."""
        return self.reads_windows and not self.systems and self.kind.moves_watermark

    @property
    def reads_windows(self) -> bool:
        return not self.record_ids and not self.by_events


@dataclass(frozen=True, slots=True)
class Cycle:
    """The plan of a pairing, and the windows that it was made from."""

    planned: Planned
    windows: Mapping[Side, Window]
    read_at: datetime
    consent_to: datetime | None = None  # how far the ledger of restrictions was followed

    def changes_for(self, order: CycleOrder) -> ChangeSet:
        """Those that the run may write."""
        changes = self.planned.changes
        return only_to(changes, order.systems) if order.systems else changes


def plan_cycle(sinks: Mapping[Side, Sink], state: State, order: CycleOrder, *, claims: bool = True) -> Cycle:
    """
    Claims the run's windows, reads and compares. Writes nothing outside.

    Without `claims` it writes nothing into the state either: for a plan that is only looked at.
    """
    read_at = max(sinks[side].now() for side in Side)
    windows, asked = {}, by_side(order.record_ids)
    emails: Sequence[str] = ()
    consent_to: datetime | None = None
    if order.reads_windows:
        windows = {side: _window(sinks[side], state, order, side, claims=claims) for side in Side}
        asked = by_side(_waiting(state, order.pairing))
    if order.reads_windows and order.kind.moves_watermark:
        emails, consent_to = state.restricted_since(state.watermark(order.pairing.name, POSITION))
    ids = {side: (*asked[side], *order.events.get(side, ())) for side in Side}
    wanted = PlanOrder(order.run, order.pairing, windows, ids=ids, creates=order.creates, emails=tuple(emails))
    return Cycle(plan(sinks, state, wanted), windows, read_at, consent_to)


def stage_plan(stage: Stage, order: CycleOrder, cycle: Cycle, *, attempt_id: str) -> tuple[ChangeSet, StageRef]:
    """The changes that this run may write, as Parquet."""
    changes = cycle.changes_for(order)
    address = _address(order, cycle, "changes", attempt_id)
    return changes, stage_changes(stage, address, changes, planned_at=cycle.read_at.isoformat())


def stage_compared(stage: Stage, order: CycleOrder, cycle: Cycle, *, attempt_id: str) -> Mapping[Side, StageRef]:
    """The records of each side that has some, as Parquet, for the audit."""
    staged = {}
    for side in Side:
        records = [r for _, r in sorted(cycle.planned.records.get(side, {}).items()) if is_living(r)]
        if records:
            address = _address(order, cycle, order.pairing.end(side).system, attempt_id)
            at = cycle.read_at.isoformat()
            staged[side] = stage_records(stage, address, order.pairing, side, records, read_at=at)
    return staged


def _address(order: CycleOrder, cycle: Cycle, what: str, attempt_id: str) -> StageAddress:
    window = cycle.windows.get(Side.LEFT) or Window(None, cycle.read_at, WindowKind.BACKFILL)
    return StageAddress(order.pairing.name, what, window, attempt_id)


def held(state: State, pairing: Pairing) -> Mapping[tuple[str, str], int | None]:
    """The linked records of both objects, for the gate: only these does a plan change. None where none is linked."""
    linked = state.count_links(pairing.name) or None
    return {(end.system, end.object_name): linked for end in (pairing.left, pairing.right)}


def settle_cycle(
    state: State,
    run: RunKey,
    pairing: Pairing,
    windows: Mapping[Side, Window],
    outcomes: Mapping[str, RecordOutcome],
    *,
    writes_all: bool,
    consent_to: datetime | None = None,
) -> bool:
    """
    Move the watermarks of both sides, where every change is settled: what is deferred is looked at again.

    True where they moved.
    """
    if not writes_all or any(outcome.fate is Fate.DEFERRED for outcome in outcomes.values()):
        return False
    for side, window in windows.items():
        if window.kind.moves_watermark:
            state.advance_watermark(pairing.name, _object(pairing, side), to=window.end, run=run)
    if consent_to is not None:
        state.advance_watermark(pairing.name, POSITION, to=consent_to, run=run)
    return True


def outcome_of_cycle(
    name: str,
    tally: Tally,
    cycle_facts: Mapping[str, int],
    *,
    window: Window | None,
    problem: str = "",
    fix: str = "",
    finished_at: datetime,
) -> ObjectOutcome:
    """
    What became of the records that were looked at: of every change that was planned, and of every record that needed
    none (`unchanged`), was refused before a call was spent or waits for a person (`rejected`).
    """
    rejected, unchanged = cycle_facts.get("rejected", 0), cycle_facts.get("unchanged", 0)
    whole = tally + Tally(read=rejected + unchanged, rejected=rejected, unchanged=unchanged)
    partial = bool(whole.rejected or whole.deferred)
    return ObjectOutcome(
        name,
        RunState.PARTIAL if partial else RunState.SUCCESS,
        whole,
        window=window,
        method="sync",
        problem=problem,
        fix=fix,
        finished_at=finished_at,
    )


def facts_of(planned: Planned) -> dict[str, int]:
    """How many records needed nothing, or cannot be written: small enough for an XCom."""
    return {
        "read_left": planned.read.get(Side.LEFT, 0),
        "read_right": planned.read.get(Side.RIGHT, 0),
        "unchanged": len(planned.in_step.get(Side.LEFT, ())),
        "rejected": len(planned.refused) + len(planned.problems) + len(planned.duplicates),
        "reviews": len(planned.reviews),
        "gone": len(planned.gone),
        "moved": len(planned.moves),
    }


def _window(sink: Sink, state: State, order: CycleOrder, side: Side, *, claims: bool) -> Window:
    name, object_name = order.pairing.name, _object(order.pairing, side)
    proposed = decide_window(
        order.kind,
        horizon=sink.now() - order.lag,
        watermark=state.watermark(name, object_name),
        overlap=order.overlap,
        interval=order.interval,
    )
    return state.claim_window(order.run, name, object_name, proposed) if claims else proposed


def _waiting(state: State, pairing: Pairing) -> Sequence[str]:
    """Records that are set aside, or about which a person has decided since: they are looked at in every cycle."""
    keys = [
        key
        for side in Side
        for key in state.open_quarantine_keys(pairing.end(side).system, pairing.end(side).object_name)
    ]
    return [*keys, *state.decided_records(pairing.name)]


def _object(pairing: Pairing, side: Side) -> str:
    end = pairing.end(side)
    return f"{end.system}.{end.object_name}"


def left_out(planned: Planned, *, most: int) -> Iterator[str]:
    """What is not in the plan, a sentence each, at most so many of a kind: for the task's log."""
    refused = (f"Not sent: {c.object_name} {c.record_id or c.key}: {o.reason}" for c, o in planned.refused)
    duplicates = (f"Not linked: {refusal.reason}" for refusal in planned.duplicates)
    problems = (f"Not planned: {p.record_id}: {p.reason}" for p in planned.problems)
    reviews = (
        f"For a person to decide: {r.field_name} of {r.link.left_id} and {r.link.right_id}: {shown(r.left)} or "
        f"{shown(r.right)}; {r.reason}"
        for r in planned.reviews
    )
    gone = (f"One side was deleted: {link.left_id} and {link.right_id}" for link in planned.gone)
    for sentences in (refused, duplicates, problems, reviews, gone):
        yield from counted(sentences, most=most)

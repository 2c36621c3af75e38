"""Polled windows and deliveries of ids, in any order and repeated, with crashes between: both sides come to rest."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from crm_patterns.core.changes import ChangeSet, Side
from crm_patterns.core.ports import RunKey
from crm_patterns.core.staging import StageAddress
from crm_patterns.core.windows import WindowKind
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine
from crm_patterns.steps.apply import ApplyOrder, apply
from crm_patterns.steps.plan import PlanOrder, plan
from crm_patterns.steps.record_plan import record_plan
from crm_patterns.steps.staged_changes import read_changes, stage_changes
from crm_patterns.steps.sync import CycleOrder, plan_cycle, settle_cycle
from crm_patterns.warehouse.stage import ParquetStage
from tests.kills import Fuse, Killed, Mortal
from tests.two_systems import EVER, PAIRING, Systems

LEAD = "00Q1"
NAMES = {
    Side.LEFT: {"title": "Title", "phone": "Phone", "opt_out": "OptOut"},
    Side.RIGHT: {"title": "jobtitle", "phone": "phone", "opt_out": "opted_out"},
}
FLAGS = {Side.LEFT: {"a": "1", "b": "0", "c": None}, Side.RIGHT: {"a": "true", "b": "false", "c": None}}
SIDES = st.sampled_from(list(Side))
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("edit"), SIDES, st.sampled_from(["title", "phone", "opt_out"]), st.sampled_from("abc")),
        st.tuples(st.just("deliver"), st.lists(SIDES, min_size=1, max_size=2), st.booleans()),
        st.tuples(st.just("kill"), st.integers(1, 30), st.booleans(), st.booleans()),
        st.tuples(st.just("lose"), SIDES),
        st.tuples(st.just("poll")),
    ),
    max_size=8,
)


@dataclass
class Lives:
    """Runs over two doubles. A delivery that comes again is a run of its own, or the same run once more."""

    systems: Systems
    runs: int = 0
    attempts: int = 0
    last: RunKey | None = field(default=None)

    def poll(self, fuse: Fuse | None = None) -> ChangeSet:
        run, ports, state, stage = self._new_run(), *self._ports(fuse)
        order = CycleOrder(
            run, PAIRING, WindowKind.INCREMENTAL, frozenset(Side), timedelta(seconds=-1), timedelta(seconds=90)
        )
        cycle = plan_cycle(ports, state, order)
        done = self._write(run, cycle.planned, ports, state, stage)
        settle_cycle(state, run, PAIRING, cycle.windows, done.outcomes, writes_all=not done.tally.deferred)
        return ChangeSet(cycle.planned.changes.changes)

    def deliver(self, sides: list[Side], *, again: bool = False, fuse: Fuse | None = None) -> None:
        run = self.last if again and self.last else self._new_run()
        ports, state, stage = self._ports(fuse)
        ids = {side: tuple(self.sink(side).records) for side in sides}
        planned = plan(ports, state, PlanOrder(run, PAIRING, ids=ids, creates=frozenset(Side)))
        self._write(run, planned, ports, state, stage)

    def sink(self, side: Side) -> Any:
        return self.systems.ports()[side]

    def _write(self, run: RunKey, planned: Any, ports: Any, state: Any, stage: Any) -> Any:
        self.attempts += 1
        at = datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(days=self.runs)
        address = StageAddress("people", "changes", EVER, f"attempt-{self.attempts}")
        ref = stage_changes(stage, address, planned.changes, planned_at=at.isoformat())
        record_plan(state, run, PAIRING, planned, staged=ref, at=at)
        sinks = {"salesforce": ports[Side.LEFT], "hubspot": ports[Side.RIGHT]}
        return apply(sinks, state, read_changes(stage, ref), ApplyOrder(run), clock=lambda: at)

    def _ports(self, fuse: Fuse | None) -> tuple[Any, Any, Any]:
        here, state, stage = self.systems.ports(), self.systems.state, self.systems.stage
        if fuse is None:
            return here, state, stage
        return {side: Mortal(port, fuse) for side, port in here.items()}, Mortal(state, fuse), Mortal(stage, fuse)

    def _new_run(self) -> RunKey:
        self.runs += 1
        self.last = RunKey("crm_marketing_sync", f"run-{self.runs}")
        return self.last


def happen(lives: Lives, event: tuple[Any, ...]) -> None:
    match event:
        case ("edit", side, name, value):
            sink = lives.sink(side)
            for record_id in list(sink.records):
                said = FLAGS[side][value] if name == "opt_out" else value
                sink.edit(record_id, **{NAMES[side][name]: said})
        case ("deliver", sides, again):
            lives.deliver(sides, again=again)
        case ("kill", at, after, is_delivery):
            with contextlib.suppress(Killed):
                fuse = Fuse(at, after)
                if is_delivery:
                    lives.deliver(list(Side), fuse=fuse)
                else:
                    lives.poll(fuse)
        case ("lose", side):
            sink = lives.sink(side)
            sink.lost |= {LEAD, *sink.records}
        case _:
            lives.poll()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("state") / "empty.db"
    prepared = OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(file))))
    prepared.prepare()
    prepared.close()
    return file


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EVENTS)
def test_however_edits_deliveries_crashes_and_polls_interleave_both_sides_hold_what_the_policy_says(
    tmp_path_factory: pytest.TempPathFactory, state: Path, events: list[tuple[Any, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("world")
    (folder / "state.db").write_bytes(state.read_bytes())
    kept = OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(folder / "state.db"))))
    lives = Lives(Systems(kept, ParquetStage(LocalFileSystem(), f"{folder}/stage")))
    left, right = lives.sink(Side.LEFT), lives.sink(Side.RIGHT)
    left.edit(LEAD, Email="p@x.io", Title="CFO", Status="Open - Not Contacted")
    for event in events:
        happen(lives, event)
    restricts = left.records[LEAD].get("OptOut") == "1"
    restricts |= "true" in [each.get("opted_out") for each in right.records.values()]
    titles = {left.records[LEAD].get("Title"), *(each.get("jobtitle") for each in right.records.values())}
    for _ in range(3):
        lives.poll()
    written = left.written + right.written
    for _ in range(3):
        assert len(lives.poll()) == 0
    lives.deliver([Side.RIGHT, Side.LEFT])

    [there] = right.records.values()
    lead = left.records[LEAD]
    assert left.written + right.written == written
    assert lead.get("Title") == there.get("jobtitle")
    assert lead.get("Phone") == there.get("phone")
    assert lead.get("Title") in titles
    assert ((lead.get("OptOut") == "1"), (there.get("opted_out") == "true")) == (restricts, restricts)
    kept.close()

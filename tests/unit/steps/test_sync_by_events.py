"""Events and windows lead to the same plan: what both name changes once, and a run of events looks at nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy.engine import URL

from crm_patterns.core.changes import Side
from crm_patterns.core.ports import InboxEvent, RunKey
from crm_patterns.core.windows import WindowKind
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine
from crm_patterns.steps.claim_events import claim_events
from crm_patterns.steps.sync import Cycle, CycleOrder, plan_cycle, settle_cycle
from crm_patterns.warehouse.stage import ParquetStage
from tests.two_systems import PAIRING, Systems

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def systems(tmp_path: Path) -> Iterator[Systems]:
    state = OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(tmp_path / "state.db"))))
    made = Systems(state, ParquetStage(LocalFileSystem(), f"{tmp_path}/stage"))
    for number in (1, 2, 3):
        made.left.edit(f"00Q{number}", Email=f"p{number}@x.io", Title="CFO", Status="Open - Not Contacted")
    made.left.clock += timedelta(minutes=1)  # a window ends before the moment that it is read
    yield made
    state.close()


def told(systems: Systems, *records: tuple[str, str, str]) -> None:
    systems.state.store_events(
        [InboxEvent(f"e{n}", system, name, record, "edit", AT) for n, (system, name, record) in enumerate(records)]
    )


def cycle(systems: Systems, run: str, *, by_events: bool, **more: Any) -> Cycle:
    key = RunKey("crm_marketing_sync", run)
    claimed = claim_events(systems.state, key, ["salesforce", "hubspot"], at=AT)
    order = CycleOrder(
        key, PAIRING, WindowKind.INCREMENTAL, frozenset(Side), timedelta(0), timedelta(0),
        events=claimed.ids(PAIRING), by_events=by_events, **more,
    )  # fmt: skip
    return plan_cycle(systems.ports(), systems.state, order)


def names(planned: Cycle) -> list[tuple[str, str]]:
    return sorted((change.system, change.key) for change in planned.planned.changes.writes)


def test_a_run_of_events_is_about_their_records_and_reads_no_window(systems: Systems) -> None:
    told(systems, ("salesforce", "Lead", "00Q2"), ("hubspot", "contacts", "404"), ("hubspot", "companies", "00Q3"))

    planned = cycle(systems, "asset-1", by_events=True)

    assert [key for _, key in names(planned)] == ["00Q2"]
    assert planned.windows == {}
    assert planned.planned.read == {Side.LEFT: 1, Side.RIGHT: 0}


def test_a_run_of_events_that_another_run_has_taken_does_nothing(systems: Systems) -> None:
    told(systems, ("salesforce", "Lead", "00Q2"))

    cycle(systems, "asset-1", by_events=True)
    second = cycle(systems, "asset-2", by_events=True)

    assert (names(second), second.windows, second.planned.read[Side.LEFT]) == ([], {}, 0)


def test_a_record_of_a_window_that_was_told_of_too_changes_once(systems: Systems) -> None:
    told(systems, ("salesforce", "Lead", "00Q2"), ("salesforce", "Lead", "00Q2"))

    planned = cycle(systems, "scheduled-1", by_events=False)

    assert [key for _, key in names(planned)] == ["00Q1", "00Q2", "00Q3"]
    assert planned.windows.keys() == set(Side)


def test_what_no_window_shows_yet_is_planned_because_it_was_told_of(systems: Systems) -> None:
    before = systems.left.clock - timedelta(minutes=30)
    for side in Side:
        end = PAIRING.end(side)
        run = RunKey("crm_marketing_sync", "earlier")
        systems.state.advance_watermark(
            PAIRING.name, f"{end.system}.{end.object_name}", to=before + timedelta(hours=1), run=run
        )
    told(systems, ("salesforce", "Lead", "00Q3"))

    assert [key for _, key in names(cycle(systems, "scheduled-1", by_events=False))] == ["00Q3"]


def test_a_run_of_events_moves_no_watermark(systems: Systems) -> None:
    told(systems, ("salesforce", "Lead", "00Q2"))
    run = RunKey("crm_marketing_sync", "asset-1")
    order = CycleOrder(
        run, PAIRING, WindowKind.INCREMENTAL, frozenset(Side), timedelta(0), timedelta(0), by_events=True
    )

    planned = cycle(systems, "asset-1", by_events=True)

    assert not order.writes_all
    assert not settle_cycle(systems.state, run, PAIRING, planned.windows, {}, writes_all=order.writes_all)
    assert systems.state.watermark(PAIRING.name, "salesforce.Lead") is None

"""A run is turned round except where somebody edited since, and what was written is read back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy.engine import URL

from crm_patterns.core.changes import Action, ChangeSet, FieldChange
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.ports import RunKey
from crm_patterns.core.staging import StageAddress
from crm_patterns.patterns.undo import Reversal
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine
from crm_patterns.steps.apply import ApplyOrder, apply
from crm_patterns.steps.staged_changes import stage_changes
from crm_patterns.steps.undo import plan_undo
from crm_patterns.steps.verify import verify
from crm_patterns.warehouse.stage import ParquetStage
from tests.sink_double import NOON
from tests.two_systems import EVER, Systems

RUN, UNDO = RunKey("crm_marketing_sync", "bad run"), RunKey("crm_undo", "undo")


@pytest.fixture
def systems(tmp_path: Path) -> Iterator[Systems]:
    """Three linked people, in step."""
    state = OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(tmp_path / "state.db"))))
    made = Systems(state, ParquetStage(LocalFileSystem(), f"{tmp_path}/stage"))
    for number in (1, 2, 3):
        made.left.edit(f"00Q{number}", Email=f"p{number}@x.io", Title="CFO", Phone="1")
    made.cycle()
    yield made
    state.close()


def undone(systems: Systems) -> Reversal:
    sinks = {"salesforce": systems.left, "hubspot": systems.right}
    reversal = plan_undo(sinks, systems.stage, systems.state, RUN)
    apply(sinks, systems.state, reversal.changes, ApplyOrder(UNDO), clock=lambda: NOON)
    return reversal


def contact(systems: Systems, number: int) -> dict[str, object]:
    return next(r for r in systems.right.records.values() if r["sf_id"] == f"00Q{number}")


def contact_id(systems: Systems, number: int) -> str:
    return next(i for i, r in systems.right.records.items() if r["sf_id"] == f"00Q{number}")


def test_values_of_before_come_back_except_where_somebody_edited_since(systems: Systems) -> None:
    for number in (1, 2):
        systems.left.edit(f"00Q{number}", Title="oops", Phone="9", OptOut="1")
    systems.cycle(run=RUN)
    systems.right.edit(contact_id(systems, 2), jobtitle="Founder")

    reversal = undone(systems)

    assert (contact(systems, 1)["jobtitle"], contact(systems, 1)["phone"]) == ("CFO", "1")
    assert (contact(systems, 2)["jobtitle"], contact(systems, 2)["phone"]) == ("Founder", "1")
    assert {contact(systems, n)["opted_out"] for n in (1, 2)} == {"true"}
    assert sorted((kept.field_name, kept.reason) for kept in reversal.kept) == [
        ("jobtitle", "Edited since."),
        ("opted_out", "A restriction is lifted by evidence alone."),
        ("opted_out", "A restriction is lifted by evidence alone."),
    ]


def test_what_was_undone_stays_so_until_somebody_edits(systems: Systems) -> None:
    systems.left.edit("00Q1", Title="oops")
    systems.cycle(run=RUN)
    undone(systems)

    planned, _ = systems.cycle()
    twice = undone(systems)
    systems.left.edit("00Q1", Title="right")
    systems.cycle()

    assert (len(planned.changes), len(twice.changes)) == (0, 0)
    assert contact(systems, 1)["jobtitle"] == "right"


def test_a_created_record_goes_only_if_nobody_touched_it_and_is_not_created_again(systems: Systems) -> None:
    systems.left.edit("00Q8", Email="p8@x.io")
    systems.left.edit("00Q9", Email="p9@x.io")
    systems.cycle(run=RUN)
    systems.right.edit(contact_id(systems, 9), email="new@x.io")

    reversal = undone(systems)
    systems.cycle()

    assert [change.action for change in reversal.changes] == [Action.DELETE]
    assert systems.right.gone == {contact_id(systems, 8)}
    assert len(systems.right.records) == 5


def test_a_run_without_a_plan_cannot_be_undone(systems: Systems) -> None:
    with pytest.raises(FixSettings, match="no plan of run bad run") as told:
        undone(systems)

    assert "scheduled__2026" in told.value.fix, "it says how runs are named"


def test_a_record_that_two_plans_of_a_run_changed_is_undone_in_two_steps(systems: Systems) -> None:
    systems.left.edit("00Q1", Title="oops")
    planned, _ = systems.cycle(run=RUN)
    second = replace(planned.changes.writes[0], fields=(FieldChange("phone", "1", "9"),))
    address = StageAddress("other", "changes", EVER, "a1")
    staged = stage_changes(systems.stage, address, ChangeSet.of([second]), planned_at="now")
    systems.state.remember_plan(RUN, "another", staged)
    apply({"hubspot": systems.right}, systems.state, ChangeSet.of([second]), ApplyOrder(RUN), clock=lambda: NOON)

    first = undone(systems)
    undone(systems)

    assert "undo the run once more" in first.kept[0].reason
    assert (contact(systems, 1)["jobtitle"], contact(systems, 1)["phone"]) == ("CFO", "1")


def test_what_was_accepted_is_read_back_whole_or_in_part(systems: Systems) -> None:
    for number in (1, 2, 3):
        systems.left.edit(f"00Q{number}", Title="CEO")
    planned, done = systems.cycle(run=RUN)
    systems.right.edit(contact_id(systems, 2), jobtitle="Ceo")
    systems.right.gone = {contact_id(systems, 3)}
    sinks = {"hubspot": systems.right, "salesforce": systems.left}

    whole = verify(sinks, planned.changes, done.outcomes)
    part = verify(sinks, planned.changes, done.outcomes, share=0.1)
    nothing = verify(sinks, planned.changes, done.outcomes, share=0)

    assert (whole.accepted, whole.read) == (3, 3)
    assert [(d.field_name, d.written, d.present) for d in whole.differences] == [("jobtitle", "CEO", "Ceo")]
    assert [change.key for change in whole.lost] == [contact_id(systems, 3)]
    assert (part.accepted, part.read, nothing.read) == (3, 1, 0)

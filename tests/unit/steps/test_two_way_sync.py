"""Two systems kept in step by plan and apply: both come to hold what the rules say, and then nothing is written."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from crm_patterns.core.changes import Action, Fate, Side
from crm_patterns.core.ports import RunKey
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine
from crm_patterns.warehouse.stage import ParquetStage
from tests.kills import Fuse, Killed, Mortal
from tests.two_systems import Systems


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("state") / "empty.db"
    prepared = OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(file))))
    prepared.prepare()
    prepared.close()
    return file


@pytest.fixture
def systems(tmp_path: Path, empty: Path) -> Iterator[Systems]:
    made = fresh(tmp_path, empty)
    yield made
    made.state.close()


def fresh(folder: Path, empty: Path) -> Systems:
    folder.mkdir(exist_ok=True)
    shutil.copy(empty, folder / "state.db")
    state = OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(folder / "state.db"))))
    return Systems(state, ParquetStage(LocalFileSystem(), f"{folder}/stage"))


def writes(systems: Systems) -> int:
    return int(systems.left.written + systems.right.written)


def person(systems: Systems, number: int = 1, **values: Any) -> str:
    lead = f"00Q{number}"
    defaults = {"Email": f"p{number}@x.io", "Title": "CFO", "Status": "Open - Not Contacted"}
    systems.left.edit(lead, **{**defaults, **values})
    return lead


def contact(systems: Systems) -> dict[str, Any]:
    [only] = systems.right.records.values()
    return dict(only)


def test_a_first_load_links_who_is_there_and_creates_who_is_not_and_then_rests(systems: Systems) -> None:
    person(systems, 1)
    person(systems, 2, Title=None)
    systems.right.edit("H7", email="P2@x.io", jobtitle="CTO")
    systems.right.edit("H8", email="only@there.io")

    first, done = systems.cycle()
    named, _ = systems.cycle()  # H8 learns the id of the lead that was made for it
    calls = writes(systems)
    for _ in range(20):
        again, _ = systems.cycle()
        assert len(again.changes) == 0

    assert sorted(c.action for c in first.changes.writes) == [
        Action.CREATE, Action.CREATE, Action.UPDATE, Action.UPDATE,
    ]  # fmt: skip
    assert done.tally.is_balanced
    assert [dict(c.wanted) for c in named.changes.writes] == [{"sf_id": "S0003"}]
    assert writes(systems) == calls == 5
    assert systems.left.records["00Q2"]["Title"] == "CTO"
    assert {r.get("email") for r in systems.right.records.values()} == {"p1@x.io", "P2@x.io", "only@there.io"}
    assert len(systems.left.records) == len(systems.right.records) == 3


def test_an_edit_on_either_side_arrives_on_the_other_and_so_does_one_right_after_ours(systems: Systems) -> None:
    lead = person(systems)
    systems.cycle()
    [contact_id] = systems.right.records

    systems.left.edit(lead, Title="CEO")
    systems.cycle()
    systems.right.edit(contact_id, jobtitle="Founder")  # where our write has just gone
    systems.right.edit(contact_id, hs_lead_status="IN_PROGRESS")
    systems.cycle()

    assert systems.left.records[lead]["Title"] == contact(systems)["jobtitle"] == "Founder"
    assert systems.left.records[lead]["Status"] == "Working - Contacted"
    assert len(systems.cycle()[0].changes) == 0


def test_an_opt_out_beats_every_edit_and_reaches_duplicates_that_are_not_linked(systems: Systems) -> None:
    person(systems, 1)
    systems.cycle()
    person(systems, 2, Email="p1@x.io", OptOut="0")  # a duplicate of the first
    [contact_id] = systems.right.records
    systems.right.edit(contact_id, opted_out="true", hs_lead_status="SNOOZED")

    planned, _ = systems.cycle()

    assert [r.left_ids for r in planned.duplicates] == [("00Q1", "00Q2")]
    assert [p.field_name for p in planned.problems] == ["hs_lead_status"]
    assert {r["OptOut"] for r in systems.left.records.values()} == {"1"}
    assert contact(systems)["opted_out"] == "true"
    assert len(systems.right.records) == 1
    assert systems.state.open_quarantine_keys("salesforce", "Lead") == ["00Q1", "00Q2"]
    assert systems.state.open_quarantine_keys("hubspot", "contacts") == [contact_id]


def test_what_was_set_aside_comes_out_when_it_is_put_right(systems: Systems) -> None:
    lead = person(systems, Status="Nurture")
    good = person(systems, 2)

    planned, _ = systems.cycle()
    held = systems.state.open_quarantine_keys("salesforce", "Lead")
    systems.left.edit(lead, Status="Working - Contacted")
    systems.cycle()
    systems.cycle()

    assert (len(planned.problems), held) == (1, [lead])
    assert {r["sf_id"] for r in systems.right.records.values()} == {lead, good}
    assert systems.state.open_quarantine_keys("salesforce", "Lead") == []


def test_a_create_whose_answer_was_lost_makes_no_second_person_in_the_next_run(systems: Systems) -> None:
    person(systems)
    systems.right.lost = {"00Q1"}
    systems.right.hidden = {"H0001"}
    _, first = systems.cycle()
    systems.right.hidden = set()

    planned, _ = systems.cycle()

    assert [o.fate for o in first.outcomes.values()] == [Fate.DEFERRED]
    assert [c.action for c in planned.changes] == [Action.LINK]
    assert len(systems.right.records) == 1
    assert len(systems.cycle()[0].changes) == 0


def test_a_deleted_counterpart_is_told_and_not_made_anew(systems: Systems) -> None:
    lead = person(systems)
    systems.cycle()
    systems.right.gone = set(systems.right.records)
    systems.left.edit(lead, Title="CEO")

    planned, _ = systems.cycle()

    assert [link.left_id for link in planned.gone] == [lead]
    assert (len(planned.changes), len(systems.right.records)) == (0, 1)


def test_a_converted_record_keeps_its_counterpart_and_what_was_agreed(systems: Systems) -> None:
    lead = person(systems)
    systems.cycle()
    [contact_id] = systems.right.records
    systems.left.edit("003C", **systems.left.records[lead])
    systems.left.merged = {lead: "003C"}
    systems.left.edit("003C", Title="CEO")

    systems.cycle()
    links = systems.state.links("people", Side.RIGHT, [contact_id])
    rest, _ = systems.cycle()

    assert links[contact_id].left_id == "003C"
    assert (contact(systems)["jobtitle"], contact(systems)["sf_id"]) == ("CEO", "003C")
    assert (len(systems.right.records), len(rest.changes)) == (1, 0)


def test_a_merge_into_a_linked_record_ends_the_losers_link(systems: Systems) -> None:
    person(systems, 1)
    person(systems, 2)
    systems.cycle()
    first, second = systems.right.records
    systems.right.merged = {second: first}
    systems.left.edit("00Q2", Title="CEO")

    systems.cycle()
    links = systems.state.links("people", Side.LEFT, ["00Q1", "00Q2"])
    made, _ = systems.cycle()

    assert {left: link.right_id for left, link in links.items()} == {"00Q1": first}
    assert [c.action for c in made.changes.writes] == [Action.CREATE]


def test_planning_writes_nothing_anywhere(systems: Systems) -> None:
    person(systems)

    first = systems.plan(RunKey("d", "dry"))
    second = systems.plan(RunKey("d", "dry"))

    assert first == second
    assert len(first.changes) == 1
    assert writes(systems) == 0
    assert systems.state.links("people", Side.LEFT, ["00Q1"]) == {}


def test_a_kill_at_any_call_of_plan_and_apply_and_a_retry_leave_what_a_calm_run_leaves(
    tmp_path: Path, empty: Path
) -> None:
    def scene(name: str) -> Systems:
        made = fresh(tmp_path / name, empty)
        person(made, 1)
        person(made, 2)
        made.right.edit("H7", email="p2@x.io", jobtitle="CTO", opted_out="true")
        return made

    run = RunKey("crm_marketing_sync", "the run")
    calm, fuse = scene("calm"), Fuse()
    left, right, state, stage = calm.left, calm.right, calm.state, calm.stage
    Systems(*(Mortal(port, fuse) for port in (state, stage, left, right))).cycle(run=run)
    calm.attempts = 1
    calm.cycle()

    for at in range(1, fuse.calls + 1):
        made = scene(f"at-{at}")
        mortal = [Mortal(port, Fuse(0)) for port in (made.state, made.stage, made.left, made.right)]
        fatal = Fuse(at, after=at % 2 == 0)
        for port in mortal:
            port._fuse = fatal
        with pytest.raises(Killed):
            Systems(*mortal).cycle(run=run)
        made.attempts = 1
        made.cycle(run=run)
        made.cycle()

        assert (made.left.records, made.right.records) == (left.records, right.records), at
        assert writes(made) == left.written + right.written, at
        made.state.close()
    assert fuse.calls > 20
    state.close()


SIDES = st.sampled_from(["left", "right"])
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("edit"), SIDES, st.sampled_from(["title", "phone", "opt_out"]), st.sampled_from("abc")),
        st.tuples(st.just("kill"), st.integers(1, 30), st.booleans(), st.just("")),
        st.tuples(st.just("lose"), SIDES, st.just(""), st.just("")),
        st.tuples(st.just("cycle"), st.just(""), st.just(""), st.just("")),
    ),
    max_size=6,
)
FIELDS = {"left": {"title": "Title", "phone": "Phone", "opt_out": "OptOut"},
          "right": {"title": "jobtitle", "phone": "phone", "opt_out": "opted_out"}}  # fmt: skip


def happen(systems: Systems, event: tuple[Any, ...]) -> None:
    match event:
        case ("edit", side, name, value):
            sink = getattr(systems, side)
            said = {"a": "1", "b": "0", "c": None} if side == "left" else {"a": "true", "b": "false", "c": None}
            for record_id in list(sink.records):
                sink.edit(record_id, **{FIELDS[side][name]: said[value] if name == "opt_out" else value})
        case ("kill", at, after, _):
            fuse = Fuse(at, after)
            ports = (systems.state, systems.stage, systems.left, systems.right)
            mortal = Systems(*(Mortal(p, fuse) for p in ports), runs=systems.runs, attempts=systems.attempts)
            with contextlib.suppress(Killed):
                mortal.cycle()
            systems.runs, systems.attempts = mortal.runs, mortal.attempts
        case ("lose", side, _, _):
            sink = getattr(systems, side)
            sink.lost |= {"00Q1", *sink.records}
        case _:
            systems.cycle()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EVENTS)
def test_however_edits_kills_lost_answers_and_cycles_interleave_both_sides_come_to_rest(
    tmp_path_factory: pytest.TempPathFactory, empty: Path, events: list[tuple[Any, ...]]
) -> None:
    systems = fresh(tmp_path_factory.mktemp("world"), empty)
    person(systems)
    for event in events:
        happen(systems, event)
    restricts = systems.left.records["00Q1"].get("OptOut") == "1"
    restricts |= "true" in [r.get("opted_out") for r in systems.right.records.values()]
    for _ in range(3):
        systems.cycle()
    at_rest = writes(systems)
    for _ in range(3):
        assert len(systems.cycle()[0].changes) == 0

    lead, there = systems.left.records["00Q1"], contact(systems)
    assert writes(systems) == at_rest
    assert (lead.get("Title"), lead.get("Phone")) == (there.get("jobtitle"), there.get("phone"))
    assert ((lead.get("OptOut") == "1"), (there.get("opted_out") == "true")) == (restricts, restricts)
    systems.state.close()

"""Applying a plan: once, whatever is lost, killed, locked or edited in between; and every record has an outcome."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL

from crm_patterns.core.changes import Action, Agreement, Change, ChangeSet, Fate, FieldChange, LinkEnds, Side
from crm_patterns.core.errors import FixSettings, OutOfBudget
from crm_patterns.core.ports import RunKey
from crm_patterns.core.values import Value
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine
from crm_patterns.steps.apply import Applied, ApplyOrder, apply
from tests.kills import Fuse, Killed, Mortal
from tests.sink_double import NOON, SinkDouble

ONE, TWO = RunKey("crm_marketing_sync", "one"), RunKey("crm_marketing_sync", "two")
LATER = NOON + timedelta(hours=1)


def opened(file: Path) -> OperationalState:
    return OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(file))))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[OperationalState]:
    fresh = opened(tmp_path / "state.db")
    yield fresh
    fresh.close()


def agreement(value: str) -> Agreement:
    return Agreement(value, value, "right", "before")


def link(key: str, right_id: str = "") -> LinkEnds:
    return LinkEnds(f"link-{key}", "people", "Lead", key, "contacts", right_id)


def create(key: str, **values: Value) -> Change:
    values |= {"sf_id": key}
    fields = tuple(FieldChange(name, None, value, agreement=agreement(str(value))) for name, value in values.items())
    return Change("hubspot", "contacts", Action.CREATE, key, fields=fields, lookup=("sf_id", key), link=link(key))


def update(key: str, rule: str = "owner_wins", **values: tuple[Value, Value]) -> Change:
    fields = tuple(FieldChange(n, a, b, rule=rule, agreement=agreement(str(b))) for n, (a, b) in values.items())
    return Change("hubspot", "contacts", Action.UPDATE, key, key, fields, link=link(f"L{key}", key))


def sink(**more: Any) -> SinkDouble:
    return SinkDouble(records={f"H{n}": {"title": "CFO", "phone": "1"} for n in range(1, 5)}, **more)


def applied(
    target: Any, state: Any, changes: list[Change], *, run: RunKey = ONE, at: datetime = NOON, **order: Any
) -> Applied:
    return apply({"hubspot": target}, state, ChangeSet.of(changes), ApplyOrder(run, **order), clock=lambda: at)


def fates(done: Applied, changes: list[Change]) -> list[Fate]:
    return [done.outcomes[change.change_id].fate for change in changes]


PLAN = [
    create("L1", email="a@x.io"),
    create("L2", email="b@x.io"),
    update("H1", title=("CFO", "CEO")),
    update("H2", title=("CFO", "CTO"), phone=("1", None)),
    Change("hubspot", "contacts", Action.DELETE, "H3", "H3", link=link("L3", "H3")),
    Change("people", "links", Action.LINK, "link-L4", link=link("L4", "H4"),
           fields=(FieldChange("title", None, None, agreement=Agreement("l", "r")),)),
]  # fmt: skip


def world(target: SinkDouble, state: OperationalState) -> tuple[object, ...]:
    """All that is left afterwards, inside and outside."""
    ids = ["L1", "L2", "LH1", "LH2", "L3", "L4"]
    links = state.links("people", Side.LEFT, ids)
    return target.records, target.gone, links, state.agreements(e.link_id for e in links.values())


def test_each_change_is_written_once_linked_agreed_and_accounted_for(state: OperationalState) -> None:
    target = sink(size=2)

    done = applied(target, state, PLAN)

    assert done.tally.is_balanced
    assert fates(done, PLAN) == [
        Fate.CREATED, Fate.CREATED, Fate.UPDATED, Fate.UPDATED, Fate.DELETED, Fate.UNCHANGED,
    ]  # fmt: skip
    assert target.records["H2"] == {"title": "CTO", "phone": None}
    assert target.gone == {"H3"}
    links = state.links("people", Side.LEFT, ["L1", "L2", "LH1", "L4"])
    assert {key: ends.right_id for key, ends in links.items()} == {
        "L1": "H0005", "L2": "H0006", "LH1": "H1", "L4": "H4",
    }  # fmt: skip
    assert state.agreements(["link-LH2", "link-L4"])["link-LH2"]["title"] == Agreement("CTO", "CTO")


def test_the_same_task_again_writes_nothing_and_says_the_same(state: OperationalState) -> None:
    target = sink()

    first = applied(target, state, PLAN)
    written, before = target.written, world(target, state)
    second = applied(target, state, PLAN)

    assert (target.written, world(target, state)) == (written, before)
    assert first == second


@pytest.mark.parametrize("look_first", [True, False])
def test_a_kill_at_any_call_and_a_retry_leave_what_one_undisturbed_run_leaves(tmp_path: Path, look_first: bool) -> None:
    empty = opened(tmp_path / "empty.db")
    empty.prepare()
    empty.close()

    def fresh(name: str) -> tuple[SinkDouble, OperationalState]:
        shutil.copy(tmp_path / "empty.db", tmp_path / f"{name}.db")
        return sink(size=2), opened(tmp_path / f"{name}.db")

    target, state = fresh("calm")
    fuse = Fuse()
    applied(Mortal(target, fuse), Mortal(state, fuse), PLAN, look_first=look_first)
    calm, writes = world(target, state), target.written
    assert fuse.calls > 10

    for at in range(1, fuse.calls + 1):
        for after in (False, True):
            target, state = fresh(f"{at}-{after}")
            fatal = Fuse(at, after)
            with pytest.raises(Killed):
                applied(Mortal(target, fatal), Mortal(state, fatal), PLAN, look_first=look_first)

            done = applied(target, state, PLAN, look_first=look_first)

            assert all(outcome.is_accepted for outcome in done.outcomes.values()), (at, after)
            assert (world(target, state), target.written) == (calm, writes), (at, after)
            state.close()


def test_an_answer_that_was_lost_is_looked_for_and_nothing_is_sent_twice(state: OperationalState) -> None:
    target = sink(lost={"L1", "H1", "H3"})

    done = applied(target, state, PLAN)

    assert all(outcome.is_accepted for outcome in done.outcomes.values())
    assert len(target.sent) == target.written == 5
    assert state.links("people", Side.LEFT, ["L1"])["L1"].right_id == "H0005"


def test_a_create_that_cannot_be_seen_yet_waits_and_is_then_linked_not_repeated(state: OperationalState) -> None:
    target, plan = sink(lost={"L1"}, hidden={"H0005"}, lookup_lag_s=60), [create("L1", email="a@x.io")]

    first = applied(target, state, plan)
    soon = applied(target, state, plan, at=NOON + timedelta(seconds=30))
    target.hidden.clear()
    found = applied(target, state, plan, at=NOON + timedelta(seconds=90))

    assert fates(first, plan) == fates(soon, plan) == [Fate.DEFERRED]
    assert fates(found, plan) == [Fate.CREATED]
    assert len(target.sent) == 1


def test_a_write_that_never_arrived_is_sent_again_by_the_next_try(state: OperationalState) -> None:
    target, plan = sink(drops={"L1", "H1"}), [create("L1"), update("H1", title=("CFO", "CEO"))]

    first = applied(target, state, plan)
    second = applied(target, state, plan)

    assert fates(first, plan) == [Fate.DEFERRED, Fate.DEFERRED]
    assert fates(second, plan) == [Fate.CREATED, Fate.UPDATED]
    assert target.written == 2


def test_a_create_without_a_key_to_look_it_up_by_is_never_sent_twice(state: OperationalState) -> None:
    target, plan = sink(drops={"L1"}), [replace(create("L1"), lookup=None)]

    applied(target, state, plan)
    done = applied(target, state, plan)

    assert len(target.sent) == 1
    outcome = done.outcomes[plan[0].change_id]
    assert (outcome.fate, outcome.rule) == (Fate.REJECTED, "unknown_outcome")


def test_what_somebody_edited_since_the_plan_is_left_alone_and_the_rest_is_written(state: OperationalState) -> None:
    target = sink()
    target.edit("H1", title="Founder")
    target.edit("H2", phone="2")
    plan = [update("H1", title=("CFO", "CEO")), update("H2", title=("CFO", "CTO"), phone=("1", "9"))]

    done = applied(target, state, plan)

    assert fates(done, plan) == [Fate.DEFERRED, Fate.UPDATED]
    assert (target.records["H1"]["title"], target.records["H2"]) == ("Founder", {"title": "CTO", "phone": "2"})
    assert "phone" in done.outcomes[plan[1].change_id].reason
    assert set(state.agreements(["link-LH2"])["link-LH2"]) == {"title"}


def test_only_fields_that_are_not_there_yet_are_sent(state: OperationalState) -> None:
    target = sink()
    target.edit("H1", title="CEO")

    applied(target, state, [update("H1", title=("CFO", "CEO"), phone=("1", "2"))])

    assert [dict(change.wanted) for change in target.sent] == [{"phone": "2"}]


def test_a_record_that_stays_locked_is_set_aside_after_so_many_tries(state: OperationalState) -> None:
    target, plan = sink(locked={"H1"}), [update("H1", title=("CFO", "CEO"))]

    tries = [applied(target, state, plan, run=RunKey("d", str(n)), most_tries=3) for n in range(4)]

    assert [fates(done, plan)[0] for done in tries] == [Fate.DEFERRED, Fate.DEFERRED, Fate.REJECTED, Fate.REJECTED]
    assert len(target.sent) == 3
    assert state.open_quarantine_keys("hubspot", "contacts") == ["H1"]


def test_what_was_rejected_costs_no_further_call_until_it_is_replayed(state: OperationalState) -> None:
    target, plan = sink(refuses={"H1"}), [update("H1", title=("CFO", "CEO")), update("H2", title=("CFO", "CTO"))]

    first = applied(target, state, plan)
    target.refuses.clear()
    calls = target.calls
    again = applied(target, state, plan[:1], run=TWO)
    unchanged = target.calls == calls
    replayed = applied(target, state, plan[:1], run=TWO, anew=True)

    assert fates(first, plan) == [Fate.REJECTED, Fate.UPDATED]
    assert (fates(again, plan[:1]), unchanged) == ([Fate.REJECTED], True)
    assert fates(replayed, plan[:1]) == [Fate.UPDATED]
    assert state.open_quarantine_keys("hubspot", "contacts") == []


def test_what_another_run_may_be_writing_is_left_to_it_until_it_is_old(state: OperationalState) -> None:
    target, plan = sink(), [create("L1")]
    fuse = Fuse(at=3)  # dies before the record is sent
    with pytest.raises(Killed):
        applied(Mortal(target, fuse), state, plan)

    young = applied(target, state, plan, run=TWO, at=NOON + timedelta(minutes=1))
    old = applied(target, state, plan, run=TWO, at=LATER)

    assert (fates(young, plan), fates(old, plan)) == ([Fate.DEFERRED], [Fate.CREATED])
    assert target.written == 1


def test_a_key_that_is_taken_meanwhile_makes_no_second_record(state: OperationalState) -> None:
    target, plan = sink(), [create("L1")]
    target.edit("H9", sf_id="L1")

    done = applied(target, state, plan)

    assert fates(done, plan) == [Fate.DEFERRED]
    assert "next run links it" in done.outcomes[plan[0].change_id].reason
    assert target.sent == []


def test_restrictions_go_first_and_a_spent_budget_defers_the_rest(state: OperationalState) -> None:
    target = sink(size=1)
    opt_out = update("H4", "most_restrictive", opted_out=(None, "true"))
    plan = [create("L1"), update("H1", title=("CFO", "CEO")), opt_out]

    def stop() -> None:
        if target.sent:
            raise OutOfBudget("The calls of today are spent.", until=LATER)

    target.before_apply = stop

    done = applied(target, state, plan)
    target.before_apply = None
    tomorrow = applied(target, state, plan, run=TWO, at=LATER)

    assert fates(done, plan) == [Fate.DEFERRED, Fate.DEFERRED, Fate.UPDATED]
    assert (done.out_of_budget, done.until) == ("The calls of today are spent.", LATER)
    assert done.tally.is_balanced
    assert fates(tomorrow, plan) == [Fate.CREATED, Fate.UPDATED, Fate.UPDATED]
    assert target.written == 3


def test_nothing_planned_asks_nothing_and_a_system_without_a_connection_is_named(state: OperationalState) -> None:
    target = sink()

    assert applied(target, state, []).tally.read == target.calls == 0
    with pytest.raises(FixSettings, match="writes to marketo"):
        applied(target, state, [replace(create("L1"), system="marketo")])

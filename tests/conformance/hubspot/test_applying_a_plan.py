"""The write path on HubSpot: whatever is lost on the way, no record is written twice and every one has an outcome."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from crm_patterns.clients.hubspot.client import HubSpotClient
from crm_patterns.core.changes import Change, ChangeSet, Fate
from crm_patterns.core.ports import RunKey
from crm_patterns.core.targets import TargetRecord
from crm_patterns.patterns.preflight import check
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine
from crm_patterns.steps.apply import Applied, ApplyOrder, apply
from tests.conformance.hubspot.hubspot_world import HubSpotWorld, create, update

RUN = RunKey("crm_marketing_sync", "one")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[OperationalState]:
    fresh = OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(tmp_path / "state.db"))))
    fresh.prepare()
    yield fresh
    fresh.close()


def applied(world: HubSpotWorld, hubspot: HubSpotClient, state: OperationalState, changes: list[Change]) -> Applied:
    return apply({"hubspot": hubspot}, state, ChangeSet.of(changes), ApplyOrder(RUN), clock=world.now)


def test_a_contact_that_search_does_not_know_is_not_created_again_after_a_lost_answer(
    world: HubSpotWorld, hubspot: HubSpotClient, state: OperationalState
) -> None:
    world.control("POST", "settings", {"index_lag_s": 60})
    email = "unseen@apply.example"
    change = create("L1", lookup=("email", email), email=email, city="Gent")
    world.fault(kind="lost_reply", path="batch/create")

    first = applied(world, hubspot, state, [change])
    second = applied(world, hubspot, state, [change])

    [held] = world.holders("email", email)
    assert first.outcomes[change.change_id].is_accepted
    assert second.outcomes[change.change_id].record_id == held
    assert len(world.calls("batch/create")) == 1


def test_three_unmapped_values_of_500_cost_no_call_and_the_others_are_written(
    world: HubSpotWorld, hubspot: HubSpotClient, state: OperationalState
) -> None:
    ids = world.people(*({"lastname": f"Plan {n}"} for n in range(500)))
    bad = {5, 250, 499}
    plan = [
        update(each, city="Newtown", hs_lead_status="UNHEARD OF" if n in bad else "NEW") for n, each in enumerate(ids)
    ]

    sent, refused = check(plan, hubspot.describe_target("contacts"))
    done = applied(world, hubspot, state, sent)

    assert [(each.field_name, each.fate) for each in refused] == [("hs_lead_status", Fate.REJECTED)] * 3
    assert done.tally.updated == 497
    assert len(world.calls("batch/update")) == 5
    assert sorted(world.holders("city", "Newtown")) == sorted(each for n, each in enumerate(ids) if n not in bad)


def test_a_storm_of_429_and_a_lost_answer_to_an_update_leave_one_write(
    world: HubSpotWorld, hubspot: HubSpotClient, state: OperationalState
) -> None:
    [record_id] = world.people({"lastname": "Stormy"})
    world.fault(preset="ten_secondly_limit", count=4)
    world.fault(kind="lost_reply", path="batch/update")
    change = update(record_id, city="New")

    done = applied(world, hubspot, state, [change])

    found: TargetRecord = hubspot.read_records("contacts", ["city"], [record_id])[record_id]
    assert done.outcomes[change.change_id].fate is Fate.UPDATED
    assert found.values == {"city": "New"}
    assert [call["status"] for call in world.calls("batch/update")] == [None]


def test_a_spent_day_defers_what_is_left_and_the_next_run_ends_it(
    world: HubSpotWorld, hubspot: HubSpotClient, state: OperationalState
) -> None:
    ids = world.people(*({"lastname": f"Spent {n}"} for n in range(150)))
    plan = [update(each, city="Done") for each in ids]
    hubspot.describe_target("contacts")
    world.control("POST", "limits", {"remaining_today": 3})

    first = applied(world, hubspot, state, plan)
    world.wait(timedelta(days=1).total_seconds())
    second = applied(world, hubspot, state, plan)

    assert (first.tally.updated, first.tally.deferred) == (100, 50)
    assert first.out_of_budget
    assert (second.tally.updated, second.tally.deferred) == (150, 0)
    assert len([call for call in world.calls("batch/update") if call["status"] == 200]) == 2

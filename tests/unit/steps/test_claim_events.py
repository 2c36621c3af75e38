"""What a run is told to look at, and what becomes of it afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from crm_patterns.core.changes import Side
from crm_patterns.core.ports import InboxEvent, RunKey
from crm_patterns.patterns.comparison import End, Pairing
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine
from crm_patterns.steps.claim_events import KEPT, Claimed, claim_events, claimed_by, settle_events

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE, TWO = RunKey("crm_marketing_sync", "asset-1"), RunKey("crm_marketing_sync", "asset-2")
SYSTEMS = ("salesforce", "hubspot")
PEOPLE = Pairing("people", End("salesforce", "Lead"), End("hubspot", "contacts"), ())
EVENTS = [
    InboxEvent(f"{system}-{record_id}-{kind}", system, name, record_id, kind, AT)
    for system, name, record_id, kind in [
        ("hubspot", "contacts", "5", "creation"),
        ("hubspot", "contacts", "5", "propertyChange"),
        ("hubspot", "companies", "6", "creation"),
        ("salesforce", "Contact", "003A", "message"),
        ("salesforce", "Lead", "00QA", "message"),
        ("salesforce", "Account", "001A", "message"),
    ]
]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[OperationalState]:
    opened = OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(tmp_path / "state.db"))))
    opened.store_events(EVENTS)
    yield opened
    opened.close()


def test_the_events_become_the_ids_of_each_side_each_record_once(state: OperationalState) -> None:
    claimed = claim_events(state, ONE, SYSTEMS, at=AT)

    assert claimed.ids(PEOPLE) == {Side.LEFT: ("003A", "00QA"), Side.RIGHT: ("5",)}
    companies = Pairing("companies", End("hubspot", "companies"), End("salesforce", "Account"), ())
    assert claimed.ids(companies) == {Side.LEFT: ("6",), Side.RIGHT: ("001A",)}
    assert Claimed().ids(PEOPLE) == {}


def test_a_lead_or_contact_concerns_who_keeps_people_in_step(state: OperationalState) -> None:
    people = [("salesforce", "Person"), ("marketo", "leads")]

    claimed = claim_events(state, ONE, ["salesforce"], at=AT)

    assert claimed.concerns(people)
    assert not claimed.concerns([("hubspot", "contacts"), ("salesforce", "Campaign")])


def test_a_later_task_and_a_retry_see_the_same_events_and_another_run_none(state: OperationalState) -> None:
    claimed = claim_events(state, ONE, SYSTEMS, at=AT)

    assert set(claimed_by(state, ONE).events) == set(claimed.events) == set(EVENTS)
    assert claim_events(state, ONE, SYSTEMS, at=AT + timedelta(minutes=5)) == claimed
    assert claim_events(state, TWO, SYSTEMS, at=AT) == claimed_by(state, TWO) == Claimed()


def test_the_records_that_were_deferred_go_to_the_next_run(state: OperationalState) -> None:
    claimed = claim_events(state, ONE, SYSTEMS, at=AT)

    waiting = [each.event_id for each in claimed.events if each.record_id == "5"]
    done = settle_events(state, ONE, at=AT, give_back=waiting)

    assert done == 4
    assert claim_events(state, TWO, SYSTEMS, at=AT).ids(PEOPLE) == {Side.RIGHT: ("5",)}


def test_settling_twice_or_without_a_claim_is_nothing(state: OperationalState) -> None:
    claim_events(state, ONE, ["hubspot"], at=AT)

    assert [settle_events(state, ONE, at=AT), settle_events(state, ONE, at=AT), settle_events(state, TWO, at=AT)] == [
        3, 0, 0,
    ]  # fmt: skip
    assert len(claim_events(state, TWO, SYSTEMS, at=AT).events) == 3


def test_settled_events_are_known_for_a_week(state: OperationalState) -> None:
    claim_events(state, ONE, SYSTEMS, at=AT)
    settle_events(state, ONE, at=AT)

    settle_events(state, TWO, at=AT + KEPT)
    assert state.store_events(EVENTS) == 0
    settle_events(state, TWO, at=AT + KEPT + timedelta(seconds=1))
    assert state.store_events(EVENTS) == len(EVENTS)

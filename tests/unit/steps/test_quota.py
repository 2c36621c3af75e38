"""What is left is asked once per run, and whoever may not read says so before the first call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from crm_patterns.core.errors import OutOfBudget, RetryLater
from crm_patterns.core.ports import Grant, RunKey, Usage
from crm_patterns.patterns.quota import Means, QuotaRules
from crm_patterns.state import OperationalState
from crm_patterns.steps import extract, quota
from tests.source_double import NOON, PLENTY, SourceDouble, row
from tests.unit.steps.test_extract import ORDER

RUN = RunKey("crm_warehouse_elt", "run-1")
RULES = QuotaRules()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[OperationalState]:
    state = OperationalState(create_engine(f"sqlite:///{tmp_path / 'state.db'}"))
    yield state
    state.close()


def admitted(source: SourceDouble, state: OperationalState, *, after: timedelta = timedelta(0)) -> Means:
    return quota.admit(source, state, RUN, RULES, job_page_rows=50_000, at=NOON + after)


def test_a_run_asks_once_for_all_its_objects(state: OperationalState) -> None:
    source = SourceDouble()
    quota.note(source, state, RUN, at=NOON)

    assert [admitted(source, state) for _ in range(20)] == [Means()] * 20
    assert source.asked_allowance == 1


def test_a_task_that_is_cleared_hours_later_asks_again(state: OperationalState) -> None:
    source = SourceDouble(grants=replace(PLENTY, calls=Grant(10, 100_000)))
    quota.note(source, state, RUN, at=NOON)
    source.grants = replace(PLENTY, read_at=NOON + timedelta(hours=3))

    assert admitted(source, state, after=timedelta(hours=3)) == Means()


def test_below_the_reserve_nothing_is_asked_of_the_source(state: OperationalState) -> None:
    source = SourceDouble(grants=replace(PLENTY, calls=Grant(5_000, 100_000)))
    quota.note(source, state, RUN, at=NOON)

    with pytest.raises(OutOfBudget, match=r"5,000 of 100,000 left, and the reserve of 10%"):
        admitted(source, state)
    assert (source.asked_allowance, source.described) == (1, 0)


def test_replies_since_count_more_than_what_was_asked_at_the_start(state: OperationalState) -> None:
    source = SourceDouble()
    quota.note(source, state, RUN, at=NOON)
    at = NOON + timedelta(minutes=1)
    state.record_calls(RUN, "salesforce", "Lead", step="extract", usage=Usage(7, 95_000, 100_000), at=at)

    with pytest.raises(OutOfBudget, match=r"5,000 of 100,000 left"):
        admitted(source, state)


def test_a_quota_that_is_spent_already_cannot_even_be_asked(state: OperationalState) -> None:
    source = SourceDouble(grants=OutOfBudget("TotalRequests Limit exceeded."))
    quota.note(source, state, RUN, at=NOON)

    with pytest.raises(OutOfBudget, match="0 left"):
        admitted(source, state)


def test_a_source_that_does_not_answer_keeps_nobody_from_trying(state: OperationalState) -> None:
    assert admitted(SourceDouble(grants=RetryLater("It does not answer.")), state) == Means()


def test_a_bulk_quota_that_ends_between_sends_small_objects_to_rest(state: OperationalState) -> None:
    source = SourceDouble(rows=[row(n, at=NOON - timedelta(hours=n)) for n in range(1, 6)], bulk_spent=True)
    order = replace(ORDER, read="auto", rest_below=2)

    planned, job = extract.start(source, state, order)

    assert (planned.method, job) == ("rest", None)
    assert planned.method_reason.startswith("The org's Bulk API quota of the last 24 hours is spent; 5 rows")
    with pytest.raises(OutOfBudget, match="too many to read by REST"):
        extract.start(source, state, replace(order, means=Means(rest_when_bulk_is_out_rows=4)))


def test_large_objects_wait_where_the_source_says_beforehand_that_no_job_is_left(state: OperationalState) -> None:
    source = SourceDouble(rows=[row(n, at=NOON - timedelta(hours=n)) for n in range(1, 6)])
    source.grants = replace(PLENTY, jobs=Grant(0, 10_000))
    short = replace(RULES, rest_when_bulk_is_out_rows=4)
    told = quota.admit(source, state, RUN, short, job_page_rows=50_000, at=NOON)

    with pytest.raises(OutOfBudget, match=r"Bulk jobs: 0 of 10,000 left; 5 rows are too many"):
        extract.start(source, state, replace(ORDER, read="auto", means=told))
    assert source.submitted == 0

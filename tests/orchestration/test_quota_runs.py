"""Quota as the org itself tells it: what is spared, what switches its interface, what waits, and how it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from crm_patterns.core.outcomes import RunState
from crm_patterns.core.ports import RunKey, RunSummary
from tests.orchestration.support.stand import Stand

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(autouse=True)
def whole_quota(stand: Stand) -> Iterator[None]:
    yield
    stand.sandbox.control("DELETE", "limits")
    stand.sandbox.control("DELETE", "faults")


def limit(stand: Stand, name: str, remaining: int) -> None:
    stand.sandbox.control("POST", "limits", {"name": name, "remaining": remaining})


def summary(run: Any) -> RunSummary:
    from crm_patterns.hooks.state import StateHook

    found = StateHook().state().summary(RunKey(run.dag_id, run.run_id))
    assert found is not None
    return found


def states(run: Any, *task_ids: str) -> list[str]:
    by_id = {task.task_id: str(task.state) for task in run.get_task_instances()}
    return [by_id[task_id] for task_id in task_ids]


def calls_to(stand: Stand, path: str) -> int:
    return len(stand.sandbox.control("GET", f"requests?limit=10000&path={path}")["requests"])


def test_below_the_reserve_objects_wait_cost_one_call_together_and_go_on_by_themselves(stand: Stand) -> None:
    stand.run("Account")
    watermark = summary_watermark("Account")
    limit(stand, "DailyApiRequests", 5_000)
    before = calls_to(stand, "^/services/data/v")

    waited = stand.run("Account", "Lead", "Campaign")
    spent = calls_to(stand, "^/services/data/v") - before
    after_waiting = summary_watermark("Account")
    stand.sandbox.control("DELETE", "limits")
    again = stand.run("Account", "Lead", "Campaign")

    assert spent == 1
    assert summary(waited).state is RunState.DEFERRED
    assert {o.object_name: o.state for o in summary(waited).outcomes} == dict.fromkeys(
        ("Account", "Campaign", "Lead"), RunState.DEFERRED
    )
    outcome = stand.outcome(waited, "Lead")
    assert "of 100,000 left, and the reserve of 10% is for others" in outcome.problem
    assert "next run" in outcome.fix
    every = [f"{name}.{step}" for name in ("Account", "Lead") for step in ("extract", "load", "publish", "reconcile")]
    assert set(states(waited, *every, "close_run")) == {"skipped"}
    assert after_waiting == watermark
    assert stand.rows(f"select state, objects_deferred from ops.runs where run_id = '{waited.run_id}'") == [
        ("deferred", 3)
    ]
    assert {stand.outcome(again, name).state for name in ("Account", "Lead")} <= {RunState.SUCCESS, RunState.PARTIAL}
    assert summary_watermark("Account") > watermark


def summary_watermark(object_name: str) -> Any:
    from crm_patterns.hooks.state import StateHook

    return StateHook().state().watermark("salesforce", object_name)


def test_calls_that_end_in_the_middle_leave_what_is_done_and_put_off_the_rest(stand: Stand) -> None:
    stand.sandbox.control("POST", "faults", {"preset": "daily_limit", "path": "Contact", "count": None})

    run = stand.run("Product2", "Contact")

    assert summary(run).state is RunState.PARTIAL
    assert stand.outcome(run, "Product2").state is RunState.SUCCESS
    contact = stand.outcome(run, "Contact")
    assert (contact.state, contact.failed_step) == (RunState.DEFERRED, "extract")
    assert "24 hours" in contact.problem
    assert states(run, "Contact.extract", "Contact.publish", "close_run") == ["skipped", "skipped", "success"]


def test_without_bulk_jobs_small_objects_go_by_rest_and_large_ones_wait(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_PATTERNS_REST_BELOW_ROWS", "10")
    stand.settings(monkeypatch, "retry:", "quota:\n  rest_when_bulk_is_out_rows: 250\nretry:")
    limit(stand, "DailyBulkV2QueryJobs", 0)
    before = calls_to(stand, "/jobs/query")

    run = stand.run("Opportunity", "OpportunityHistory")

    small, large = stand.outcome(run, "Opportunity"), stand.outcome(run, "OpportunityHistory")
    assert (small.state, small.method) in [(RunState.SUCCESS, "rest"), (RunState.PARTIAL, "rest")]
    assert small.method_reason.startswith("bulk jobs: 0 of 10,000 left; ")
    assert large.state is RunState.DEFERRED
    assert "too many to read by REST" in large.problem
    assert summary(run).state is RunState.PARTIAL
    assert calls_to(stand, "/jobs/query") == before


def test_with_few_calls_left_a_bulk_job_is_taken_where_it_costs_fewer(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(stand, "DailyApiRequests", 15_000)

    run = stand.run("Campaign")

    outcome = stand.outcome(run, "Campaign")
    assert outcome.method == "rest"
    assert "left; " in outcome.method_reason
    assert "by a bulk job" in outcome.method_reason

"""Quota that is spent puts an object off: no failure, no success, except where no other run would read its window."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from crm_patterns.core.errors import OutOfBudget
from crm_patterns.core.outcomes import RunState
from crm_patterns.core.ports import RunKey
from crm_patterns.hooks.state import StateHook
from crm_patterns.operators.extract import ExtractToStageOperator
from tests.dags.test_choosing_objects import SETTINGS

RUN = RunKey("crm_warehouse_elt", "run-1")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CRM_STATE", f'{{"conn_type": "sqlite", "host": "{tmp_path / "state.db"}"}}')


def spend_the_quota(kind: str, **params: Any) -> Any:
    """What is recorded of an object whose task meets the end of the quota."""
    operator = ExtractToStageOperator(task_id="extract", settings=SETTINGS, object_name="Account")
    dag_run = SimpleNamespace(dag_id=RUN.dag_id, run_id=RUN.run_id, run_type=kind)
    context: Any = {"dag_run": dag_run, "params": params}
    with operator.reported(context):
        raise OutOfBudget("API calls: 0 of 100,000 left.")


@pytest.mark.parametrize("kind", ["scheduled", "manual"])
def test_a_run_of_the_schedule_or_a_person_skips_the_object_and_says_when_it_is_tried_again(kind: str) -> None:
    with pytest.raises(AirflowSkipException, match=r"Deferred: quota\. API calls: 0 of 100,000 left"):
        spend_the_quota(kind)

    outcome = StateHook().state().outcome(RUN, "Account")
    assert outcome is not None
    assert (outcome.state, outcome.failed_step) == (RunState.DEFERRED, "extract")
    assert "the next run of the schedule tries it again" in outcome.fix


def test_a_backfill_is_red_because_no_other_run_reads_its_window() -> None:
    with pytest.raises(OutOfBudget):
        spend_the_quota("backfill")

    outcome = StateHook().state().outcome(RUN, "Account")
    assert outcome is not None
    assert outcome.state is RunState.FAILED
    assert "clear this task" in outcome.fix


def test_a_dry_run_leaves_no_outcome() -> None:
    with pytest.raises(AirflowSkipException):
        spend_the_quota("manual", dry_run=True)

    assert StateHook().state().outcome(RUN, "Account") is None


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ("deferred deferred", "deferred"),
        ("deferred skipped", "deferred"),
        ("deferred success", "partial"),
        ("deferred partial", "partial"),
        ("deferred failed", "failed"),
        ("success skipped", "success"),
        ("skipped skipped", "skipped"),
    ],
)
def test_a_run_in_which_all_was_put_off_is_no_success(states: str, verdict: str) -> None:
    from crm_patterns.core.outcomes import run_state

    assert run_state([RunState(state) for state in states.split()]) is RunState(verdict)

"""What becomes of a publication by the answer that a person gives, or does not give."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import TaskAwaitingInput

from crm_patterns.core.errors import RetryLater, StopRun
from crm_patterns.core.outcomes import RunState
from crm_patterns.core.ports import RunKey
from crm_patterns.hooks.state import StateHook
from crm_patterns.operators.compare_ids import CompareIdsOperator
from crm_patterns.operators.guarding import GuardsRows
from crm_patterns.operators.publish import PublishOperator
from crm_patterns.patterns.guards import Alarm
from crm_patterns.steps.guard import ApprovalNeeded
from tests.dags.test_choosing_objects import SETTINGS

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.ports import State

RUN = RunKey("crm_warehouse_elt", "run-1")
YES = {"chosen_options": ["Approve"], "responded_by_user": {"id": "1", "name": "Ada"}}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CRM_STATE", f'{{"conn_type": "sqlite", "host": "{tmp_path / "state.db"}"}}')


NO = [
    ({"chosen_options": ["Reject"], "responded_by_user": {"id": "1", "name": "Ada"}}, "Rejected by Ada: 9 rows"),
    ({"chosen_options": ["Reject"], "responded_by_user": None}, "Rejected by somebody: 9 rows"),
    ({"error": "…", "error_type": "timeout"}, "Nobody answered within 1:00:00: 9 rows"),
]


class Closing(GuardsRows):
    """A step that would close nine rows, whether it is asked the first time or again."""

    step, left_alone = "close", "Nothing was closed."

    def execute(self, context: Context) -> dict[str, Any]:
        with self.reported(context) as state:
            return self.go_on(state, context, ref="a stage")

    def go_on(self, state: State, context: Context, **asked_with: Any) -> dict[str, Any]:
        with self.asking(state, context, **asked_with) as approved:
            if approved < 9:
                raise ApprovalNeeded(Alarm("Account", "9 rows", rows=9))
            if "dies" in context["params"]:
                raise RetryLater("The warehouse does not answer.")
            return {"closed": 9, **asked_with}

    def _ask(self, state: State, context: Context, alarm: Alarm) -> None:
        """There is no Airflow to ask in."""


def context(**params: Any) -> Any:
    dag_run = SimpleNamespace(dag_id=RUN.dag_id, run_id=RUN.run_id, run_type="scheduled")
    return {"dag_run": dag_run, "params": params}


def approved() -> int:
    return StateHook().state().approved_rows(RUN, "Account", "close")


@pytest.mark.parametrize(("event", "says"), NO)
def test_without_an_approval_the_object_fails_with_who_and_why(event: dict[str, Any], says: str) -> None:
    operator = PublishOperator(task_id="publish", settings=SETTINGS, object_name="Account", checked=None)

    with pytest.raises(StopRun):
        operator.decided(context(), event, "9 rows", 9, {})

    outcome = StateHook().state().outcome(RUN, "Account")
    assert outcome is not None
    assert (outcome.state, outcome.failed_step) == (RunState.FAILED, "publish")
    assert outcome.problem.startswith(says)
    assert "Nothing was published" in outcome.problem
    assert outcome.fix


@pytest.mark.parametrize(("event", "says"), NO)
def test_without_an_approval_a_step_of_the_upkeep_fails_by_itself(event: dict[str, Any], says: str) -> None:
    operator = CompareIdsOperator(task_id="compare_ids", settings=SETTINGS, object_name="Account")

    with pytest.raises(StopRun):
        operator.decided(context(), event, "9 rows", 9, {})

    [outcome] = StateHook().state().step_outcomes(RUN)
    assert (outcome.state, outcome.step) == (RunState.FAILED, "compare_ids")
    assert outcome.problem == f"{says}. Nothing was closed."
    assert outcome.fix


def test_what_was_approved_goes_on_where_it_was_and_is_not_asked_again_until_it_is_done() -> None:
    operator = Closing(task_id="close", settings=SETTINGS, object_name="Account")
    with pytest.raises(TaskAwaitingInput) as parked:
        operator.execute(context())
    assert parked.value.kwargs is not None
    assert parked.value.timeout == SETTINGS.guards.wait

    with pytest.raises(RetryLater):  # approved, and then it fails half-way
        operator.decided(context(dies=True), YES, **parked.value.kwargs)
    kept = approved()
    retried = operator.execute(context())

    assert kept == 9
    assert retried == {"closed": 9, "ref": "a stage"}
    assert approved() == 0
    with pytest.raises(TaskAwaitingInput):
        operator.execute(context())

"""What becomes of a publication by the answer that a person gives, or does not give."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from crm_patterns.core.errors import StopRun
from crm_patterns.core.outcomes import RunState
from crm_patterns.core.ports import RunKey
from crm_patterns.hooks.state import StateHook
from crm_patterns.operators.publish import PublishOperator
from tests.dags.test_choosing_objects import SETTINGS

RUN = RunKey("crm_warehouse_elt", "run-1")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CRM_STATE", f'{{"conn_type": "sqlite", "host": "{tmp_path / "state.db"}"}}')


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"chosen_options": ["Reject"], "responded_by_user": {"id": "1", "name": "Ada"}}, "Rejected by Ada: 9 rows"),
        ({"chosen_options": ["Reject"], "responded_by_user": None}, "Rejected by somebody: 9 rows"),
        ({"error": "…", "error_type": "timeout"}, "Nobody answered within 1:00:00: 9 rows"),
    ],
)
def test_without_an_approval_the_object_fails_with_who_and_why(event: dict[str, Any], says: str) -> None:
    operator = PublishOperator(task_id="publish", settings=SETTINGS, object_name="Account", checked=None)
    dag_run = SimpleNamespace(dag_id=RUN.dag_id, run_id=RUN.run_id, run_type="scheduled")
    context: Any = {"dag_run": dag_run, "params": {}}

    with pytest.raises(StopRun):
        operator.decided(context, event, "9 rows")

    outcome = StateHook().state().outcome(RUN, "Account")
    assert outcome is not None
    assert (outcome.state, outcome.failed_step) == (RunState.FAILED, "publish")
    assert outcome.problem.startswith(says)
    assert "Nothing was published" in outcome.problem
    assert outcome.fix

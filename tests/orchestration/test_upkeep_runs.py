"""The daily upkeep as Airflow runs it, against the sandbox and the local warehouse."""

from __future__ import annotations

import pytest

from tests.orchestration.support.stand import Stand

pytestmark = pytest.mark.timeout(600)
UPKEEP = "crm_warehouse_upkeep"


def test_only_the_objects_asked_for_are_kept_up(stand: Stand) -> None:
    run = stand.run("Account", dag_id=UPKEEP)

    assert stand.outcome(run, "Account") is not None
    assert stand.outcome(run, "Lead") is None
    steps = stand.rows(f"select object_name, step from ops.steps where run_id = '{run.run_id}'")
    assert ("Account", "refresh_computed") in steps
    assert {name for name, _ in steps} == {"Account"}


def test_a_source_that_does_not_answer_makes_the_run_red_and_is_named(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.change(monkeypatch, "SALESFORCE_DEFAULT", login_url="http://127.0.0.1:9")

    run = stand.run("Lead", dag_id=UPKEEP, expect="failed")

    outcome = stand.outcome(run, "Lead")
    assert outcome.failed_step == "refresh_computed"
    assert "127.0.0.1:9" in f"{outcome.problem} {outcome.fix}"

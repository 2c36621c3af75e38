"""The shape of the marketing pattern, as Airflow reads it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(ROOT / "dags" / "crm_marketing_sync.py"))
    assert bag.import_errors == {}
    return bag.dags["crm_marketing_sync"]


def test_each_platform_is_a_group_and_each_pairing_goes_from_plan_to_verify(dag: Any) -> None:
    from crm_patterns.catalog import load_marketing_sync

    settings = load_marketing_sync(ROOT / "include" / "config" / "marketing_sync.yaml")
    for platform in settings.platforms:
        for pairing in platform.pairings:
            steps = [
                f"{platform.name}.{pairing.name}.{step}" for step in ("plan", "validate", "gate", "apply", "verify")
            ]
            for before, after in pairwise(steps):
                assert after in dag.get_task(before).get_flat_relative_ids(upstream=False)
            assert {dag.get_task(step).pool for step in steps} == {platform.task_pool}


def test_the_run_is_closed_whatever_became_of_the_pairings(dag: Any) -> None:
    close = dag.get_task("close_run")

    assert close.trigger_rule == "all_done"
    assert [task.task_id for task in dag.tasks if not task.downstream_task_ids] == ["close_run"]


def test_restrictions_of_all_systems_are_known_before_anything_is_planned(dag: Any) -> None:
    plans = [task for task in dag.tasks if task.task_id.endswith(".plan")]

    assert plans
    assert all("collect_consent" in task.get_flat_relative_ids(upstream=True) for task in plans)


def test_the_form_limits_a_run(dag: Any) -> None:
    assert set(dag.params) == {
        "platforms", "direction", "records", "mode", "dry_run", "replay", "approve_above",
    }  # fmt: skip
    assert "woken at night" in dag.doc_md


def test_runs_do_not_overlap(dag: Any) -> None:
    assert (dag.catchup, dag.max_active_runs) == (False, 1)

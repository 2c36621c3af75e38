"""The shape of the daily upkeep, as Airflow reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crm_patterns.operators.upkeep import object_and_step

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(ROOT / "dags"))
    assert bag.import_errors == {}
    return bag.dags["crm_warehouse_upkeep"]


def test_every_task_of_an_object_reports_to_the_last_one(dag: Any) -> None:
    close = dag.get_task("close_run")
    own = {task.task_id for task in dag.tasks} - {"choose_objects", "close_run"}

    assert own <= close.upstream_task_ids
    assert close.trigger_rule == "all_done"
    assert [task.task_id for task in dag.tasks if not task.downstream_task_ids] == ["close_run"]


def test_a_task_is_found_by_the_step_that_its_outcome_names(dag: Any) -> None:
    for task_id in dag.get_task("close_run").upstream_task_ids:
        task = dag.get_task(task_id)
        assert object_and_step(task_id) == (task.object_name, task.step)


def test_runs_have_a_day_for_an_interval_and_do_not_overlap(dag: Any) -> None:
    assert type(dag.timetable).__name__ == "CronDataIntervalTimetable"
    assert (dag.catchup, dag.max_active_runs) == (False, 1)


def test_every_task_has_a_pool_and_retries(dag: Any) -> None:
    for task in dag.tasks:
        assert task.pool in {"crm_salesforce", "crm_warehouse"}
        assert task.retries == 3


def test_the_form_offers_objects_and_dry_run_and_the_page_for_the_night(dag: Any) -> None:
    assert set(dag.params) == {"objects", "dry_run"}
    assert "woken at night" in dag.doc_md

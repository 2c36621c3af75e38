"""The shape of the drift audit, as Airflow reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(ROOT / "dags"))
    assert bag.import_errors == {}
    return bag.dags["crm_drift_audit"]


def test_every_audit_reports_to_the_last_task(dag: Any) -> None:
    close = dag.get_task("close_run")

    assert {task.task_id for task in dag.tasks} - {"choose_objects", "close_run"} == close.upstream_task_ids
    assert close.trigger_rule == "all_done"
    assert [task.task_id for task in dag.tasks if not task.downstream_task_ids] == ["close_run"]


def test_it_runs_daily_and_does_not_overlap(dag: Any) -> None:
    assert type(dag.timetable).__name__ == "CronDataIntervalTimetable"
    assert (dag.catchup, dag.max_active_runs) == (False, 1)


def test_the_form_offers_everything_and_a_dry_run(dag: Any) -> None:
    assert set(dag.params) == {"objects", "everything", "dry_run"}
    assert "woken at night" in dag.doc_md

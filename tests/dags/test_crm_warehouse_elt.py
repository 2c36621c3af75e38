"""The shape of the warehouse DAG, as Airflow reads it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
STEPS = ["extract", "load", "validate", "publish", "reconcile"]


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(ROOT / "dags"))
    assert bag.import_errors == {}
    return bag.dags["crm_warehouse_elt"]


def test_every_object_of_the_settings_has_its_group_of_five_steps(dag: Any) -> None:
    from crm_patterns.catalog import load_warehouse_elt

    names = [item.name for item in load_warehouse_elt(ROOT / "include" / "config" / "warehouse_elt.yaml").objects]

    assert set(dag.task_group.children) == {"choose_objects", *names, "marts", "close_run"}
    assert dag.get_task("choose_objects").downstream_task_ids == {f"{name}.extract" for name in names}
    for name in names:
        assert [dag.get_task(f"{name}.{step}").task_id for step in STEPS]
        for before, after in itertools.pairwise(STEPS):
            assert f"{name}.{after}" in dag.get_task(f"{name}.{before}").downstream_task_ids


def test_each_mart_follows_the_objects_it_is_made_from_and_no_others(dag: Any) -> None:
    from crm_patterns.mart_catalog import objects_of_marts

    marts = objects_of_marts(ROOT / "include")

    assert set(marts) == {
        "ACCOUNT_360", "ACTIVITY", "CAMPAIGN_INFLUENCE", "LEAD_FUNNEL", "PIPELINE_BY_STAGE", "WON_REVENUE_BY_MONTH",
    }  # fmt: skip
    for mart, objects in marts.items():
        task = dag.get_task(f"marts.{mart.lower()}")
        known = {f"{name}.reconcile" for name in objects} & set(dag.task_ids)
        assert task.upstream_task_ids == known
        assert known
        assert task.downstream_task_ids == {"close_run"}
        assert task.trigger_rule == "none_failed"
        assert [asset.name for asset in task.outlets] == [f"marts.{mart.lower()}"]


def test_the_last_task_runs_whatever_happened_and_hides_no_failure(dag: Any) -> None:
    assert dag.get_task("close_run").trigger_rule == "all_done"
    assert [task.task_id for task in dag.tasks if not task.downstream_task_ids] == ["close_run"]


def test_runs_have_a_data_interval_and_do_not_overlap(dag: Any) -> None:
    assert type(dag.timetable).__name__ == "CronDataIntervalTimetable"
    assert (dag.catchup, dag.max_active_runs) == (False, 1)


def test_every_task_has_a_pool_retries_and_backs_off(dag: Any) -> None:
    for task in dag.tasks:
        assert task.pool in {"crm_salesforce", "crm_warehouse"}
        assert task.retries == 3
        assert task.retry_exponential_backoff


def test_a_proven_object_is_announced_as_an_asset(dag: Any) -> None:
    assert [asset.name for asset in dag.get_task("Opportunity.reconcile").outlets] == ["salesforce.opportunity"]


def test_the_form_of_a_manual_run_offers_objects_mode_and_dry_run(dag: Any) -> None:
    assert set(dag.params) == {"objects", "mode", "window_start", "window_end", "dry_run"}
    assert dag.params["mode"] == "incremental"


def test_the_form_is_kept_once_and_not_with_every_task(dag: Any) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    stored = json.dumps(DagSerialization.to_dict(dag))

    assert stored.count("Only these; empty: all.") == 1


def test_the_deadline_callback_can_be_imported_by_another_process(dag: Any) -> None:
    from airflow.sdk.module_loading import import_string

    for alert in dag.deadline if isinstance(dag.deadline, list) else [dag.deadline]:
        assert alert.callback.path.startswith("crm_patterns.")
        assert import_string(alert.callback.path)


def test_the_page_for_the_person_on_call_is_there(dag: Any) -> None:
    assert "woken at night" in dag.doc_md

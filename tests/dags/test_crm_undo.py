"""The shape of the undo, as Airflow reads it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(ROOT / "dags" / "crm_undo.py"))
    assert bag.import_errors == {}
    return bag.dags["crm_undo"]


def test_nothing_is_applied_before_the_gate_and_the_end_is_reported_whatever_happens(dag: Any) -> None:
    order = ["plan", "gate", "apply", "verify", "close_run"]

    for before, after in pairwise(order):
        assert dag.get_task(after).upstream_task_ids == {before}
    assert dag.get_task("close_run").trigger_rule == "all_done"


def test_a_person_starts_it_and_names_the_run(dag: Any) -> None:
    assert dag.schedule is None
    assert set(dag.params) == {"dag_id", "run_id", "dry_run", "approve_above"}
    assert dag.params["dag_id"] == "crm_marketing_sync"
    assert "woken at night" in dag.doc_md

"""Runs that nobody asks for, one after the other: the schedule's own, here every minute."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.end_to_end.real_stack import DAG_ID, QUICK, ROOT, RealStack, real_stack, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
HOURLY, DAILY = "Account", "Product2"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStack]:
    folder = tmp_path_factory.mktemp("scheduled")
    shutil.copytree(ROOT / "include", folder / "include")
    file = folder / "include" / "config" / "warehouse_elt.yaml"
    settings: dict[str, Any] = yaml.safe_load(file.read_text())
    settings |= {"schedule": "* * * * *", "objects": [{"name": HOURLY}, {"name": DAILY, "every": "daily"}]}
    file.write_text(yaml.safe_dump(settings))
    with real_stack(folder / "stack", {**QUICK, "CRM_PATTERNS_INCLUDE": str(folder / "include")}) as running:
        yield running


def test_a_daily_object_is_left_out_of_the_next_scheduled_run_which_is_green_without_it(stack: RealStack) -> None:
    first = stack.first_run()
    assert stack.ended(first) == "success", stack.task_states(first)
    until(lambda: len(scheduled(stack)) > 1, 150, "the next run of the schedule")
    second = scheduled(stack)[1]
    assert stack.ended(second) == "success", stack.task_states(second)

    assert stack.outcomes(first).keys() == {HOURLY, DAILY}
    assert stack.outcomes(second).keys() == {HOURLY}
    assert stack.task(second, f"{DAILY}.extract")["state"] == "skipped"
    assert stack.published(HOURLY, DAILY) == stack.truth(HOURLY, DAILY)


def scheduled(stack: RealStack) -> list[str]:
    """Ids of the schedule's runs, oldest first."""
    runs = stack.airflow.every(f"/dags/{DAG_ID}/dagRuns", "dag_runs", run_type="scheduled")
    return sorted(str(run["dag_run_id"]) for run in runs)

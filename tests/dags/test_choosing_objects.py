"""Which objects a run is about follows from its form, what kind of run it is, and when each was read last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from crm_patterns.catalog import WarehouseEltSettings
from crm_patterns.core.ports import RunKey
from crm_patterns.hooks.state import StateHook
from crm_patterns.operators.choose import ChooseDueObjectsOperator, chosen

SETTINGS = WarehouseEltSettings.model_validate(
    {
        "stage_root": "file:///stage",
        "data_docs_root": "/docs",
        "start_date": "2026-01-01T00:00:00Z",
        "objects": [
            {"name": "Account"},
            {"name": "Product2", "every": "daily"},
            {"name": "UserRole", "every": "daily"},
        ],
    }
)
EVERY = ["Account", "Product2", "UserRole"]


@pytest.fixture
def choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ChooseDueObjectsOperator:
    """Product2 was read just now, UserRole two days ago."""
    monkeypatch.setenv("AIRFLOW_CONN_CRM_STATE", f'{{"conn_type": "sqlite", "host": "{tmp_path / "state.db"}"}}')
    now, state = datetime.now(UTC), StateHook().state()
    for name, read in (("Product2", now), ("UserRole", now - timedelta(days=2))):
        state.advance_watermark("salesforce", name, to=read, run=RunKey("crm_warehouse_elt", "before"))
    return ChooseDueObjectsOperator(task_id="choose_objects", settings=SETTINGS)


class Letters(dict[str, Any]):
    """XComs of `choose_objects` in a run: what it pushed, and nothing that it merely returned."""

    def xcom_push(self, key: str, value: Any) -> None:
        self[key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value") -> Any:
        assert task_ids == "choose_objects"
        return self.get(key)


def context(kind: str, *objects: str) -> Any:
    return {"dag_run": SimpleNamespace(run_type=kind), "params": {"objects": list(objects)}, "ti": Letters()}


def test_a_scheduled_run_leaves_out_what_was_read_today(choose: ChooseDueObjectsOperator) -> None:
    assert choose.choose_branch(context("scheduled")) == ["Account", "UserRole"]


@pytest.mark.parametrize("kind", ["manual", "backfill"])
def test_a_person_gets_what_they_asked_for(choose: ChooseDueObjectsOperator, kind: str) -> None:
    assert choose.choose_branch(context(kind)) == EVERY
    assert choose.choose_branch(context(kind, "Product2")) == ["Product2"]


def test_a_run_answers_for_the_objects_it_chose_and_for_no_others(choose: ChooseDueObjectsOperator) -> None:
    run = context("scheduled")

    choose.choose_branch(run)

    assert chosen(SETTINGS, run) == ["Account", "UserRole"]


def test_without_a_word_of_what_was_chosen_it_answers_for_all_that_could_be() -> None:
    assert chosen(SETTINGS, context("scheduled")) == ["Account", "Product2", "UserRole"]
    assert chosen(SETTINGS, context("manual", "Product2")) == ["Product2"]

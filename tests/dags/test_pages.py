"""Our pages inside Airflow's API server: for who is signed in, and a plan as it was staged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.api_fastapi.core_api.security import get_user
from fastapi.testclient import TestClient
from fsspec.implementations.local import LocalFileSystem

from crm_patterns.core.changes import Action, Change, ChangeSet, FieldChange
from crm_patterns.core.staging import StageAddress
from crm_patterns.pages import app
from crm_patterns.steps.staged_changes import stage_changes
from crm_patterns.warehouse.stage import ParquetStage
from tests.two_systems import EVER

PLAN = ChangeSet.of(
    Change("hubspot", "contacts", Action.UPDATE, f"50{n}", f"50{n}", (FieldChange("jobtitle", "<b>CFO</b>", None),))
    for n in range(3)
)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of a staged plan, below the root of the stage."""
    monkeypatch.setenv("AIRFLOW_CONN_CRM_STAGE", json.dumps({"conn_type": "file", "extra": {"path": str(tmp_path)}}))
    state = {"conn_type": "sqlite", "host": str(tmp_path / "state.db")}
    monkeypatch.setenv("AIRFLOW_CONN_CRM_STATE", json.dumps(state))
    monkeypatch.setenv("CRM_PATTERNS_STAGE_ROOT", f"file://{tmp_path}/stage")
    address = StageAddress("people", "changes", EVER, "a1")
    stage_changes(ParquetStage(LocalFileSystem(), f"{tmp_path}/stage"), address, PLAN, planned_at="now")
    return address.path


@pytest.fixture
def pages() -> Iterator[TestClient]:
    """For somebody who is signed in."""
    app.dependency_overrides[get_user] = lambda: object()
    yield TestClient(app)
    app.dependency_overrides.clear()


def test_a_plan_is_shown_in_pages(pages: TestClient, path: str) -> None:
    first, second = pages.get(f"/plan/{path}?size=2"), pages.get(f"/plan/{path}?size=2&first=2")

    assert (first.status_code, second.status_code) == (200, 200)
    assert "people: 3 records to write" in first.text
    assert [first.text.count("not written yet"), second.text.count("not written yet")] == [2, 1]
    assert "<b>CFO" not in first.text


def test_what_is_no_plan_is_not_found(pages: TestClient, path: str) -> None:
    assert pages.get("/plan/people/changes/nothing").status_code == 404
    assert pages.get(f"/plan/../{path}").status_code == 404


def test_nobody_sees_a_plan_without_signing_in(path: str) -> None:
    answer = TestClient(app).get(f"/plan/{path}")

    assert answer.status_code == 401
    assert "jobtitle" not in answer.text

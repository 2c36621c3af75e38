"""The audit of a plan by Great Expectations: on staged Parquet, before anything is written."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy.engine import URL

from crm_patterns.catalog import include_dir, load_marketing_sync
from crm_patterns.core.changes import Side
from crm_patterns.core.errors import StopRun
from crm_patterns.core.ports import RunKey
from crm_patterns.core.rules import OnFailure
from crm_patterns.core.staging import StageRef
from crm_patterns.core.windows import WindowKind
from crm_patterns.pairings import pairing_of
from crm_patterns.patterns.sync_audit import change_contract, record_contract
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine
from crm_patterns.steps.staged_changes import read_changes
from crm_patterns.steps.sync import CycleOrder, plan_cycle, stage_compared, stage_plan
from crm_patterns.steps.validate_sync import SyncAudit, audit_plan, pass_on, record_taken_out
from crm_patterns.translations import load_translations
from crm_patterns.warehouse.row_quality import RowExpectations
from crm_patterns.warehouse.stage import ParquetStage
from crm_patterns.warehouse.suites import read_suite
from tests.two_systems import PAIRING, Systems

RUN = RunKey("crm_marketing_sync", "one")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def systems(tmp_path: Path) -> Iterator[Systems]:
    state = OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(tmp_path / "state.db"))))
    state.prepare()
    made = Systems(state, ParquetStage(LocalFileSystem(), f"{tmp_path}/stage"))
    made.right.edit("H1", email="p1@x.io", jobtitle="CTO")
    made.left.edit("00Q1", Email="p1@x.io", Title="CFO", Status="Open - Not Contacted", OptOut="1")
    made.left.edit("00Q2", Email="p2@x.io", Title="see http://spam.example", Status="Open - Not Contacted")
    made.left.edit("00Q3", Email="p3@x.io", Title="CEO", Status="Open - Not Contacted")
    for sink in made.ports().values():
        sink.clock += timedelta(hours=1)
    yield made
    state.close()


def suite(folder: Path, name: str, *rules: tuple[str, dict[str, Any], str]) -> None:
    (folder / "marketing_sync").mkdir(exist_ok=True)
    items = [
        {"type": kind, "kwargs": kwargs, "meta": {"on_failure": then, "sentence": "Correct the title."}}
        for kind, kwargs, then in rules
    ]
    (folder / "marketing_sync" / f"people.{name}.json").write_text(json.dumps({"expectations": items}))


def audited(systems: Systems, folder: Path) -> tuple[SyncAudit, StageRef]:
    order = CycleOrder(RUN, PAIRING, WindowKind.FULL, frozenset(Side), timedelta(0), timedelta(0))
    cycle = plan_cycle(systems.ports(), systems.state, order)
    records = stage_compared(systems.stage, order, cycle, attempt_id="a")
    _, plan = stage_plan(systems.stage, order, cycle, attempt_id="a")
    quality = RowExpectations(suites_root=folder, docs_root=folder / "docs", docs_url="/docs")
    return audit_plan(systems.stage, quality, PAIRING, plan, records, attempt_id="20261124230541123456t4"), plan


def test_the_changes_of_a_bad_record_are_set_aside_and_the_rest_of_the_plan_goes_on(
    systems: Systems, tmp_path: Path
) -> None:
    suite(tmp_path, "salesforce", ("expect_column_values_to_not_match_regex", {"column": "Title", "regex": "http"},
                                   "reject_rows"))  # fmt: skip
    suite(tmp_path, "changes", ("expect_column_values_to_not_be_in_set",
                                {"column": "to_hubspot_jobtitle", "value_set": ["CEO"]}, "reject_rows"))  # fmt: skip

    audit, plan = audited(systems, tmp_path)
    passed = pass_on(systems.stage, PAIRING, plan, audit.checked, attempt_id="b")
    for _ in range(2):
        record_taken_out(systems.state, RUN, PAIRING, audit.checked, staged=passed, at=datetime.now(UTC))

    assert {change.record_id for change in read_changes(systems.stage, passed).writes} == {"H1"}
    assert systems.state.open_quarantine_keys("salesforce", "Lead") == ["00Q2"]
    assert systems.state.open_quarantine_keys("hubspot", "contacts") == ["00Q3"]
    assert systems.state.plans(RUN) == {"people": passed}
    page = tmp_path / "docs" / audit.docs_url.removeprefix("/docs/")
    assert "Correct the title." in page.read_text()


def test_a_rule_about_all_rows_stops_the_pairing(systems: Systems, tmp_path: Path) -> None:
    suite(tmp_path, "hubspot", ("expect_table_row_count_to_be_between", {"max_value": 0}, "stop"))

    with pytest.raises(StopRun, match=r"people failed its audit.*Correct the title.*observed 1"):
        audited(systems, tmp_path)


def test_a_plan_that_keeps_the_rules_is_passed_on_as_it_is(systems: Systems, tmp_path: Path) -> None:
    audit, plan = audited(systems, tmp_path)

    assert pass_on(systems.stage, PAIRING, plan, audit.checked, attempt_id="b") is plan
    assert audit.checked.changes == read_changes(systems.stage, plan)
    assert len(plan.uri) > 0


def test_every_shipped_suite_is_of_a_pairing_and_speaks_of_its_columns() -> None:
    settings = load_marketing_sync(include_dir() / "config" / "marketing_sync.yaml")
    known = load_translations(include_dir() / "config" / "translations.yaml")
    columns: dict[str, set[str]] = {}
    for name in (pairing.name for platform in settings.platforms for pairing in platform.pairings):
        pairing = pairing_of(settings, name, known)
        columns[f"{name}.changes"] = set(change_contract(pairing).columns)
        for side in Side:
            columns[f"{name}.{pairing.end(side).system}"] = set(record_contract(pairing, side).columns)

    suites = sorted((include_dir() / "expectations" / "marketing_sync").glob("*.json"))

    assert suites
    for path in suites:
        for rule in read_suite(path):
            assert set(rule.columns) <= columns[path.stem], f"{path.name}: {rule.name}"
            assert rule.on_failure in OnFailure


IDLE = """
import sys
from crm_patterns.catalog import include_dir, load_marketing_sync
from crm_patterns.operators.validate_sync import ValidateSyncOperator
settings = load_marketing_sync(include_dir() / "config" / "marketing_sync.yaml")
nothing = {"records": {}, "changes": 0, "writes": 0, "dry_run": False}
task = ValidateSyncOperator(task_id="validate", planned=nothing, settings=settings, platform="hubspot",
                            pairing="hubspot_people")
assert task.execute({}) == nothing
print([name for name in ("great_expectations", "pandas", "pyarrow") if name in sys.modules])
"""


def test_a_cycle_that_found_nothing_pays_for_no_library() -> None:
    command = [sys.executable, "-c", IDLE]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(ROOT / "plugins")}, capture_output=True, text=True, check=False
    )

    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr

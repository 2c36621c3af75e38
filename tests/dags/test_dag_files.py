"""DAG files: they load, they are wiring only, and reading one costs next to nothing."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DAG_FILES = sorted((ROOT / "dags").glob("*.py"))
OURS = {
    "crm_patterns",
    "crm_patterns.assets",
    "crm_patterns.catalog",
    "crm_patterns.catalog.caution",
    "crm_patterns.catalog.daily",
    "crm_patterns.catalog.frozen",
    "crm_patterns.catalog.loading",
    "crm_patterns.catalog.marketing_sync",
    "crm_patterns.catalog.objects",
    "crm_patterns.catalog.shared",
    "crm_patterns.catalog.warehouse_elt",
    "crm_patterns.core",
    "crm_patterns.core.errors",
    "crm_patterns.core.policies",
    "crm_patterns.dag_arguments",
    "crm_patterns.mart_catalog",
    "crm_patterns.notices",
    "crm_patterns.notices.deadlines",
    "crm_patterns.notices.run_queued",
    "crm_patterns.notices.runs",
    "crm_patterns.patterns",
    "crm_patterns.patterns.naming",
    "crm_patterns.triggers",
    "crm_patterns.triggers.inbox",
}
"""Besides the operators, the wiring itself. Steps, hooks, ports, clients, state and warehouse are for tasks."""

PROVIDERS = {"airflow.providers.standard", "airflow.providers.common"}
PACKAGES = {"airflow", "crm_patterns", "croniter"}
"""What reading may load beyond `airflow.sdk` and the standard library; croniter is the SDK's own, for a schedule."""

EVENT_TRIGGERS = {
    "airflow.triggers",
    "airflow.triggers.base",
    "airflow.triggers.external_task",
    "airflow.triggers.file",
    "airflow.triggers.temporal",
    "pydantic.functional_serializers",
}
"""What Airflow loads to name a watcher of an asset: the base class, and names that point elsewhere."""

READ = """
import json, runpy, sys, time
import airflow.sdk
before, started = set(sys.modules), time.process_time()
runpy.run_path(sys.argv[1])
print(json.dumps({"loaded": sorted(set(sys.modules) - before), "cpu_ms": (time.process_time() - started) * 1000}))
"""


def read(path: Path) -> dict[str, Any]:
    """Read the file as a fresh process does."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], env=environ, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def is_light(module: str) -> bool:
    root, _, inside = module.partition(".")
    if root == "crm_patterns":
        return module in OURS or f"{module}.".startswith("crm_patterns.operators.")
    if inside.startswith("providers."):
        return any(f"{module}.".startswith(f"{provider}.") for provider in PROVIDERS)
    if module in EVENT_TRIGGERS:
        return True
    return root in (PACKAGES | sys.stdlib_module_names) and not f"{inside}.".startswith(("models.", "triggers."))


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.name)
def test_reading_a_dag_file_loads_the_wiring_and_nothing_else(
    path: Path, record_property: Callable[[str, object], None]
) -> None:
    result = read(path)

    record_property("cpu_ms", result["cpu_ms"])
    assert "crm_patterns.operators" in result["loaded"]
    assert [module for module in result["loaded"] if not is_light(module)] == []


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.name)
def test_a_dag_file_is_a_table_of_contents(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)

    assert text.count("\n") < 120
    assert ast.get_docstring(tree), "the docstring is for the person woken at night"
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not {call for call in calls if call.startswith(("Variable.get", "BaseHook", "Connection.get", "requests"))}

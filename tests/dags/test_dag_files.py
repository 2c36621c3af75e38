"""DAG files: they load, they are wiring only, and reading one costs next to nothing."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DAG_FILES = sorted((ROOT / "dags").glob("*.py"))
HEAVY = {
    "pandas",
    "pyarrow",
    "great_expectations",
    "snowflake",
    "simple_salesforce",
    "numpy",
    "duckdb",
    "fakesnow",
    "slack_sdk",
}

PARSE = """
import json, runpy, sys, time
import airflow.sdk
before, started = set(sys.modules), time.process_time()
runpy.run_path(sys.argv[1])
print(json.dumps({"loaded": sorted({m.split(".")[0] for m in set(sys.modules) - before}),
                  "cpu_ms": (time.process_time() - started) * 1000}))
"""


def parsed(path: Path) -> dict[str, object]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    done = subprocess.run(
        [sys.executable, "-c", PARSE, str(path)], env=environ, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.name)
def test_reading_a_dag_file_loads_nothing_heavy(path: Path, record_property: pytest.FixtureRequest) -> None:
    result = parsed(path)

    record_property("cpu_ms", result["cpu_ms"])  # type: ignore[operator]
    assert HEAVY & set(result["loaded"]) == set()  # type: ignore[call-overload]


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.name)
def test_a_dag_file_is_a_table_of_contents(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)

    assert text.count("\n") < 120
    assert ast.get_docstring(tree), "the docstring is for the person woken at night"
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not {call for call in calls if call.startswith(("Variable.get", "BaseHook", "Connection.get", "requests"))}

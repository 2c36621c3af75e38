"""The layers hold, and the files that hold them are where Airflow looks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_imports_go_down_and_never_sideways() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    environ = {**os.environ, "PYTHONPATH": f"{ROOT / 'plugins'}{os.pathsep}{ROOT}"}

    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_airflow_does_not_run_the_packages_files_as_plugins() -> None:
    ignored = (ROOT / "plugins" / ".airflowignore").read_text().split()

    assert ignored == ["crm_patterns/"]
    assert [path.name for path in (ROOT / "plugins").glob("*.py")] == ["crm_patterns_plugin.py"]


def test_no_module_is_a_drawer_for_leftovers() -> None:
    drawers = {"utils", "helpers", "common", "manager", "misc", "base2"}

    found = [
        path for top in ("plugins", "sandbox", "stack") for path in (ROOT / top).rglob("*.py") if path.stem in drawers
    ]

    assert found == []

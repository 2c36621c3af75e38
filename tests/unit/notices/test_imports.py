"""The notices are imported at every parse of every DAG file: they must not load Slack's client or the state."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
PROBE = """
import sys
from airflow.sdk import DAG, BaseHook, BaseNotifier, DeadlineAlert, AsyncCallback
before = set(sys.modules)
from datetime import timedelta
from crm_patterns.notices import RunFailedNotice, RunRecoveredNotice, SchemaChangedNotice, deadline_alert
RunFailedNotice(), RunRecoveredNotice(), SchemaChangedNotice(), deadline_alert(timedelta(minutes=5))
print(sorted({name.split(".")[0] for name in set(sys.modules) - before}))
"""


def test_importing_the_notices_loads_nothing_but_the_package(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(PLUGINS), "AIRFLOW_HOME": str(tmp_path)}

    said = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=True, timeout=60
    )

    assert said.stdout.splitlines()[-1] == "['crm_patterns']"

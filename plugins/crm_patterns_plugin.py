"""
The one file of plugins/ that Airflow loads as a plugin. It must import almost nothing: it runs in every process.

`CRM_PATTERNS_PRELOAD=true` pays for heavy libraries once in the process that task processes are forked from, instead of
once per task. The dag-processor imports our light modules once, instead of at each reading of a DAG file. Nothing
depends on either but speed.
"""

from __future__ import annotations

import os
import sys

from airflow.plugins_manager import AirflowPlugin

from crm_patterns.notices.run_queued import RunQueued


def _is_worker_parent(argv: list[str]) -> bool:
    """The process that task processes are forked from: the scheduler (LocalExecutor) or a Celery worker."""
    return "scheduler" in argv[1:2] or argv[1:3] == ["celery", "worker"]


if _is_worker_parent(sys.argv) and os.environ.get("CRM_PATTERNS_PRELOAD", "").lower() in ("1", "true"):
    from crm_patterns.preloading import preload_for_tasks

    preload_for_tasks()

if "dag-processor" in sys.argv[1:2]:
    from crm_patterns.preloading import preload_for_dag_files

    preload_for_dag_files()


class CrmPatternsPlugin(AirflowPlugin):
    """Registers since when a run is late, and with the API server the pages and the door for webhooks."""

    name = "crm_patterns"
    deadline_references: list[type] = [RunQueued]  # noqa: RUF012 - Airflow reads a list from the class
    fastapi_apps: list[dict[str, object]] = []  # noqa: RUF012 - Airflow reads a list from the class
    if "api-server" in sys.argv:
        from crm_patterns.pages import app
        from crm_patterns.receiver.app import create_app
        from crm_patterns.receiver.places import Places

        fastapi_apps = [
            # Before the pages: a request goes to the first prefix that fits.
            {"app": create_app(Places()), "url_prefix": "/crm/webhooks", "name": "CRM webhooks"},
            {"app": app, "url_prefix": "/crm", "name": "CRM Integration Patterns"},
        ]

"""
The one file of plugins/ that Airflow loads as a plugin. It must import almost nothing: it runs in every process.

`CRM_PATTERNS_PRELOAD` (module names, separated by blanks) pays for heavy libraries once in the scheduler, whose
executor forks the workers, instead of once per task. Nothing depends on it but speed.
"""

from __future__ import annotations

import importlib
import os
import sys

from airflow.plugins_manager import AirflowPlugin


def _is_worker_parent(argv: list[str]) -> bool:
    """The process that task processes are forked from: the scheduler (LocalExecutor) or a Celery worker."""
    return "scheduler" in argv[1:2] or argv[1:3] == ["celery", "worker"]


def _preload() -> None:
    for name in os.environ.get("CRM_PATTERNS_PRELOAD", "").split():
        importlib.import_module(name)


if _is_worker_parent(sys.argv):
    _preload()


class CrmPatternsPlugin(AirflowPlugin):
    """Registers the Data Docs pages with the API server, and nothing anywhere else."""

    name = "crm_patterns"
    fastapi_apps: list[dict[str, object]] = []  # noqa: RUF012 - Airflow reads a list from the class
    if "api-server" in sys.argv:
        from crm_patterns.pages import app

        fastapi_apps = [{"app": app, "url_prefix": "/crm", "name": "CRM Integration Patterns"}]

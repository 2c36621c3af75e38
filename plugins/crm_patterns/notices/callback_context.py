"""
What Airflow 3.3.2 tells a callback, found by running it, and what becomes of it here.

A DAG's `on_success_callback` and `on_failure_callback` run in a process of the **dag processor** (it parses the file
again for it), about as long after the run's end as the processor takes to come round to the file; `print` and logging
go to the file's log of the dag processor, not to a task's log. Connections are reached as in a task. An exception is
logged there and changes nothing for the run.

The context is that of a task (`dag`, `dag_run`, `ti`, `task`, `run_id`, `params` …; no `exception`) plus `reason`:
- failure: `ti` is the failed task that ended last; `reason` is `task_failure`, `all_tasks_deadlocked` or `timed_out`;
- success: `ti` is the task that ended last; `reason` is `success`.
- Where Airflow knows no such task, or the file no longer has it, there are just `dag`, `run_id` and `reason`.

A deadline's asynchronous callback runs in the **triggerer** and its context has two keys: `dag_run`, a dict as the REST
API gives it (`dag_id`, `dag_run_id`, `run_type`, `state`, times as ISO 8601 text …), and `deadline` (`id`,
`deadline_time`, ISO 8601 text).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from crm_patterns.core.ports import RunKey
from crm_patterns.notices.messages import Fault, RunFacts

BACKFILL = "backfill"
_REASONS = {
    "task_failure": "A task failed before it could say why.",
    "all_tasks_deadlocked": "No task that is left can ever start.",
    "timed_out": "The run took longer than its dagrun_timeout.",
}


def run_of(context: Mapping[str, Any]) -> tuple[RunKey, str]:
    """The run and its type (empty where the context is a minimal one)."""
    dag_run = context.get("dag_run")
    if dag_run is None:
        return RunKey(context["dag"].dag_id, context["run_id"]), _type_in_id(context["run_id"])
    return RunKey(dag_run.dag_id, dag_run.run_id), str(getattr(dag_run.run_type, "value", dag_run.run_type))


def _type_in_id(run_id: str) -> str:
    kind, separator, _ = run_id.partition("__")
    return kind if separator else ""


def facts_of(run: RunKey, run_type: str) -> RunFacts:
    return RunFacts(run.dag_id, run.run_id, run_type, run_url(run))


def run_url(run: RunKey) -> str:
    base = _base_url()
    return f"{base}/dags/{quote(run.dag_id)}/runs/{quote(run.run_id, safe='')}" if base else ""


def task_url(run: RunKey, task_id: str) -> str:
    """The page of a task with its log; of its newest try."""
    url = run_url(run)
    return f"{url}/tasks/{quote(task_id)}" if url else ""


def task_id_of(context: Mapping[str, Any], object_name: str, step: str) -> str:
    """The task that did the step for the object, `<object>.<step>` where the DAG has it, else the last one to fail."""
    dag = context.get("dag")
    for guess in (f"{object_name}.{step}", object_name):  # a mart is one task
        if dag is not None and guess in dag.task_ids:
            return guess
    return failed_task_of(context)


def failed_task_of(context: Mapping[str, Any]) -> str:
    ti = context.get("ti")
    return str(ti.task_id) if ti is not None else ""


def fault_without_ledger(context: Mapping[str, Any], run: RunKey) -> Fault:
    """What can be said when no step left a word: the task that failed, and Airflow's own reason."""
    task_id, reason = failed_task_of(context), str(context.get("reason") or "")
    return Fault(
        name=task_id or run.dag_id,
        problem=_REASONS.get(reason, reason or "Airflow gives no reason."),
        fix="Read the last lines of its log." if task_id else "Open the run and read the log of its red task.",
        log_url=task_url(run, task_id) if task_id else "",
    )


def moment(text: str | datetime) -> datetime:
    """A time of the REST form, aware."""
    parsed = text if isinstance(text, datetime) else datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _base_url() -> str:
    from airflow.sdk.configuration import conf

    return str(conf.get("api", "base_url", fallback="") or "").rstrip("/")

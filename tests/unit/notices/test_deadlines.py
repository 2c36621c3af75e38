"""A deadline counts from the queue, can be found by the triggerer under its own name, and spares backfills."""

from __future__ import annotations

import asyncio
import importlib
from datetime import timedelta

from airflow.sdk import AsyncCallback

from crm_patterns.notices import deadline_alert, deadline_missed
from crm_patterns.notices.run_queued import RunQueued


def test_the_deadline_counts_from_the_moment_a_run_is_queued() -> None:
    alert = deadline_alert(timedelta(minutes=45), slack_conn_id="slack_ops")

    assert alert.reference == RunQueued()
    assert alert.interval == timedelta(minutes=45)
    assert isinstance(alert.callback, AsyncCallback)
    assert alert.callback.kwargs == {"slack_conn_id": "slack_ops", "allowed_s": 2_700.0}


def test_the_callback_is_found_by_its_path() -> None:
    module, _, name = deadline_alert(timedelta(1)).callback.path.rpartition(".")

    assert getattr(importlib.import_module(module), name) is deadline_missed
    assert module == "crm_patterns.notices.deadlines"


def test_a_backfill_is_never_late() -> None:
    context = {
        "dag_run": {"dag_id": "d", "dag_run_id": "backfill__x", "run_type": "backfill", "state": "queued"},
        "deadline": {"id": "1", "deadline_time": "2026-03-01T12:00:00Z"},
    }

    said = asyncio.run(deadline_missed(context, slack_conn_id="there is no such connection", allowed_s=60))

    assert said == "A backfill has no deadline."

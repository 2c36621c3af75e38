"""The deadline of a run: told once, when it passes, by the triggerer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback  # airflow.sdk re-exports them, but not to type checkers
from airflow.sdk.definitions.deadline import DeadlineAlert

from crm_patterns.notices.run_queued import RunQueued


def deadline_alert(interval: timedelta, *, slack_conn_id: str = "slack_default") -> DeadlineAlert:
    """
    A run has to be done `interval` after it was queued.

    Not after its logical date: then each run of a backfill, and the first run after a pause, would be late at birth.
    Airflow fixes a run's deadline when it is queued; clearing a run gives it no new one.
    """
    callback = AsyncCallback(deadline_missed, {"slack_conn_id": slack_conn_id, "allowed_s": interval.total_seconds()})
    return DeadlineAlert(RunQueued(), interval, callback, name=f"done in {interval}")


async def deadline_missed(context: Mapping[str, Any], *, slack_conn_id: str, allowed_s: float) -> str:
    """
    One message that names the run and by how much it is late; none for a backfill, whose runs queue for one another.

    Returns what was done, for Airflow's record of the callback. Raises nothing: see `slack.send_async`.
    """
    from crm_patterns.core.ports import RunKey
    from crm_patterns.notices import callback_context as told
    from crm_patterns.notices import messages

    dag_run = context["dag_run"]
    run = RunKey(dag_run["dag_id"], dag_run.get("dag_run_id") or dag_run["run_id"])
    run_type = str(dag_run.get("run_type") or "")
    if run_type == told.BACKFILL:
        return "A backfill has no deadline."
    message = messages.late(
        told.facts_of(run, run_type),
        allowed=timedelta(seconds=allowed_s),
        due=told.moment(context["deadline"]["deadline_time"]),
        now=datetime.now(UTC),
        state=str(dag_run.get("state") or ""),
    )
    from crm_patterns.notices.slack import send_async

    return "Told." if await send_async(slack_conn_id, message) else "Slack did not take it; see the log."

"""What the DAGs of one pattern have in common: when, how often tried again, whom to tell, what can be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetAny, AssetOrTimeSchedule, CronDataIntervalTimetable, Param

from crm_patterns.notices import DriftNotice, RunFailedNotice, RunRecoveredNotice, SchemaChangedNotice, deadline_alert

if TYPE_CHECKING:
    from crm_patterns.catalog import CommonSettings


def dag_arguments(
    settings: CommonSettings,
    *,
    schedule: str | None,
    deadline: timedelta,
    tags: Sequence[str] = ("salesforce", "snowflake"),
    events: Sequence[Asset] = (),
) -> dict[str, Any]:
    """
    Arguments of `@dag`. Runs have a data interval, do not overlap, and are not made up for by themselves.

    With `events` a change of any of these assets starts a run, too; that one has no data interval. Without a schedule
    a person starts them.
    """
    told = {"slack_conn_id": settings.slack_conn_id, "state_conn_id": settings.state_conn_id}
    return {
        "schedule": _timetable(schedule, events) if schedule else None,
        "start_date": settings.start_date,
        "catchup": False,
        "max_active_runs": 1,
        "tags": ["crm", *tags],
        "default_args": {
            "retries": settings.retry.attempts,
            "retry_delay": timedelta(seconds=settings.retry.delay_s),
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(seconds=settings.retry.max_delay_s),
        },
        "on_failure_callback": [RunFailedNotice(**told), SchemaChangedNotice(**told), DriftNotice(**told)],
        "on_success_callback": [RunRecoveredNotice(**told), SchemaChangedNotice(**told), DriftNotice(**told)],
        "deadline": deadline_alert(deadline, slack_conn_id=settings.slack_conn_id),
    }


def _timetable(schedule: str, events: Sequence[Asset]) -> CronDataIntervalTimetable | AssetOrTimeSchedule:
    timetable = CronDataIntervalTimetable(schedule, timezone="UTC")
    return AssetOrTimeSchedule(timetable=timetable, assets=AssetAny(*events)) if events else timetable


def objects_param(names: list[str]) -> Param:
    """Which objects a run is about."""
    return Param(
        [], type=["array", "null"], items={"type": "string", "enum": names}, examples=names, title="Objects",
        description="Only these; empty: all.",
    )  # fmt: skip


def dry_run_param(says: str) -> Param:
    """Whether a run only says what it would do."""
    return Param(False, type="boolean", title="Dry run", description=f"Only say {says}.")


def window_param(title: str, says: str) -> Param:
    """One end of the window that a manual run reads again."""
    return Param(None, type=["string", "null"], format="date-time", title=title, description=says)

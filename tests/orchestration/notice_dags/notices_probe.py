"""DAGs that fail, recover, set records aside or are late on demand, with the notices under test."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from airflow.sdk import CronDataIntervalTimetable, dag, get_current_context, task

from crm_patterns.core.outcomes import RunState, Tally
from crm_patterns.core.ports import ObjectOutcome, RunKey
from crm_patterns.core.records import RejectedRow, RejectionClass
from crm_patterns.hooks.state import StateHook
from crm_patterns.notices import RunFailedNotice, RunRecoveredNotice, deadline_alert

SEEN = Path(os.environ["NOTICES_PROBE_FOLDER"])
PROBLEM = "The password of integration@acme.example is wrong <&>."


def keep_context(context) -> None:
    """Write down what Airflow tells a callback, and in which process."""
    ti, run = context.get("ti"), context.get("dag_run")
    seen = {
        "keys": sorted(context),
        "reason": context.get("reason"),
        "task_id": ti.task_id if ti else None,
        "run_type": str(run.run_type) if run else None,
        "ancestors": [" ".join(parent.cmdline()) for parent in psutil.Process().parents()],
    }
    with (SEEN / "contexts.jsonl").open("a") as lines:
        lines.write(json.dumps(seen) + "\n")


def ledger():
    context = get_current_context()
    run = RunKey(context["dag_run"].dag_id, context["dag_run"].run_id)
    state = StateHook().state()
    state.start_run(run, source="salesforce", run_type="manual", at=datetime.now(UTC))
    return state, run, dict(context["dag_run"].conf or {})


def work(object_name: str) -> None:
    state, run, conf = ledger()
    if conf.get("silent"):
        raise RuntimeError("gone before anything was recorded")
    if conf.get("fail"):
        outcome = ObjectOutcome(
            object_name, RunState.FAILED, problem=PROBLEM, fix="Set a new one.", failed_step="extract"
        )
        state.record_outcome(run, outcome)
        raise RuntimeError(PROBLEM)
    rejected = 2 if conf.get("partial") else 0
    rows = [
        RejectedRow(f"00{n}", "The e-mail address is not one.", RejectionClass.EXPECTATION, "expect_regex", "email")
        for n in range(rejected)
    ]
    state.quarantine(run, "salesforce", object_name, rows, stage_uri="file:///stage", at=datetime.now(UTC))
    settled = RunState.PARTIAL if rejected else RunState.SUCCESS
    tally = Tally(read=5, created=5 - rejected, rejected=rejected)
    state.record_outcome(run, ObjectOutcome(object_name, settled, tally))


@dag(
    schedule=None,
    is_paused_upon_creation=False,
    default_args={"retries": 1, "retry_delay": timedelta(seconds=1)},
    on_failure_callback=[keep_context, RunFailedNotice()],
    on_success_callback=[keep_context, RunRecoveredNotice()],
)
def notices_outcome():
    @task(task_id="Account.extract")
    def account() -> None:
        work("Account")

    @task(task_id="Contact.extract")
    def contact() -> None:
        work("Contact")

    @task(trigger_rule="all_success")
    def close_run() -> None:
        state, run, conf = ledger()
        state.finish_run(run, state=RunState.PARTIAL if conf.get("partial") else RunState.SUCCESS, at=datetime.now(UTC))

    [account(), contact()] >> close_run()


@dag(
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    end_date=datetime(2025, 1, 3, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=False,
    deadline=deadline_alert(timedelta(seconds=3)),
)
def notices_late():
    @task
    def sleep() -> None:
        time.sleep(12)

    sleep()


notices_outcome()
notices_late()

"""The notices with a real state and a real HTTP receiver: what is sent, once, and what happens when either is down."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import URL

from crm_patterns.core.outcomes import RunState, Tally
from crm_patterns.core.ports import ObjectOutcome, RunKey
from crm_patterns.core.records import RejectedRow, RejectionClass
from crm_patterns.core.schema_changes import ChangeKind, KnownSchema, SchemaChange, SchemaPlan, Severity
from crm_patterns.notices import RunFailedNotice, RunRecoveredNotice, SchemaChangedNotice, deadline_missed
from crm_patterns.notices.slack import LONGEST_WAIT_S
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine
from tests.orchestration.support.slack_stand_in import SlackStandIn, slack_stand_in

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAG = "crm_warehouse_elt"


@pytest.fixture
def slack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackStandIn]:
    with slack_stand_in(tmp_path / "slack") as stand_in:
        monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(stand_in.connection))
        monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.acme.example/")
        yield stand_in


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OperationalState]:
    file = tmp_path / "state.db"
    monkeypatch.setenv("AIRFLOW_CONN_CRM_STATE", json.dumps({"conn_type": "sqlite", "host": str(file)}))
    opened = OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(file))))
    yield opened
    opened.close()


def context(run_id: str, *, run_type: str = "scheduled", reason: str = "task_failure") -> dict[str, Any]:
    """What Airflow tells, as far as the notices read it; test_notices_real.py holds it against Airflow."""
    return {
        "dag": SimpleNamespace(dag_id=DAG, task_ids=["Account.load", "Contact.extract", "close_run"]),
        "dag_run": SimpleNamespace(dag_id=DAG, run_id=run_id, run_type=run_type),
        "run_id": run_id,
        "ti": SimpleNamespace(task_id="Contact.extract"),
        "reason": reason,
    }


def fails(state: OperationalState, run_id: str, *objects: str) -> None:
    run = RunKey(DAG, run_id)
    state.start_run(run, source="salesforce", run_type="scheduled", at=NOW)
    for name in objects:
        outcome = ObjectOutcome(name, RunState.FAILED, problem=f"{name} is hidden.", fix="Show it.", failed_step="load")
        state.record_outcome(run, outcome)


def is_green(state: OperationalState, run_id: str, *, verdict: RunState = RunState.SUCCESS, rejected: int = 0) -> None:
    run = RunKey(DAG, run_id)
    state.start_run(run, source="salesforce", run_type="scheduled", at=NOW)
    state.record_outcome(run, ObjectOutcome("Account", verdict, Tally(read=9, created=9 - rejected, rejected=rejected)))
    state.finish_run(run, state=verdict, at=NOW)


def test_a_failed_run_is_one_message_from_the_ledger(slack: SlackStandIn, state: OperationalState) -> None:
    fails(state, "scheduled__1", "Account", "Contact")

    for _ in range(2):
        RunFailedNotice().notify(context("scheduled__1"))

    [told] = slack.messages
    body = json.dumps(told)
    assert told["text"].startswith(f"{DAG} failed: Account, Contact. Account is hidden. Show it.")
    assert f"https://airflow.acme.example/dags/{DAG}/runs/scheduled__1/tasks/Account.load|Log" in body
    assert "Contact is hidden." in body


def test_each_failed_run_is_told_and_the_first_green_one_once(slack: SlackStandIn, state: OperationalState) -> None:
    for number in (1, 2):
        fails(state, f"scheduled__{number}", "Account")
        RunFailedNotice().notify(context(f"scheduled__{number}"))
    for number in (3, 4):
        is_green(state, f"scheduled__{number}")
        RunRecoveredNotice().notify(context(f"scheduled__{number}", reason="success"))

    failed = f"🔴 {DAG} failed: Account"
    assert slack.headers == [failed, failed, f"🟢 {DAG} is green again"]


def finds_changes(state: OperationalState, run_id: str, *sentences: str) -> None:
    run = RunKey(DAG, run_id)
    for number, sentence in enumerate(sentences):
        what = SchemaChange(ChangeKind.REMOVED, "F__c", "f_c", "", "", "", sentence, Severity.HIGH, f"{run_id}{number}")
        name = f"Object{number}"
        known = state.known_schema("salesforce", name)
        version = known.version if known else 0
        state.plan_schema(run, "salesforce", name, SchemaPlan(KnownSchema((), version + 1), version, "f", (what,)))
        assert state.settle_schema(run, "salesforce", name, fingerprint="f", at=NOW)


def test_changed_fields_are_told_once_in_one_message(slack: SlackStandIn, state: OperationalState) -> None:
    finds_changes(state, "scheduled__1", "F__c is gone.", "F__c is <hidden>.")

    for reason in ("success", "task_failure"):
        SchemaChangedNotice().notify(context("scheduled__1", reason=reason))
    SchemaChangedNotice().notify(context("scheduled__2", reason="success"))

    [told] = slack.messages
    assert slack.headers == [f"🔵 {DAG}: 2 field changes in the CRM, 2 to look at"]
    assert "*Object0*: F__c is gone." in json.dumps(told)
    assert "*Object1*: F__c is &lt;hidden&gt;." in json.dumps(told)


def test_changed_fields_that_slack_did_not_take_are_told_by_the_next_run(
    slack: SlackStandIn, state: OperationalState, monkeypatch: pytest.MonkeyPatch
) -> None:
    finds_changes(state, "scheduled__1", "F__c is gone.")
    nobody = {**slack.connection, "host": "127.0.0.1:9"}
    with monkeypatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(nobody))
        SchemaChangedNotice().notify(context("scheduled__1", reason="success"))
    assert slack.messages == []
    finds_changes(state, "scheduled__2", "F__c is back.")

    SchemaChangedNotice().notify(context("scheduled__2", reason="success"))

    [told] = slack.messages
    assert "F__c is gone." in json.dumps(told)
    assert "F__c is back." in json.dumps(told)


def test_a_backfill_has_an_incident_of_its_own(slack: SlackStandIn, state: OperationalState) -> None:
    fails(state, "backfill__1", "Account")
    RunFailedNotice().notify(context("backfill__1", run_type="backfill"))
    is_green(state, "scheduled__1")
    RunRecoveredNotice().notify(context("scheduled__1", reason="success"))
    after_another_run = len(slack.messages)
    is_green(state, "backfill__1")
    RunRecoveredNotice().notify(context("backfill__1", run_type="backfill", reason="success"))

    assert after_another_run == 1
    assert slack.headers[1:] == [f"🟢 {DAG} is green again"]


def test_a_partial_run_tells_rules_and_never_values(slack: SlackStandIn, state: OperationalState) -> None:
    run = RunKey(DAG, "scheduled__1")
    rows = [
        RejectedRow("001", "'zoe@' is no address.", RejectionClass.CONTRACT, "text_length", "email", {"email": "zoe@"}),
        RejectedRow("002", "The stage is not in the list.", RejectionClass.EXPECTATION, "in_set", "stage"),
        RejectedRow("003", "The stage is not in the list.", RejectionClass.EXPECTATION, "in_set", "stage"),
    ]
    state.quarantine(run, "salesforce", "Account", rows, stage_uri="s", at=NOW)
    is_green(state, "scheduled__1", verdict=RunState.PARTIAL, rejected=3)

    RunRecoveredNotice().notify(context("scheduled__1", reason="success"))

    [told] = slack.messages
    body = json.dumps(told, ensure_ascii=False)
    assert slack.headers == [f"🟡 {DAG}: 3 set aside"]
    assert "*Account*: 2 × The stage is not in the list.\\n• *Account*: 1 × email: text_length" in body
    assert "zoe@" not in body


def test_the_longest_messages_are_taken_by_slack(slack: SlackStandIn, state: OperationalState) -> None:
    fails(state, "scheduled__1", *(f"Object_{number}__c" + "&" * 100 for number in range(60)))

    RunFailedNotice().notify(context("scheduled__1"))

    assert len(slack.messages) == 1


def test_a_run_that_left_no_word_is_told_with_its_task(slack: SlackStandIn, state: OperationalState) -> None:
    RunFailedNotice().notify(context("scheduled__1"))
    RunFailedNotice().notify({"dag": SimpleNamespace(dag_id=DAG), "run_id": "scheduled__2", "reason": "timed_out"})

    assert slack.headers == [f"🔴 {DAG} failed: Contact.extract", f"🔴 {DAG} failed: {DAG}"]
    assert "tasks/Contact.extract|Log" in json.dumps(slack.messages[0])
    assert "longer than its dagrun_timeout" in json.dumps(slack.messages[1])


def test_without_the_state_a_failure_is_still_told(
    slack: SlackStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state.db").write_bytes(b"not a database, though long enough to be taken for one" * 40)
    broken = {"conn_type": "sqlite", "host": str(tmp_path / "state.db")}
    monkeypatch.setenv("AIRFLOW_CONN_CRM_STATE", json.dumps(broken))

    RunFailedNotice().notify(context("scheduled__1"))
    RunRecoveredNotice().notify(context("scheduled__2", reason="success"))

    assert slack.headers == [f"🔴 {DAG} failed: Contact.extract"]


def test_what_slack_did_not_take_is_told_the_next_time(slack: SlackStandIn, state: OperationalState) -> None:
    fails(state, "scheduled__1", "Account")

    slack.go_down()
    RunFailedNotice().notify(context("scheduled__1"))
    asked_while_down = slack.requests
    slack.come_back()
    RunFailedNotice().notify(context("scheduled__1"))

    assert asked_while_down == 2
    assert slack.headers == [f"🔴 {DAG} failed: Account"]


def test_slack_asking_for_patience_is_waited_for_within_limits(slack: SlackStandIn, state: OperationalState) -> None:
    fails(state, "scheduled__1", "Account")
    slack.fault(kind="status", status=429, headers={"Retry-After": "1"})
    began = time.monotonic()
    RunFailedNotice().notify(context("scheduled__1"))
    waited = time.monotonic() - began

    fails(state, "scheduled__2", "Account")
    slack.fault(kind="status", status=429, headers={"Retry-After": str(LONGEST_WAIT_S * 100)})
    began = time.monotonic()
    RunFailedNotice().notify(context("scheduled__2"))
    gave_up_after = time.monotonic() - began

    assert slack.headers == [f"🔴 {DAG} failed: Account"]
    assert waited >= 1
    assert gave_up_after < LONGEST_WAIT_S


def test_a_slack_that_never_answers_is_given_up_on(
    slack: SlackStandIn, state: OperationalState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_patterns.notices.slack.TIMEOUT_S", 1)
    fails(state, "scheduled__1", "Account")
    slack.fault(kind="delay", seconds=4, count=None)
    began = time.monotonic()

    RunFailedNotice().notify(context("scheduled__1"))

    assert time.monotonic() - began < 3.5


def test_a_lost_answer_is_asked_for_again(slack: SlackStandIn, state: OperationalState) -> None:
    """Slack has no key against repetition: a message too many is better than one too few."""
    fails(state, "scheduled__1", "Account")
    slack.fault(kind="lost_reply")

    RunFailedNotice().notify(context("scheduled__1"))

    assert slack.headers == [f"🔴 {DAG} failed: Account"] * 2


def test_a_slack_that_cannot_be_reached_is_logged_without_its_secret(
    state: OperationalState, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    webhook = {"conn_type": "slackwebhook", "host": "http://127.0.0.1:1/services", "password": "T0/B0/hush-hush"}
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(webhook))
    fails(state, "scheduled__1", "Account")

    with caplog.at_level(logging.DEBUG):
        RunFailedNotice().notify(context("scheduled__1"))

    assert "did not take a notice" in caplog.text
    assert "Account is hidden." in caplog.text
    assert "hush-hush" not in caplog.text


def test_a_connection_that_is_missing_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    RunFailedNotice(slack_conn_id="nowhere", state_conn_id="nowhere").notify(context("scheduled__1"))
    RunRecoveredNotice(slack_conn_id="nowhere", state_conn_id="nowhere").notify(context("scheduled__1"))


LATE = {
    "dag_run": {"dag_id": DAG, "dag_run_id": "scheduled__1", "run_type": "scheduled", "state": "running"},
    "deadline": {"id": "1", "deadline_time": "2026-03-01T12:00:00Z"},
}


def test_a_late_run_is_told_without_blocking_the_triggerer(slack: SlackStandIn) -> None:
    slack.fault(kind="status", status=429, headers={"Retry-After": "1"})

    async def beside_other_work() -> tuple[str, int]:
        ticks = 0
        told = asyncio.create_task(deadline_missed(LATE, slack_conn_id="slack_default", allowed_s=2_700))
        while not told.done():
            await asyncio.sleep(0.05)
            ticks += 1
        return told.result(), ticks

    said, ticks = asyncio.run(beside_other_work())

    assert said == "Told."
    assert slack.headers == [f"🟠 {DAG} is late"]
    assert "45 min after it was queued" in slack.messages[0]["text"]
    assert ticks > 10


def test_a_deadline_with_slack_down_is_no_error_of_the_triggerer(slack: SlackStandIn) -> None:
    slack.go_down()

    said = asyncio.run(deadline_missed(LATE, slack_conn_id="slack_default", allowed_s=60))

    assert said == "Slack did not take it; see the log."
    assert slack.messages == []
